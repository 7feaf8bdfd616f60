"""The Python side of the worker table: the tasks that CELERIAC_TABLE declares, as tasks.ts has them for ours."""

import json
import os
import re
import signal
import time

from celery import Celery, signature
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from kombu import Exchange, Queue

table = json.loads(os.environ["CELERIAC_TABLE"])
app = Celery("table")
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)
app.conf.update(json.loads(os.environ["CELERIAC_CONF"]))
app.conf.task_queues = [
    Queue(one["name"], Exchange(one["name"]), routing_key=one["name"], queue_arguments=one["arguments"])
    for one in table["queues"]
]


def snake(name):
    return re.sub("[A-Z]", lambda letter: "_" + letter.group().lower(), name)


def add(self, x, y):
    return x + y


def fail(self, *args):
    raise Exception("boom")


def nap(self):
    time.sleep(2)
    return "rested"


def hang(self):
    time.sleep(60)
    raise Exception("nobody stopped it")


def hang_once(self):
    if self.request.delivery_info["redelivered"]:
        return "back"
    time.sleep(60)


def hang_caught(self):
    try:
        time.sleep(60)
    except SoftTimeLimitExceeded:
        return "cleaned up"


def die(self):
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def die_once(self):
    if self.request.delivery_info["redelivered"] or self.request.retries > 0:
        return "back"
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def retry(self, settings):
    options = dict(settings)
    times, cause = options.pop("times"), options.pop("cause", None)
    if self.request.retries >= times:
        return "after %d" % self.request.retries
    if "maxRetries" in options:
        options["max_retries"] = options.pop("maxRetries")
    raise self.retry(exc=Exception(cause) if cause else None, **options)


def ignore(self):
    raise Ignore("not worth it")


def reject(self, settings):
    if self.request.delivery_info["redelivered"]:
        return "back"
    raise Reject("not for me", requeue=settings["requeue"])


def states(self, settings):
    for state, meta in settings["states"]:
        self.update_state(state=state, meta=meta)
    if settings["then"] == "fail":
        raise Exception("boom")
    if settings["then"] == "ignore":
        raise Ignore()
    if settings["then"] == "requeue":
        if self.request.delivery_info["redelivered"]:
            return "ran again"
        raise Reject("not for me", requeue=True)
    return "done"


def replace(self, settings):
    return self.replace(signature(settings["task"], settings["args"], queue=settings["queue"], app=app))


errors = {"Error": Exception, "TypeError": TypeError}

for one in table["tasks"]:
    # Python functions have names for their arguments already.
    options = {snake(name): value for name, value in one["options"].items() if name != "params"}
    if "autoretry_for" in options:
        options["autoretry_for"] = tuple(errors[name] for name in options["autoretry_for"])
    app.task(globals()[one["does"]], name=one["name"], bind=True, **options)


@app.task(name="table.fence")
def fence():
    return None
