"""Result documents in every state and serializer, chord parts of Redis, bodies of rpc."""

import decimal
import pickle

import celery
import celery.exceptions
from billiard.exceptions import TimeLimitExceeded
from celery.result import AsyncResult, GroupResult
from celery.utils.serialization import get_pickleable_exception
from kombu import serialization

from .exceptions import Outer, Unpicklable, describe_exception
from .messages import VERSION, message_entries
from .neutral import raw, to_neutral
from .recorder import context, make_app, record, stored

TRACEBACK = """Traceback (most recent call last):
  File "/app/tasks.py", line 12, in trace_task
    R = retval = fun(*args, **kwargs)
  File "/app/tasks.py", line 40, in divide
    return x / y
ZeroDivisionError: division by zero
"""
ID, PARENT, GROUP, CHILD, OTHER = (f"0f6e0000-0000-4000-8000-{number:012d}" for number in range(1, 6))


def _states(app):
    """name -> call on the backend."""
    backend = app.backend
    plain = context(app, id=ID)
    member = context(app, id=ID, group=GROUP, parent_id=PARENT)
    family = context(app, id=ID)
    family._children = [app.AsyncResult(CHILD), GroupResult(GROUP, [app.AsyncResult(OTHER)], app=app)]
    chained = context(app, id=ID)
    chained._children = [AsyncResult(CHILD, parent=AsyncResult(PARENT, app=app), app=app)]
    retried = context(app, id=ID)
    retried._children = [app.AsyncResult(ID)]
    boom = ValueError("boom", 1)
    yield "success", lambda: backend.mark_as_done(ID, 3, plain)
    yield "success without request", lambda: backend.mark_as_done(ID, {"a": [1, None]})
    yield "success with group and parent", lambda: backend.mark_as_done(ID, "ok", member)
    yield "success with children", lambda: backend.mark_as_done(ID, None, family)
    yield "success with chained child", lambda: backend.mark_as_done(ID, None, chained)
    yield "started", lambda: backend.store_result(ID, {"pid": 42, "hostname": "w1@h"}, "STARTED", request=plain)
    yield "progress", lambda: backend.store_result(ID, {"done": 3, "of": 10}, "PROGRESS", request=plain)
    yield "custom state without meta", lambda: backend.store_result(ID, None, "CUSTOM", request=plain)
    yield "retry", lambda: backend.mark_as_retry(ID, boom, traceback=TRACEBACK, request=retried)
    yield "retry without cause", lambda: backend.mark_as_retry(ID, None, request=retried)
    yield "failure", lambda: backend.mark_as_failure(ID, boom, traceback=TRACEBACK, request=plain)
    yield "failure without traceback", lambda: backend.mark_as_failure(ID, KeyError("x"), request=plain)
    yield "failure of a user's exception", lambda: backend.mark_as_failure(ID, Outer.Inner("x", 2), request=member)
    yield "failure unpicklable", lambda: backend.mark_as_failure(
        ID, get_pickleable_exception(Unpicklable("handle")), traceback=TRACEBACK, request=plain)
    yield "revoked", lambda: backend.mark_as_revoked(ID, "expired", request=plain)
    yield "revoked by command", lambda: backend.mark_as_revoked(ID, "revoked", request=None)
    yield "time limit", lambda: backend.mark_as_failure(ID, TimeLimitExceeded(300), request=plain)
    yield "aborted", lambda: backend.store_result(ID, None, "ABORTED")
    yield "result is a result", lambda: backend.mark_as_done(ID, app.AsyncResult(CHILD), plain)
    yield "result is a group", lambda: backend.mark_as_done(
        ID, GroupResult(GROUP, [app.AsyncResult(CHILD), app.AsyncResult(OTHER)], app=app), plain)
    for name, value in (
        ("big integer", 2**70), ("whole float", 3.0), ("not finite", [float("nan"), float("inf")]),
        ("text", "é\U0001f600"),
        ("nothing", None), ("false", False), ("empty", []), ("nested", {"a": {"b": [1.5, {"c": None}]}}),
    ):
        yield f"value {name}", lambda value=value: backend.mark_as_done(ID, value, plain)


