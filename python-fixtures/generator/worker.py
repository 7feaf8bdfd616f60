"""What a worker sends while it runs a task: the next step of a chain, callbacks, retries, replacements, chords."""

from celery import chain, chord, group, signature
from celery.app.trace import build_tracer

from .messages import received, request, task_entries
from .recorder import make_app, published, record


def _app(**conf):
    app = make_app(task_publish_retry=False, **conf)

    @app.task(name="app.add", shared=False)
    def add(x, y):
        return x + y

    @app.task(name="app.mul", shared=False)
    def mul(x, y):
        return x * y

    @app.task(name="app.tsum", shared=False)
    def tsum(numbers):
        return sum(numbers)

    @app.task(name="app.again", bind=True, shared=False)
    def again(self, x):
        raise self.retry(countdown=10)

    @app.task(name="app.swap", bind=True, shared=False)
    def swap(self, x):
        return self.replace(add.s(x, 1))

    @app.task(name="app.swap_group", bind=True, shared=False)
    def swap_group(self, x):
        return self.replace(group([add.s(x, 1), add.s(x, 2)], app=app))

    @app.task(name="app.spawn", bind=True, shared=False)
    def spawn(self, x):
        add.delay(x, 1)
        return x

    for task in list(app.tasks.values()):
        if task.name.startswith("app."):
            task.__trace__ = build_tracer(task.name, task, app=app, hostname="worker1@fixtures.example")
    return app


def _execute(app, message):
    """As the pool does: the request made from the message, run by the task's tracer."""
    req = request(app, received(app, message))
    payload = req._body if req._decoded else req.message.payload
    args, kwargs, embed = payload
    task = app.tasks[req._type]
    fields = dict(req.request_dict, **(embed or {}), called_directly=False)
    return task.__trace__(req.id, args, kwargs, fields)


def _runs(app):
    def s(name, *args):
        return signature(name, args=args, app=app)

    fail = s("app.on_error")
    yield "next step of a chain", lambda: chain(s("app.add", 1, 2), s("app.mul", 3), s("app.mul", 4),
                                                app=app).apply_async()
    yield "last step of a chain", lambda: chain(s("app.add", 1, 2), s("app.mul", 3), app=app).apply_async()
    yield "one callback", lambda: s("app.add", 1, 2).apply_async(link=s("app.mul", 3))
    yield "several callbacks", lambda: s("app.add", 1, 2).apply_async(link=[s("app.mul", 3), s("app.mul", 4)])
    yield "retry", lambda: app.tasks["app.again"].apply_async((1,), link=s("app.mul", 3), link_error=fail,
                                                              headers={"tenant": "acme"}, priority=3)
    yield "replace", lambda: app.tasks["app.swap"].apply_async((1,), link=s("app.mul", 3))
    yield "replace in a chain", lambda: chain(s("app.swap", 1), s("app.mul", 3), app=app).apply_async()
    yield "replace by a group", lambda: app.tasks["app.swap_group"].apply_async((1,))
    yield "task sent by a task", lambda: app.tasks["app.spawn"].apply_async((1,))
    yield "group into a chain", lambda: chain(
        s("app.add", 1, 2), group([s("app.mul", 3), s("app.mul", 4)], app=app), app=app).apply_async()
    yield "chord into a chain", lambda: chain(
        s("app.add", 1, 2), group([s("app.mul", 3), s("app.mul", 4)], app=app), s("app.tsum"), app=app).apply_async()


def sent_by_worker():
    app = _app()
    for name, start in _runs(app):
        def run():
            start()
            first = published[0]
            del published[:]
            _execute(app, first)

        yield from task_entries(app, name, record(f"worker {name}", run))
    for name, members in (("chord body", 2), ("chord body of three", 3)):
        def run():
            chord([signature("app.add", args=(i, i), app=app) for i in range(members)],
                  signature("app.tsum", app=app), app=app).apply_async()
            parts = [message for message in published if b"app.add" in message.amqp]
            del published[:]
            for part in parts:
                _execute(app, part)

        yield from task_entries(app, name, record(f"worker {name}", run))


def subjects():
    yield "worker", sent_by_worker
