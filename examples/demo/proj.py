"""The Python half of the demo: an ordinary Celery application."""

import os
import time

from celery import Celery

folder = os.environ["DEMO_FOLDER"]
app = Celery("proj", broker="filesystem://", backend="file://" + folder + "/results")
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder + "/messages",
        "data_folder_out": folder + "/messages",
        "control_folder": folder + "/control",
        "polling_interval": 0.1,
    },
    task_default_queue="python",
    broker_connection_retry_on_startup=True,
)


@app.task(name="proj.add")
def add(x, y):
    return x + y


@app.task(name="proj.divide")
def divide(x, y):
    return x / y


@app.task(name="proj.download", bind=True)
def download(self, parts):
    for part in range(1, parts + 1):
        self.update_state(state="PROGRESS", meta={"part": part, "of": parts})
        time.sleep(0.4)
    return "%d parts downloaded" % parts
