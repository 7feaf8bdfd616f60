"""Remote control: requests as Control broadcasts them, replies as a node answers, and which node a request meets."""

from kombu.pidbox import Node

from .messages import message_entries
from .neutral import to_neutral
from .recorder import make_app, record

WORKER = "worker1@fixtures.example"
ID = "8bf4f0b0-0000-4000-8000-000000000001"


def _requests(app):
    control = app.control
    yield "ping", lambda: control.broadcast("ping")
    yield "ping with reply", lambda: control.ping(timeout=0.01)
    yield "destination", lambda: control.broadcast("ping", destination=[WORKER, "other@host"])
    yield "pattern", lambda: control.broadcast("ping", pattern="w*@*", matcher="glob")
    yield "expression", lambda: control.broadcast("ping", pattern=r"w\d+@", matcher="pcre")
    yield "revoke", lambda: control.revoke(ID)
    yield "revoke several", lambda: control.revoke([ID, "order-1"], terminate=True, signal="SIGKILL")
    yield "terminate", lambda: control.terminate(ID)
    yield "rate limit", lambda: control.rate_limit("app.add", "10/m")
    yield "time limit", lambda: control.time_limit("app.add", hard=300, soft=1.5)
    yield "add consumer", lambda: control.add_consumer("orders", exchange="shop", exchange_type="topic",
                                                       routing_key="orders.#")
    yield "cancel consumer", lambda: control.cancel_consumer("orders")
    yield "enable events", lambda: control.enable_events()
    yield "disable events", lambda: control.disable_events()
    yield "heartbeat", lambda: control.heartbeat()
    yield "pool grow", lambda: control.pool_grow(2)
    yield "pool shrink", lambda: control.pool_shrink()
    yield "autoscale", lambda: control.autoscale(8, 2)
    yield "pool restart", lambda: control.pool_restart(modules=["app"], reload=True)
    yield "shutdown", lambda: control.shutdown(destination=[WORKER])
    yield "election", lambda: control.election(ID, "topic", action=None)
    if hasattr(control, "revoke_by_stamped_headers"):
        yield "revoke by stamps", lambda: control.revoke_by_stamped_headers({"tenant": ["acme", "umbrella"]})
    inspect = control.inspect(timeout=0.01)
    targeted = control.inspect(timeout=0.01, destination=[WORKER])
    yield "inspect active", lambda: inspect.active()
    yield "inspect query_task", lambda: targeted.query_task([ID])
    yield "inspect registered", lambda: inspect.registered("rate_limit")
    yield "inspect conf", lambda: inspect.conf(with_defaults=True)
    yield "inspect hello", lambda: inspect.hello("other@host", revoked={ID: [5.5, ID]})
    yield "inspect stats", lambda: inspect.stats()


def requests():
    app = make_app()
    for name, run in _requests(app):
        app.control.mailbox.clock.value = 7
        yield from message_entries(app, name, record(f"control {name}", run))


def _handlers(state):
    """Values of the shapes that Celery's own commands return."""
    task = {"id": ID, "name": "app.add", "args": [1, 2], "kwargs": {}, "type": "app.add", "hostname": WORKER,
            "time_start": 1795190006.957, "acknowledged": True, "worker_pid": 42,
            "delivery_info": {"exchange": "", "routing_key": "celery", "priority": 0, "redelivered": None}}
    values = {
        "ping": {"ok": "pong"}, "active": [task], "registered": ["app.add", "app.x [rate_limit=10/m]"],
        "revoked": [ID], "clock": {"clock": 25}, "heartbeat": None, "query_task": {ID: ["active", task]},
        "hello": {"revoked": {ID: [1376.70707815, ID]}, "clock": 178}, "empty": [],
    }
    handlers = {name: (lambda state, value=value, **_: value) for name, value in values.items()}

    def fail(state, **_):
        raise ValueError("bad 'argument'")

    return {**handlers, "fails": fail}


