"""Event messages of every type, made by Celery's dispatcher with the fields that its own code gives."""

from celery.utils.sysinfo import load_average
from celery.worker.request import Request
from celery.worker.state import SOFTWARE_INFO

from .messages import message_entries, received, TaskAttributes
from .recorder import make_app, published, record

WORKER = "worker1@fixtures.example"
ID = "8bf4f0b0-0000-4000-8000-000000000001"
TRACEBACK = "Traceback (most recent call last):\n  File \"/app/tasks.py\", line 4, in fail\nValueError: boom\n"


def _requests(app):
    """A Request with an event dispatcher, as in a worker."""
    class Task(TaskAttributes):
        send_events = True
        acks_late = False
        acks_on_failure_or_timeout = True
        resultrepr_maxsize = 1024
        backend = app.backend
        store_errors_even_if_ignored = False
        reject_on_worker_lost = False

    app.send_task("app.add", (1, "two"), {"k": [None]}, task_id=ID, countdown=5, expires=60)
    message = received(app, published[-1])
    del published[:]
    return Request(message, app=app, hostname=WORKER, task=Task)


def _cases(app, dispatcher, request):
    send = dispatcher.send
    yield "task-received", lambda: send(
        "task-received", uuid=request.id, name=request.name, args=request.argsrepr, kwargs=request.kwargsrepr,
        root_id=request.root_id, parent_id=request.parent_id, retries=0, eta=request.eta.isoformat(),
        expires=request.expires.isoformat())
    yield "task-started", lambda: send("task-started", uuid=ID)
    yield "task-succeeded", lambda: send("task-succeeded", uuid=ID, result="{'sum': 3, 'e': 'é'}", runtime=0.0269)
    yield "task-succeeded at once", lambda: send("task-succeeded", uuid=ID, result="None", runtime=1.0)
    yield "task-failed", lambda: send("task-failed", uuid=ID, exception="ValueError('boom', 1)", traceback=TRACEBACK)
    yield "task-failed unregistered", lambda: send("task-failed", uuid=ID, exception="NotRegistered('app.nope')")
    yield "task-retried", lambda: send("task-retried", uuid=ID, exception="KeyError('x')", traceback=TRACEBACK)
    yield "task-rejected", lambda: send("task-rejected", uuid=ID, requeue=True)
    yield "task-revoked", lambda: send("task-revoked", uuid=ID, terminated=False, signum=None, expired=True)
    yield "task-revoked by signal", lambda: send("task-revoked", uuid=ID, terminated=True, signum="SIGTERM",
                                                 expired=False)
    yield "task-cancelled", lambda: send("task-cancelled", uuid=ID)
    for name in ("online", "heartbeat", "offline"):
        yield f"worker-{name}", lambda name=name: send(
            f"worker-{name}", freq=2.0, active=1, processed=250, loadavg=load_average(), retry=False, **SOFTWARE_INFO)
    yield "worker-heartbeat on request", lambda: send("worker-heartbeat", freq=5, **SOFTWARE_INFO)
    yield "worker-elect", lambda: send("worker-elect", id=ID, topic="t", action=None, cver=1)
    yield "worker-elect-ack", lambda: send("worker-elect-ack", id=ID)
    yield "custom", lambda: send("shop-order-paid", order=5, amount=9.5, tags=["a", None])
    yield "blind", lambda: send("custom-blind", blind=True)


def single():
    app = make_app()
    dispatcher = app.events.Dispatcher(app.connection(), hostname=WORKER)
    request = _requests(app)
    for name, run in _cases(app, dispatcher, request):
        app.clock.value = 34
        yield from message_entries(app, name, record(f"event {name}", run))


def by_the_request():
    """The events that a Request sends by itself when the pool reports."""
    app = make_app()
    dispatcher = app.events.Dispatcher(app.connection(), hostname=WORKER)
    request = _requests(app)
    cases = (
        ("accepted", lambda: request.on_accepted(42, 1000.5)),
        ("success", lambda: request.on_success((False, "{'sum': 3}", 0.25))),
        ("revoked", lambda: request._announce_revoked("expired", False, None, True)),
    )
    request._eventer = dispatcher
    for name, run in cases:
        app.clock.value = 34
        yield from message_entries(app, name, record(f"request event {name}", run))


def batches():
    app = make_app()
    for name, count in (("one", 1), ("three", 3)):
        dispatcher = app.events.Dispatcher(app.connection(), hostname=WORKER, buffer_group=["task"], buffer_limit=99)

        def run():
            for index in range(count):
                dispatcher.send("task-started", uuid=f"{ID[:-1]}{index}")
            dispatcher.flush()

        app.clock.value = 34
        yield from message_entries(app, f"batch of {name}", record(f"event batch {name}", run))


def sent():
    """task-sent, published by the client beside the task (only the event is kept)."""
    for protocol in (2, 1):
        app = make_app(task_send_sent_event=True, task_protocol=protocol)
        for name, options in (("plain", {}), ("eta and queue", {"countdown": 5, "queue": "orders", "expires": 60})):
            app.clock.value = 34
            messages = record(f"sent {name} {protocol}", lambda: app.send_task(
                "app.add", (1, "é"), {"k": 1}, **options))
            yield from message_entries(app, f"task-sent {name}, protocol {protocol}", messages[1:])


def all_events():
    yield from single()
    yield from by_the_request()
    yield from batches()
    yield from sent()


def subjects():
    yield "events", all_events
