"""Task messages: protocols 1 and 2 with every option, every serializer and compression."""

import datetime as dt
import decimal
import uuid

import celery
from celery import signature
from kombu import Exchange, Queue, compression

from . import frozen
from .messages import carrier, describe_request, received, task_entries
from .neutral import raw
from .values import ALIASES
from .recorder import make_app, record

VERSION = tuple(int(part) for part in celery.__version__.split(".")[:2])
IDS = {name: f"8bf4f0b0-0000-4000-8000-{number:012d}" for number, name in enumerate(
    ("id", "root", "parent", "group", "reply", "chord", "link"), start=1)}


def _options(app):
    """name -> (args, kwargs, options of send_task)."""
    hour = frozen.NOW + dt.timedelta(hours=1)
    paris = dt.timezone(dt.timedelta(hours=1))
    add = signature("app.add", args=(4,), app=app)
    fail = signature("app.on_error", args=("ctx",), kwargs={"level": 3}, immutable=True, app=app)
    body = signature("app.tsum", app=app)
    body.set(task_id=IDS["chord"], reply_to=IDS["reply"])
    yield "plain", (1, 2), {}, {}
    yield "no arguments", (), {}, {}
    yield "keyword arguments", (), {"x": 1, "y": [2, {"z": None}]}, {}
    yield "both", (1,), {"y": 2}, {}
    yield "fixed id", (1, 2), {}, {"task_id": IDS["id"]}
    yield "own kind of id", (1,), {}, {"task_id": "order-12345"}
    yield "countdown", (1,), {}, {"countdown": 10}
    yield "countdown with fraction", (1,), {}, {"countdown": 0.25}
    yield "countdown zero", (1,), {}, {"countdown": 0}
    yield "eta aware", (1,), {}, {"eta": hour}
    yield "eta with offset", (1,), {}, {"eta": hour.astimezone(paris)}
    yield "eta naive", (1,), {}, {"eta": dt.datetime(2026, 11, 20, 17, 0)}
    yield "eta without fraction", (1,), {}, {"eta": hour.replace(microsecond=0)}
    yield "expires seconds", (1,), {}, {"expires": 60}
    yield "expires fraction", (1,), {}, {"expires": 1.2345}
    yield "expires datetime", (1,), {}, {"expires": hour}
    yield "expires past", (1,), {}, {"expires": frozen.NOW - dt.timedelta(minutes=5)}
    if VERSION >= (5, 3):
        yield "expires text", (1,), {}, {"expires": hour.isoformat()}
    yield "eta and expires", (1,), {}, {"countdown": 5, "expires": 3600}
    yield "time limits", (1,), {}, {"time_limit": 300, "soft_time_limit": 240}
    yield "hard limit alone", (1,), {}, {"time_limit": 1.5}
    yield "soft limit alone", (1,), {}, {"soft_time_limit": 30}
    yield "retries", (1,), {}, {"retries": 2}
    yield "many retries", (1,), {}, {"retries": 200}
    yield "group", (1,), {}, {"group_id": IDS["group"], "group_index": 3}
    yield "large group index", (1,), {}, {"group_id": IDS["group"], "group_index": 70000}
    yield "root and parent", (1,), {}, {"root_id": IDS["root"], "parent_id": IDS["parent"]}
    yield "reply_to", (1,), {}, {"reply_to": IDS["reply"]}
    yield "link", (1,), {}, {"link": add}
    yield "several links", (1,), {}, {"link": [add, add.clone(immutable=True)]}
    yield "errback", (1,), {}, {"link_error": fail}
    yield "several errbacks", (1,), {}, {"link_error": [fail, add]}
    yield "links as dicts", (1,), {}, {"link": [dict(add)], "link_error": [dict(fail)]}
    yield "chord member", (1,), {}, {"group_id": IDS["group"], "group_index": 0, "chord": body}
    yield "priority", (1,), {}, {"priority": 7}
    yield "priority zero", (1,), {}, {"priority": 0}
    yield "transient", (1,), {}, {"delivery_mode": 1}
    yield "custom headers", (1,), {}, {"headers": {
        "tenant": "acme", "attempt": 7, "negative": -129, "big": 2**40, "ratio": 0.5, "whole": 2.0, "flag": True,
        "nothing": None, "list": [1, "a", None], "table": {"k": [1, {"n": 2}]}, "empty": {}, "unicode": "é\U0001f600"}}
    yield "header named like a queue header", (1,), {}, {"headers": {"x-death": [{"count": 1, "queue": "q"}]}}
    yield "other properties", (1,), {}, {"message_id": "m-1", "app_id": "shop", "type": "t", "user_id": "guest"}
    yield "named queue", (1,), {}, {"queue": "orders"}
    yield "exchange and key", (1,), {}, {"exchange": "media", "routing_key": "video.encode"}
    yield "topic queue", (1,), {}, {"queue": "topical"}
    yield "awkward text", ("é\U0001f600\u2028\"'\\\n\x00\x7f", "\ud800"), {"ключ": "значение"}, {}
    yield "numbers", (2**53, -(2**63), 10**30, 1.0, 0.1, -0.0, 1e16, 5e-324), {}, {}
    yield "not finite", (float("nan"), float("inf"), float("-inf")), {}, {}
    yield "argument shapes", ([], {}, [[]], None, True, {"args": 1, "task": "x"}), {"self": 1, "args": 2}, {}
    yield "long text in reprs", ("word " * 220,), {"k": "y" * 1100}, {}
    yield "many arguments in reprs", tuple(range(300)), {f"k{number}": 0 for number in range(120)}, {}
    yield "deep arguments", ([[[[[["deep"]]]]]],), {"a": {"b": {"c": {"d": {}}}}}, {}
    yield "given reprs", ("secret",), {"password": "x"}, {"argsrepr": "('***',)", "kwargsrepr": "{'password': '***'}"}
    if VERSION >= (5, 3):
        yield "typed values", (
            dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.timezone.utc), dt.datetime(2026, 1, 2), dt.date(2026, 1, 2),
            dt.time(3, 4, 5), decimal.Decimal("1.10"), uuid.UUID(IDS["id"]), b"bytes", b"\xff\x00",
        ), {"when": [dt.date(2026, 1, 2)]}, {}
    else:
        yield "typed values become text", (
            dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.timezone.utc), dt.date(2026, 1, 2), decimal.Decimal("1.10"),
            uuid.UUID(IDS["id"])), {}, {}
    yield "serializer yaml", (1, "two", 3.0, None), {"k": [True]}, {"serializer": "yaml"}
    yield "serializer msgpack", (1, "two", 3.0, None, b"\xff"), {"k": [True]}, {"serializer": "msgpack"}
    yield "serializer pickle", (1, "two", 3.0, {4, 5}, b"\xff", dt.date(2026, 1, 2)), {"k": (1,)}, {
        "serializer": "pickle"}
    for algorithm in AVAILABLE:
        for serializer in ("json", "yaml", "msgpack", "pickle"):
            yield f"{algorithm} {serializer}", ("text " * 20, 1.0), {"n": [1, None]}, {
                "compression": algorithm, "serializer": serializer}
    yield "compression alias", ("x" * 100,), {}, {"compression": "zlib"}
    yield "ignore_result true", (1,), {}, {"ignore_result": True}
    yield "ignore_result false", (1,), {}, {"ignore_result": False}
    if VERSION >= (5, 3):
        yield "stamps", (1,), {}, {"stamped_headers": ["tenant"], "tenant": "acme"}
        yield "stamp lists", (1,), {}, {"stamped_headers": ["ids"], "ids": [1, "two", None]}
        yield "nested replace", (1,), {}, {"replaced_task_nesting": 2}