def replies():
    app = make_app()
    mailbox = app.control.mailbox
    with app.connection() as connection:
        bound = mailbox(connection)
        node = Node(WORKER, handlers=_handlers(None), mailbox=bound, channel=connection.default_channel)
        for method in (*_handlers(None), "nosuch"):
            bound.clock.value = 7
            request = {"method": method, "arguments": {}, "destination": None, "pattern": None, "matcher": None,
                       "ticket": "df805d3f-0000-4000-8000-000000000009",
                       "reply_to": {"exchange": "reply.celery.pidbox", "routing_key": "6ceb0000"}}
            yield from message_entries(app, method, record(f"reply {method}", lambda: node.handle_message(request)))


NODES = ["worker1@host", "w2@host.example", "celery@h", "W2@HOST", "a[b@c", "new\nline@h", "w.2@host"]
GLOBS = ["*", "worker*", "*@host", "w?@*", "[wc]*", "[!w]*", "[a-z]*@h", "w.2@host", "worker1@host", "", "a[[]b@c",
         "a[b@c", "[", "[]]*", "[!]]*", "**", "*line@h", "w[1-3]@*", "[z-a]*", "\\w*", "W*"]
EXPRESSIONS = ["w", "^w", "w\\d", ".*@host$", "worker1", "(?i)WORKER", "", "[wc]", "a\\[b", "x|w2"]


def _takes(mailbox, node, **request):
    """Whether the node of this name carries a request out."""
    ran = []
    handlers = {"ping": ran.append}
    Node(node, handlers=handlers, mailbox=mailbox).handle_message({"method": "ping", **request})
    return bool(ran)


def matching():
    """Which node names a pattern means."""
    mailbox = make_app().control.mailbox
    for matcher, patterns in (("glob", GLOBS), ("pcre", EXPRESSIONS)):
        for pattern in patterns:
            yield {"name": f"{matcher} {pattern}", "matcher": matcher, "pattern": pattern,
                   "expected": {node: _takes(mailbox, node, pattern=pattern, matcher=matcher) for node in NODES}}


TOPICS = ["#", "*", "a", "a.b", "a.*", "*.b", "a.#", "#.b", "*.*", "a.*.c", "a.#.c", "a+b.*", "stock.#.usd", "", "a..b",
          "#.#", "*.#", "a.b.#", "worker.#", "(x).*", "a$.b"]
KEYS = ["", "a", "b", "a.b", "b.b", "a.b.c", "a.c", "a..c", "a+b.x", "stock.usd", "stock.nyse.usd", "worker.heartbeat",
        "worker", "a.b.c.d", "axb", "(x).y", "a$.b", "aa.b", "a.b\n"]


def topics():
    """kombu's topic patterns for virtual transports: the expression's text, and what it matches."""
    from kombu.transport.virtual.exchange import TopicExchange

    exchange = TopicExchange(None)
    for topic in TOPICS:
        pattern = exchange.key_to_pattern(topic)
        import re

        yield {"name": topic, "pattern": pattern,
               "expected": {key: re.match(pattern, key) is not None for key in KEYS}}


def queues():
    app = make_app()
    mailbox = app.control.mailbox
    for name, queue in (("control queue", mailbox.get_queue(WORKER)), ("reply queue", mailbox.reply_queue)):
        yield {"name": name, "queue": queue.name, "exchange": queue.exchange.name, "type": queue.exchange.type,
               "exchangeDurable": bool(queue.exchange.durable), "routingKey": queue.routing_key,
               "durable": bool(queue.durable), "exclusive": bool(queue.exclusive),
               "autoDelete": bool(queue.auto_delete), "expires": to_neutral(queue.expires),
               "messageTtl": to_neutral(queue.message_ttl)}


def subjects():
    yield "control-requests", requests
    yield "control-replies", replies
    yield "control-matching", matching
    yield "control-queues", queues
    yield "topics", topics
