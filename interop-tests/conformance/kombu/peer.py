"""A kombu process that does what JSON lines on its input ask for, one answer per line: the Python side of broker tests."""

import json
import socket
import sys
from time import monotonic

from kombu import Connection, Consumer, Exchange, Queue

config = json.loads(sys.argv[1])
connection = Connection(config["url"], transport_options=config["options"])
channel = connection.channel()
open_consumers = []
arrived = []


def entity(queue, exchange="", type="direct", routing_key=None, **flags):
    key = queue if routing_key is None else routing_key
    return Queue(queue, Exchange(exchange, type=type) if exchange else Exchange(""), routing_key=key, **flags)


def declare(**binding):
    entity(**binding)(channel).declare()


def put(body, headers=None, priority=0, queue=None, exchange="", type="direct", routing_key=None, declare=None, **props):
    producer = connection.Producer(channel)
    producer.publish(
        body,
        serializer="json",
        headers=headers or {},
        priority=priority,
        exchange=Exchange(exchange, type=type) if exchange else "",
        routing_key=queue if routing_key is None else routing_key,
        declare=[entity(**one) for one in declare or []],
        **props,
    )


def shown(message):
    return {
        "body": message.payload,
        "headers": message.headers,
        "properties": {k: v for k, v in message.properties.items() if k != "delivery_info"},
        "info": dict(message.delivery_info),
    }


def listen(queues, prefetch=0, ack=True):
    if prefetch:
        channel.basic_qos(0, prefetch, False)

    def callback(message):
        arrived.append(shown(message))
        if ack:
            message.ack()

    consumer = Consumer(channel, [entity(**one) for one in queues], on_message=callback, accept=["json"])
    consumer.consume()
    open_consumers.append(consumer)
    drain(0.1)


def drain(seconds):
    try:
        while True:
            connection.drain_events(timeout=seconds)
    except (socket.timeout, TimeoutError):
        pass


def collect(count, timeout=10):
    """What has arrived, as soon as there are so many (or after the timeout)."""
    deadline = monotonic() + timeout
    while len(arrived) < count and monotonic() < deadline:
        try:
            connection.drain_events(timeout=0.2)
        except (socket.timeout, TimeoutError):
            pass
    got = arrived[:]
    arrived.clear()
    return got


def restore_visible():
    channel.qos.restore_visible(num=None, interval=1)


def close():
    """A clean end: kombu gives back what it has not acknowledged."""
    for consumer in open_consumers:
        consumer.cancel()
    channel.close()
    connection.release()


operations = {f.__name__: f for f in (declare, put, listen, collect, restore_visible, close)}
operations["size"] = lambda queue: channel.queue_declare(queue, passive=True).message_count
operations["sweep_bindings"] = lambda: channel.sweep_bindings()
operations["purge"] = lambda queue: channel.queue_purge(queue)

print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"ok": operations[request["op"]](**request["arguments"])}
    except Exception as error:  # told to the test, which decides
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=str), flush=True)