# zstd comes from backports.zstd since kombu 5.7, from zstandard before.
AVAILABLE = [alias for alias, mime in ALIASES.items() if mime in compression.encoders()]


def _send(app, args, kwargs, options):
    # shadow, argsrepr and the like are arguments of as_task_v2 that send_task passes through.
    return lambda: app.send_task("app.add", args, kwargs, **options)


QUEUES = (Queue("celery"), Queue("orders"), Queue("topical", Exchange("topical", type="topic"), routing_key="a.b"))


def _varies(entry, options):
    if "compression" in options:
        # Compressed bytes depend on the machine's zlib and friends; what is inside does not.
        entry["varies"] = ["body", "envelope"]
    return entry


def protocol2():
    app = make_app(task_queues=QUEUES)
    app.conf.task_create_missing_queues = True
    for name, args, kwargs, options in _options(app):
        for entry in task_entries(app, name, record(name, _send(app, args, kwargs, options))):
            yield _varies(entry, options)
    name = "shadow"
    yield from task_entries(app, name, record(name, lambda: app.send_task("app.add", (1,), shadow="app.add[1]")))
    name = "embedded chain"
    steps = [signature("app.mul", args=(number,), app=app).set(task_id=IDS["link"]) for number in (3, 2)]
    yield from task_entries(app, name, record(name, lambda: app.send_task("app.add", (1,), chain=steps)))
    name = "empty chain"
    yield from task_entries(app, name, record(name, lambda: app.send_task("app.add", (1,), chain=[])))
    paris = make_app(timezone="Europe/Paris")
    name = "app in another timezone"
    yield from task_entries(paris, name, record(
        name, lambda: paris.send_task("app.add", (1,), countdown=5, expires=10)))


