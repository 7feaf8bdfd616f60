"""Celery's own figures: publishes, and is the application of the Python workers."""

import json
import os
import resource
import sys
import time

from celery import Celery

conf = json.loads(os.environ.get("BENCH_CONF", "{}"))
app = Celery("bench", broker=conf.pop("broker", None), backend=conf.pop("backend", None))
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True, **conf)


@app.task(name="bench.noop")
def noop(x, y):
    return None


def publish(count):
    options = {"ignore_result": True}
    for _ in range(min(200, count)):
        noop.apply_async((1, 2), **options)
    cpu, start = time.process_time(), time.perf_counter()
    for _ in range(count):
        noop.apply_async((1, 2), **options)
    figures = {
        "messages": count,
        "seconds": time.perf_counter() - start,
        "cpuSeconds": time.process_time() - cpu,
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    publish(int(sys.argv[1]))