def _typed(app):
    import datetime as dt
    import uuid

    plain = context(app, id=ID)
    for name, value in (
        ("decimal", decimal.Decimal("1.10")), ("datetime", dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.timezone.utc)),
        ("date", dt.date(2026, 1, 2)), ("time", dt.time(1, 2)), ("uuid", uuid.UUID(ID)), ("bytes", b"abc\xff"),
    ):
        yield f"typed {name}", lambda value=value: app.backend.mark_as_done(ID, value, plain)


def _entry(app, name):
    key, body = stored[-1]
    document = app.backend.decode(body)
    entry = {"name": name, "key": key.decode() if isinstance(key, bytes) else key, "body": raw(body),
             "contentType": app.backend.content_type, "contentEncoding": app.backend.content_encoding}
    exception = None
    if document.get("status") in ("FAILURE", "RETRY", "REVOKED"):
        exception = app.backend.exception_to_python(document["result"])
        entry["exception"] = describe_exception(exception)
        if isinstance(document["result"], BaseException):
            document = {**document, "result": None}
    entry["expected"] = to_neutral(document)
    return entry


def _stored(app, cases, prefix=""):
    for name, store in cases:
        app.backend.data.clear()
        record(f"{prefix}{name}", store)
        yield _entry(app, f"{prefix}{name}")


def documents():
    app = make_app()
    yield from _stored(app, _states(app))
    if VERSION >= (5, 3):
        yield from _stored(app, _typed(app))
    paris = make_app(timezone="Europe/Paris")
    yield from _stored(paris, list(_states(paris))[:1], "timezone ")
    # Celery 5.2 knows no prefix.
    prefixed = make_app(result_backend_transport_options={"global_keyprefix": "shop"})
    if VERSION >= (5, 3):
        yield from _stored(prefixed, list(_states(prefixed))[:1], "prefix ")
    extended = make_app(result_extended=True)
    # Whether a request with stamps adds them needs the real attribute.
    plain = context(extended, id=ID, args=[1, {"k": 2.0}], kwargs={"y": None})
    stamped = context(extended, id=ID, stamped_headers=["tenant"], stamps={"tenant": "acme"})
    cases = [("success", lambda: extended.backend.mark_as_done(ID, 3, plain)),
             ("started", lambda: extended.backend.store_result(ID, {"pid": 1}, "STARTED", request=plain)),
             ("failure", lambda: extended.backend.mark_as_failure(ID, ValueError("x"), request=plain)),
             ("without request", lambda: extended.backend.mark_as_done(ID, 3))]
    if VERSION >= (5, 3):
        cases.append(("stamped", lambda: extended.backend.mark_as_done(ID, 3, stamped)))
    yield from _stored(extended, cases, "extended ")


def other_serializers():
    for serializer in ("yaml", "msgpack", "pickle"):
        app = make_app(result_serializer=serializer)
        for name, store in _states(app):
            if serializer == "msgpack" and name == "value big integer":
                continue
            app.backend.data.clear()
            label = f"{serializer} {name}"
            try:
                record(label, store)
                yield _entry(app, label)
            except (serialization.EncodeError, TypeError) as error:
                yield {"name": label, "refused": type(error).__name__}


def groups():
    app = make_app()
    cases = {
        "group": GroupResult(GROUP, [app.AsyncResult(ID), app.AsyncResult(OTHER)], app=app),
        "empty group": GroupResult(GROUP, [], app=app),
        "group with parent": GroupResult(GROUP, [app.AsyncResult(ID)], parent=app.AsyncResult(PARENT), app=app),
        "nested group": GroupResult(GROUP, [app.AsyncResult(ID), GroupResult(OTHER, [app.AsyncResult(CHILD)], app=app)],
                                    app=app),
    }
    for name, group in cases.items():
        app.backend.data.clear()
        record(name, lambda: app.backend.save_group(GROUP, group))
        key, body = stored[-1]
        yield {"name": name, "key": key.decode(), "body": raw(body), "expected": to_neutral(app.backend.decode(body)),
               "tuple": to_neutral(group.as_tuple()), "children": [child.id for child in group.results],
               "parent": group.parent and group.parent.id}


