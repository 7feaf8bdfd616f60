"""A Python Celery client driven by JSON lines: one request per line on stdin, one answer per line on stdout.

Request {"n": 1, "op": "send", ...}; answer {"n": 1, "ok": value} or {"n": 1, "error": {...}}. Requests are served one
after the other. Values that JSON cannot tell apart travel in the notation of `pack` and `unpack`.
"""

import base64
import datetime
import decimal
import json
import math
import os
import sys
import time
import traceback
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "python-fixtures", "app"))

import kombu  # noqa: E402
from celery import chain, chord, group, signature  # noqa: E402
from celery.backends.asynchronous import Drainer  # noqa: E402
from celery.result import AsyncResult, GroupResult  # noqa: E402
from tasks import app  # noqa: E402

# Celery waits for results a second at a time, and loses an rpc answer that comes just when such a second ends (Python to
# Python too, about one in six that are timed so). Longer steps: that is not what these tests are about.
Drainer.drain_events_until.__defaults__ = (None, 10, None, None)

out = os.fdopen(os.dup(1), "w", encoding="ascii")
os.dup2(2, 1)  # whatever a library prints must not end up among the answers


def pack(value):
    """A Python value as plain JSON: {"$": type, "v": text} for what JSON has no notation for."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$": "int", "v": str(value)}
    if isinstance(value, float):
        plain = math.isfinite(value) and not value.is_integer()
        return value if plain else {"$": "float", "v": repr(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"$": "bytes", "v": base64.b64encode(value).decode()}
    if isinstance(value, datetime.datetime):
        return {"$": "datetime", "v": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$": "date", "v": value.isoformat()}
    if isinstance(value, datetime.time):
        return {"$": "time", "v": value.isoformat()}
    if isinstance(value, decimal.Decimal):
        return {"$": "decimal", "v": str(value)}
    if isinstance(value, uuid.UUID):
        return {"$": "uuid", "v": str(value)}
    if isinstance(value, dict):
        return {str(k): pack(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(v) for v in value]
    if isinstance(value, BaseException):
        return {"$": "exception", "v": describe(value)}
    return {"$": "other", "v": repr(value)}


READERS = {
    "int": int,
    "float": float,
    "bytes": base64.b64decode,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
}


def unpack(value):
    if isinstance(value, list):
        return [unpack(v) for v in value]
    if isinstance(value, dict):
        if set(value) == {"$", "v"}:
            return READERS[value["$"]](value["v"])
        return {k: unpack(v) for k, v in value.items()}
    return value


def describe(error):
    """An exception as a caller of Python sees it."""
    return {
        "type": type(error).__name__,
        "module": type(error).__module__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": str(error),
        "args": pack(error.args),
    }


def outcome(result, timeout):
    """What `result.get()` gives: a value, or the exception it raises."""
    try:
        return {"value": pack(result.get(timeout=timeout, interval=0.01))}
    except Exception as error:
        meta = {"state": None, "traceback": None}
        if type(error).__name__ != "TimeoutError":
            meta = {"state": result.state, "traceback": result.traceback}
        return {"raised": {**describe(error), **meta}}


kept = {}  # results by id: rpc answers only the object that asked


def result_of(task_id):
    return kept.get(task_id) or AsyncResult(task_id, app=app)


def send(name, args=(), kwargs=None, options=None):
    options = unpack(options or {})
    for key in ("link", "link_error"):
        if key in options:
            links = options[key] if isinstance(options[key], list) else [options[key]]
            options[key] = [signature(link, app=app) for link in links]
    result = app.send_task(name, unpack(list(args)), unpack(kwargs or {}), **options)
    kept[result.id] = result
    return result.id


def get(id, timeout=20):
    return outcome(result_of(id), timeout)


def call(name, args=(), kwargs=None, options=None, timeout=20):
    return get(send(name, args, kwargs, options), timeout)


def call_many(name, list_of_args, timeout=60):
    """Sends all, then collects all, in order."""
    ids = [send(name, args) for args in list_of_args]
    return [get(one, timeout) for one in ids]


def state(id):
    result = result_of(id)
    return {"state": result.state, "info": pack(result.info), "traceback": result.traceback}


def watch(id, until, timeout=20):
    """The different states seen, in order, up to the result or to one of `until`."""
    seen = []

    def saw(meta):
        now = [meta["status"], pack(meta["result"])]
        if not seen or seen[-1] != now:
            seen.append(now)

    result = result_of(id)
    if hasattr(app.backend, "result_consumer"):
        # Backends that are told of changes: rpc answers nobody who merely looks.
        result.get(timeout=timeout, propagate=False, on_message=saw)
        saw(result._get_task_meta())
        return seen
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        saw(result._get_task_meta())
        if seen[-1][0] in until:
            return seen
        time.sleep(0.002)
    raise TimeoutError("states seen: %r" % (seen,))


def publish(body, queue, content_type="application/json", content_encoding="utf-8", headers=None, properties=None):
    """One raw message, as bytes, to the queue of that name."""
    with app.connection_for_write() as connection:
        producer = connection.Producer(auto_declare=False)
        producer.publish(
            base64.b64decode(body),
            exchange="",
            routing_key=queue,
            content_type=content_type,
            content_encoding=content_encoding,
            headers=unpack(headers or {}),
            declare=[app.amqp.queues[queue]],
            **unpack(properties or {}),
        )


def take(queue, timeout=5):
    """One raw message out of a queue, acknowledged; None when there is none."""
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        app.amqp.queues[queue](channel).declare()
        deadline = time.monotonic() + timeout
        while True:
            message = kombu.Queue(queue)(channel).get()
            if message is not None:
                message.ack()
                body = message.body if isinstance(message.body, bytes) else message.body.encode()
                return {
                    "body": base64.b64encode(body).decode(),
                    "content_type": message.content_type,
                    "content_encoding": message.content_encoding,
                    "headers": pack(message.headers),
                    "properties": pack({k: v for k, v in message.properties.items()}),
                    "delivery_info": pack(message.delivery_info),
                }
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)


def size(queue):
    """Messages waiting, as kombu counts them."""
    with app.connection_for_read() as connection:
        try:
            return connection.default_channel.queue_declare(queue, passive=True).message_count
        except connection.channel_errors:
            return 0  # an empty Redis queue does not exist


def purge(queue):
    with app.connection_for_write() as connection:
        return connection.default_channel.queue_purge(queue)


def configure(**conf):
    app.conf.update(unpack(conf))


def run(code, values=None):
    """A piece of Python: a function body that sees the names below and `values`, and returns its answer."""
    scope = {
        "app": app,
        "chain": chain,
        "chord": chord,
        "group": group,
        "kombu": kombu,
        "outcome": outcome,
        "time": time,
        "kept": kept,
        "AsyncResult": AsyncResult,
        "GroupResult": GroupResult,
        "values": unpack(values or {}),
    }
    text = "def body():\n" + "\n".join("    " + line for line in code.strip("\n").split("\n"))
    exec(compile(text, "<test>", "exec"), scope)
    return pack(scope["body"]())


OPERATIONS = {
    f.__name__: f for f in (send, get, call, call_many, state, watch, publish, take, size, purge, configure, run)
}


def answer(request):
    try:
        return {"ok": OPERATIONS[request.pop("op")](**request)}
    except Exception as error:
        return {"error": {**describe(error), "traceback": traceback.format_exc()}}


print(json.dumps({"ready": kombu.__version__}), file=out, flush=True)
for line in sys.stdin:
    request = json.loads(line)
    number = request.pop("n")
    print(json.dumps({"n": number, **answer(request)}), file=out, flush=True)
