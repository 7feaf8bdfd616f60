"""Signatures and workflows: as documents, frozen, and as the messages a client sends."""

import datetime as dt

from celery import chain, chord, group, signature, xmap, xstarmap, chunks
from kombu.utils.json import dumps

from . import frozen
from .messages import VERSION, task_entries
from .neutral import raw, to_neutral
from .recorder import make_app, record


def make(app):
    def build(name, *args, **options):
        return signature(name, args=args, app=app, **options)

    @app.task(name="app.add", shared=False)
    def add(x, y):
        return x + y

    @app.task(name="app.tsum", shared=False)
    def tsum(numbers):
        return sum(numbers)

    return build, add, tsum


def _documents(app, s, add, tsum):
    fail = s("app.on_error", 1)
    yield "signature", s("app.add", 1, 2)
    yield "signature without arguments", s("app.now")
    yield "keyword arguments", signature("app.add", kwargs={"x": 1, "y": None}, app=app)
    yield "immutable", s("app.add", 1, immutable=True)
    yield "options", s("app.add", 1).set(queue="orders", priority=3, countdown=1.5, serializer="yaml", time_limit=9)
    yield "eta option", s("app.add", 1).set(eta=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)
                                            if VERSION >= (5, 3) else "2026-01-02T03:04:05+00:00")
    yield "link", s("app.add", 1) .set(link=[s("app.mul", 2)])
    linked = s("app.add", 1)
    linked.link(s("app.mul", 2))
    linked.link_error(fail)
    yield "linked", linked
    yield "chain", chain(s("app.add", 1, 2), s("app.add", 3), s("app.add", 4), app=app)
    yield "group", group([s("app.add", i, i) for i in range(3)], app=app)
    yield "empty group", group([], app=app)
    yield "chord", chord([s("app.add", i, i) for i in range(2)], body=s("app.tsum"), app=app)
    yield "group then task", group([s("app.add", 1, 1), s("app.add", 2, 2)], app=app) | s("app.tsum")
    yield "task then group", s("app.add", 1, 1) | group([s("app.add", 1), s("app.add", 2)], app=app)
    yield "chord then task", chord([s("app.add", 1, 1)], s("app.tsum"), app=app) | s("app.mul", 2)
    yield "map", xmap(add.s(), [1, 2, 3], app=app)
    yield "starmap", xstarmap(add.s(), [(1, 2), (3, 4)], app=app)
    yield "chunks", chunks(add.s(), [(1, 2), (3, 4), (5, 6)], 2, app=app)
    yield "group of chains", group([s("app.add", 1, 1) | s("app.mul", 2), s("app.add", 2, 2)], app=app)
    yield "chord of chains with chord body", chord(
        [s("app.add", 1, 1) | s("app.mul", 2), s("app.add", 2, 2)],
        s("app.tsum") | group([s("app.mul", 2), s("app.mul", 3)], app=app), app=app)
    yield "nested groups", group([s("app.a"), group([s("app.b"), s("app.c")], app=app), s("app.d")], app=app)
    if VERSION >= (5, 3):
        stamped = s("app.add", 1)
        stamped.stamp(tenant="acme")
        yield "stamped", stamped
        steps = chain(s("app.add", 1, 2), s("app.mul", 3), app=app)
        steps.stamp(ids=[1, 2])
        yield "stamped chain", steps
    for name in ("signature", "chain", "group", "chord"):
        frozen_one = {
            "signature": lambda: s("app.add", 1), "group": lambda: group([s("app.add", 1, 1), s("app.b")], app=app),
            "chain": lambda: chain(s("app.add", 1, 2), s("app.mul", 3), app=app),
            "chord": lambda: chord([s("app.add", 1, 1), s("app.b")], s("app.tsum"), app=app),
        }[name]()
        frozen.reseed(f"frozen {name}")
        frozen_one.freeze()
        yield f"frozen {name}", frozen_one


def documents():
    app = make_app()
    frozen.reseed("canvas documents")
    for name, document in _documents(app, *make(app)):
        # `signature` objects are dicts; groups keep lazy sequences until they are written down.
        text = dumps(document)
        yield {"name": name, "body": raw(text), "expected": to_neutral(_plain(document)),
               "type": document.get("subtask_type")}


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "__json__"):
        return _plain(value.__json__())
    return value


def _workflows(app, s, add, tsum):
    yield "chain", lambda: chain(s("app.add", 1, 2), s("app.add", 3), s("app.add", 4), app=app).apply_async()
    yield "chain with options", lambda: chain(s("app.add", 1, 2), s("app.mul", 3), app=app).apply_async(
        countdown=5, queue="orders", priority=4, link_error=s("app.on_error"))
    yield "chain with link", lambda: chain(s("app.add", 1, 2), s("app.mul", 3), app=app).apply_async(
        link=s("app.after"))
    yield "group", lambda: group([s("app.add", i, i) for i in range(3)], app=app).apply_async()
    yield "nested groups", lambda: group(
        [s("app.a"), group([s("app.b"), s("app.c")], app=app), s("app.d")], app=app).apply_async()
    yield "chord", lambda: chord([s("app.add", 1, 1), s("app.add", 2, 2)], s("app.tsum"), app=app).apply_async()
    yield "chord with error callback", lambda: chord(
        [s("app.add", 1, 1), s("app.add", 2, 2)], s("app.tsum").on_error(s("app.on_error")), app=app).apply_async()
    yield "chain into chord into task", lambda: (
        s("app.add", 1, 1) | group([s("app.add", 1), s("app.add", 2)], app=app) | s("app.tsum") | s("app.mul", 2)
    ).apply_async()
    yield "chord with chain header", lambda: chord(
        [s("app.add", 1, 1) | s("app.mul", 2), s("app.add", 2, 2)], s("app.tsum"), app=app).apply_async()
    yield "chord in chord", lambda: chord(
        [chord([s("app.add", 1, 1), s("app.b")], s("app.tsum"), app=app), s("app.c")], s("app.tsum"), app=app,
    ).apply_async()
    yield "chunks", lambda: add.chunks([(1, 2), (3, 4), (5, 6)], 2).apply_async()
    yield "map", lambda: tsum.map([[1, 2], [3]]).apply_async()
    yield "starmap", lambda: add.starmap([(1, 2), (3, 4)]).apply_async()
    if VERSION >= (5, 3):
        def stamped():
            steps = chain(s("app.add", 1, 2), s("app.mul", 3), app=app)
            steps.stamp(tenant="acme")
            steps.apply_async()

        yield "stamped chain", stamped


def workflows():
    app = make_app()
    for name, run in _workflows(app, *make(app)):
        yield from task_entries(app, name, record(f"canvas {name}", run))
    app = make_app(backend="generator.recorder:PlainBackend")
    for name, run in _workflows(app, *make(app)):
        if name in ("chord", "chord with error callback"):
            yield from task_entries(app, f"{name}, no counters", record(f"canvas {name}", run))


def subjects():
    yield "signatures", documents
    yield "workflows", workflows