class _Pipeline(list):
    """Notes what the Redis backend asks for; answers as if no part were complete."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def __getattr__(self, command):
        def call(*args, **kwargs):
            self.append([command, args])
            return self

        return call

    def execute(self):
        return [1, 1, None, None, True, True, True]


def chord_parts():
    """The member texts of the sorted set: they are compared byte for byte between workers."""
    from celery.backends.redis import RedisBackend

    app = make_app()
    pipeline = _Pipeline()

    class Client:
        def pipeline(self):
            return pipeline

        def register_script(self, text):
            # Celery 5.7 adds the part by a script: its keys and arguments are part, extra, size, done, group, claim
            # and id, member, ordered, score.
            def call(keys, args, client):
                pipeline.append(["zadd", (keys[0], {args[1]: args[3]})])
                pipeline.append(["sadd", (keys[3], f"{args[0]}:{args[3]}")])
                return [1, None, None, 0]

            return call

    class Recording(RedisBackend):
        client = Client()
        redis = RedisBackend.redis

        def __init__(self, *args, **kwargs):
            super().__init__(*args, url="redis://localhost:6379/0", **kwargs)

    backend = Recording(app=app)
    chord = {"task": "app.tsum", "args": [], "kwargs": {}, "options": {"task_id": OTHER}, "subtask_type": None,
             "immutable": False}
    for name, state, value, index in (
        ("number", "SUCCESS", 3, 0), ("float", "SUCCESS", 3.0, 1), ("text", "SUCCESS", "é\U0001f600\"", 2),
        ("container", "SUCCESS", {"b": [1, 2.5, None], "a": True}, 10), ("no index", "SUCCESS", None, None),
        ("failure", "FAILURE", ValueError("boom", 1), 3), ("big", "SUCCESS", 2**70, 4),
        ("special floats", "SUCCESS", [float("nan"), 1e16, 1e-07, 0.1], 5),
    ):
        del pipeline[:]
        request = context(app, id=ID, group=GROUP, group_index=index, chord=chord)
        backend.on_chord_part_return(request, state, value)
        (command, (key, members)), = [step for step in pipeline if step[0] == "zadd"]
        (member, score), = members.items()
        shown = value if not isinstance(value, Exception) else backend.prepare_exception(value)
        entry = {"name": name, "key": key.decode() if isinstance(key, bytes) else key, "member": raw(member),
                 "score": str(score), "taskId": ID, "state": state, "value": to_neutral(shown)}
        for _, (done_key, done) in (step for step in pipeline if step[0] == "sadd"):
            entry["done"] = {"key": done_key.decode() if isinstance(done_key, bytes) else done_key, "member": done}
        yield entry


def rpc():
    """Bodies that the rpc backend publishes; the newest Celery sends the whole document."""
    from celery.backends.rpc import RPCBackend

    app = make_app()
    backend = RPCBackend(app=app)
    backend.oid  # made before the ids of the entry are drawn
    request = context(app, id=ID, reply_to="66c7aaaa-0000-3000-8000-00000000c0de", correlation_id=ID)
    for name, state, value, traceback in (
        ("success", "SUCCESS", 3, None), ("failure", "FAILURE", ValueError("boom", 1), TRACEBACK),
        ("started", "STARTED", {"pid": 1, "hostname": "h"}, None), ("retry", "RETRY", KeyError("x"), TRACEBACK),
        ("revoked", "REVOKED", celery.exceptions.TaskRevokedError("revoked"), None),
        ("progress", "PROGRESS", {"done": 1}, None),
    ):
        messages = record(f"rpc {name}", lambda: backend.store_result(ID, value, state, traceback=traceback,
                                                                      request=request))
        yield from message_entries(app, name, messages)


def pickled_rows():
    """What the database backend keeps in its pickle columns."""
    app = make_app()
    group = GroupResult(GROUP, [app.AsyncResult(ID), app.AsyncResult(CHILD, parent=app.AsyncResult(PARENT))], app=app)
    for protocol in (2, 4, 5):
        body = pickle.dumps(group, protocol=protocol)
        yield {"name": f"group result, protocol {protocol}", "body": raw(body), "id": GROUP, "members": [ID, CHILD]}
    for name, raised in (("exception", ValueError("boom", 1)), ("key error", KeyError("x"))):
        body = pickle.dumps(raised, protocol=4)
        yield {"name": name, "body": raw(body), "type": type(raised).__name__, "module": "builtins",
               "args": to_neutral(list(raised.args))}


def subjects():
    yield "results", documents
    yield "results-other-serializers", other_serializers
    yield "groups", groups
    yield "chord-parts", chord_parts
    yield "rpc", rpc
    yield "pickled-rows", pickled_rows