def protocol1():
    app = make_app(task_protocol=1, task_queues=QUEUES)
    for name, args, kwargs, options in _options(app):
        if name in ("given reprs", "expires text"):
            continue
        if options.get("stamped_headers") or "replaced_task_nesting" in options:
            continue
        if "compression" in options and name not in ("gzip json", "bzip2 pickle"):
            continue
        for entry in task_entries(app, name, record(f"v1 {name}", _send(app, args, kwargs, options))):
            yield _varies(entry, options)
    local = make_app(task_protocol=1, enable_utc=False, timezone="UTC")
    name = "without utc"
    yield from task_entries(local, name, record(name, lambda: local.send_task("app.add", (1,), countdown=5)))


def _odd_messages():
    """name -> (body, headers, serializer): hybrids of the two protocols, and what other programs have sent."""
    headers = {"lang": "py", "task": "app.add", "id": IDS["id"], "retries": 0, "timelimit": [None, None], "eta": None,
               "expires": None, "group": None, "root_id": IDS["id"], "parent_id": None, "argsrepr": "",
               "kwargsrepr": ""}
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = [[1, 2], {}, embed]
    first = {"task": "app.add", "id": IDS["id"], "args": [1], "kwargs": {"x": 2}}

    def without(name):
        return {key: value for key, value in headers.items() if key != name}

    yield "hybrid", {**first, "retries": 1, "callbacks": None}, headers
    yield "hybrid with group", {**first, "taskset": IDS["group"]}, headers
    yield "only the needed headers", body, {"task": "app.add", "id": IDS["id"]}
    yield "no embed", [[1, 2], {}, None], headers
    yield "empty embed", [[1, 2], {}, {}], headers
    yield "empty chain", [[1, 2], {}, {**embed, "chain": []}], headers
    yield "first protocol, least", {"task": "app.add", "id": IDS["id"]}, {}
    yield "first protocol, taskset and group", {**first, "taskset": IDS["group"], "group": IDS["root"]}, {}
    yield "naive eta", body, {**headers, "eta": "2026-11-20T17:00:00"}
    yield "eta with Z", body, {**headers, "eta": "2026-11-20T17:00:00Z"}
    yield "two parts", [[1, 2], {}], headers
    yield "four parts", [[1, 2], {}, embed, None], headers
    yield "body is a text", "text", headers
    yield "body is a number", 5, headers
    yield "body is nothing", None, headers
    yield "body is an empty dict", {}, headers
    yield "no id", body, without("id")
    yield "no task anywhere", body, {}
    yield "first protocol without id", {"task": "app.add", "args": []}, {}
    yield "eta is a number", body, {**headers, "eta": 1795190006.5}
    yield "eta is no time", body, {**headers, "eta": "tomorrow"}
    yield "eta is empty", body, {**headers, "eta": ""}
    yield "expires is no time", body, {**headers, "expires": "later"}
    yield "kwargs of the first protocol are a list", {**first, "kwargs": [1]}, {}


def odd():
    """Whether a worker of this version takes the message, and what its Request then says."""
    app = make_app()
    for name, body, headers in _odd_messages():
        def run():
            with app.producer_or_acquire(None) as producer:
                producer.publish(body, routing_key="celery", serializer="json", headers=dict(headers))

        published, = record(f"odd {name}", run)
        entry = {"name": name, **carrier(published)}
        try:
            entry["request"] = describe_request(app, received(app, published))
        except Exception as error:
            entry["refused"] = type(error).__name__
        yield entry


def redelivered():
    """How a virtual transport marks a message that it gives out again: Redis in two places, the others in one."""
    app = make_app()
    from kombu.utils.json import dumps, loads

    for name, options in (("plain", {}), ("with big integers", {"headers": {"big": 2**60, "whole": 1.0}})):
        published, = record(f"redelivered {name}", lambda: app.send_task("app.add", (2**60, 1.0), **options))
        payload = loads(published.text)
        payload["headers"]["redelivered"] = True
        payload["properties"]["delivery_info"]["redelivered"] = True
        yield {"name": f"{name} on redis", "before": raw(published.text), "after": raw(dumps(payload)),
               "style": "headers"}
        payload = loads(published.text)
        payload["redelivered"] = True
        yield {"name": f"{name} elsewhere", "before": raw(published.text), "after": raw(dumps(payload)),
               "style": "top-level"}


def subjects():
    yield "tasks-v2", protocol2
    yield "tasks-v1", protocol1
    yield "tasks-odd", odd
    yield "redelivered", redelivered
