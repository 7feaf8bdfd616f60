"""The Python application that interop tests, the containers and the demo talk to.

Everything that changes from run to run comes from the environment: CELERY_BROKER_URL and CELERY_RESULT_BACKEND (Celery
reads both itself) and CELERIAC_CONF, a JSON object of further settings under Celery's names.
"""

import datetime
import decimal
import json
import os
import time
import uuid

from celery import Celery
from celery.exceptions import Ignore, Reject

app = Celery("interop")
# `interop.` in front of every name: tests see at once whose task a message is.
app.conf.update(
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    task_create_missing_queues=True,
)
app.conf.update(json.loads(os.environ.get("CELERIAC_CONF") or "{}"))


class PaymentError(Exception):
    """A custom exception whose arguments are not one text."""

    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self):
        return "payment failed with %s: %s" % (self.code, self.detail)


class Unpicklable(Exception):
    """Cannot be pickled, and refuses to be built from its own `args`."""

    def __init__(self, one, two):
        super().__init__("only one")
        self.lock = one
        self.two = two

    def __reduce__(self):
        raise TypeError("not to be pickled")


@app.task(name="interop.add")
def add(x, y):
    return x + y


@app.task(name="interop.mul")
def mul(x, y):
    return x * y


@app.task(name="interop.xsum")
def xsum(numbers):
    return sum(numbers)


@app.task(name="interop.echo")
def echo(value=None):
    return value


@app.task(name="interop.describe")
def describe(value):
    """What Python sees: the type's name and repr(), so that a test can tell 1 from 1.0."""
    return [type(value).__name__, repr(value)]


@app.task(name="interop.keywords")
def keywords(*, first, second="default"):
    return {"first": first, "second": second}


@app.task(name="interop.arguments")
def arguments(*args, **kwargs):
    return [list(args), kwargs]


@app.task(name="interop.typed")
def typed():
    return {
        "datetime": datetime.datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=datetime.timezone.utc),
        "naive": datetime.datetime(2026, 1, 2, 3, 4, 5),
        "date": datetime.date(2026, 1, 2),
        "time": datetime.time(3, 4, 5),
        "decimal": decimal.Decimal("1.10"),
        "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
        "bytes": b"\xff\x00\x01",
        "text": b"text",
    }


@app.task(name="interop.fail")
def fail(message="it broke"):
    raise ValueError(message)


@app.task(name="interop.fail_custom")
def fail_custom(code=402, detail="no funds"):
    raise PaymentError(code, detail)


@app.task(name="interop.fail_key")
def fail_key():
    return {}["missing"]


@app.task(name="interop.fail_unpicklable")
def fail_unpicklable():
    raise Unpicklable(object(), "two")


@app.task(name="interop.fail_nested")
def fail_nested():
    try:
        fail("inner")
    except ValueError as error:
        raise RuntimeError("outer") from error


@app.task(name="interop.sleep")
def sleep(seconds, value=None):
    time.sleep(seconds)
    return value


@app.task(name="interop.progress", bind=True)
def progress(self, steps, pause=0.05):
    for step in range(1, steps + 1):
        self.update_state(state="PROGRESS", meta={"current": step, "total": steps})
        time.sleep(pause)
    return {"steps": steps}


@app.task(name="interop.flaky", bind=True, max_retries=5)
def flaky(self, failures, countdown=0):
    """Fails that many times, then succeeds with the number of retries."""
    if self.request.retries < failures:
        raise self.retry(exc=ValueError("attempt %d" % self.request.retries), countdown=countdown)
    return self.request.retries


@app.task(name="interop.hopeless", bind=True, max_retries=1, default_retry_delay=0)
def hopeless(self):
    raise self.retry(exc=ValueError("hopeless"))


@app.task(name="interop.big")
def big(size):
    return "x" * size


@app.task(name="interop.silent", ignore_result=True)
def silent(path, text):
    """Has no result: what it did is seen in a file."""
    with open(path, "a") as file:
        file.write(text + "\n")


@app.task(name="interop.note")
def note(value, path):
    """For callbacks: writes what it was given as one line of JSON, and passes it on."""
    with open(path, "a") as file:
        file.write(json.dumps(value) + "\n")
    return value


@app.task(name="interop.note_id")
def note_id(task_id, *, path):
    """For errbacks: with one positional parameter, Celery gives it the id of the task that failed."""
    return note(task_id, path)


@app.task(name="interop.ignored")
def ignored():
    raise Ignore()


@app.task(name="interop.rejected", acks_late=True)
def rejected():
    raise Reject("not wanted", requeue=False)


@app.task(name="interop.request", bind=True)
def request(self, *args):
    """The request as Python's worker understood it."""
    r = self.request
    # Celery 5.2 leaves custom headers among the attributes.
    headers = r.headers or {k: v for k, v in vars(r).items() if k.startswith("x-")}
    return {
        "id": r.id,
        "root_id": r.root_id,
        "parent_id": r.parent_id,
        "group": r.group,
        "eta": r.eta,
        "expires": r.expires,
        "retries": r.retries,
        "timelimit": r.timelimit,
        "argsrepr": r.argsrepr,
        "kwargsrepr": r.kwargsrepr,
        "shadow": r.shadow,
        "origin": r.origin,
        "headers": headers,
        "reply_to": r.reply_to,
        "correlation_id": r.correlation_id,
        "delivery_info": {k: r.delivery_info.get(k) for k in ("exchange", "routing_key", "priority", "redelivered")},
        "stamps": getattr(r, "stamps", None),
        "hostname": r.hostname,
        "now": time.time(),
    }


@app.task(name="interop.spawn", bind=True)
def spawn(self, x, y):
    """Sends a child: `children` of the result."""
    child = add.delay(x, y)
    return child.id


@app.task(name="interop.again", bind=True)
def again(self, x, y=None, z=None, how=None):
    """Asks for another attempt, in whatever way it is told."""
    raise self.retry(**how)


@app.task(name="interop.replaced", bind=True)
def replaced(self, name, args, options):
    """Has itself replaced by a task of that name."""
    raise self.replace(app.signature(name, args=tuple(args), **options))


@app.task(name="interop.raises")
def raises(code):
    """Raises what a piece of Python makes."""
    raise eval(code)


@app.task(name="interop.no_more", bind=True, max_retries=0)
def no_more(self):
    raise self.retry()


@app.task(name="interop.dies")
def dies():
    os._exit(1)
