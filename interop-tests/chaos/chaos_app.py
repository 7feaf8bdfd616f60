"""The Python half of the workers that get killed: the same task as in worker-process.ts."""

import json
import os
import time

import redis
from celery import Celery

app = Celery("chaos")
app.conf.update(json.loads(os.environ["CELERIAC_CONF"]))

ledger = redis.Redis.from_url(os.environ["CHAOS_LEDGER"])
prefix = os.environ["CHAOS_PREFIX"]


@app.task(name="chaos.work", bind=True, ignore_result=True)
def work(self, milliseconds):
    time.sleep(milliseconds / 1000)
    redelivered = int(bool(self.request.delivery_info.get("redelivered")))
    with ledger.pipeline(transaction=True) as both:
        both.hincrby(prefix + ":done", self.request.id, 1)
        # The process that an operator sees is the parent of the one that runs tasks.
        both.rpush(prefix + ":runs", "%s python %d %d" % (self.request.id, os.getppid(), redelivered))
        both.execute()
