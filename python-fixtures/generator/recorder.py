"""An application whose messages and results are written down exactly as they would leave the process."""

import logging

from celery import Celery
from celery.app.task import Context
from celery.backends.base import KeyValueStoreBackend
from kombu.transport import memory, pyamqp
from kombu.utils.json import dumps

from . import frozen

logging.disable(logging.CRITICAL)

published = []
stored = []


class Published:
    """One message: the text that a Redis broker gets, and the property bytes and body that RabbitMQ gets."""

    def __init__(self, text, amqp, body, exchange, routing_key, queue):
        self.text, self.amqp, self.body = text, amqp, body
        self.exchange, self.routing_key, self.queue = exchange, routing_key, queue


class RecordingChannel(memory.Channel):
    def prepare_message(self, body, priority=None, content_type=None, content_encoding=None, headers=None,
                        properties=None):
        self.carrier = pyamqp.Channel.prepare_message(
            self, body, priority=priority, content_type=content_type, content_encoding=content_encoding,
            headers=headers, properties=dict(properties or {}),
        )
        return super().prepare_message(body, priority, content_type, content_encoding, headers, properties)

    def basic_publish(self, message, exchange, routing_key, **kwargs):
        self._inplace_augment_message(message, exchange, routing_key)
        body = self.carrier.body
        published.append(Published(
            text=dumps(message),
            amqp=self.carrier._serialize_properties(),
            body=body.encode() if isinstance(body, str) else body,
            exchange=exchange, routing_key=routing_key, queue=routing_key if not exchange else None,
        ))


memory.Transport.Channel = RecordingChannel


class RecordingBackend(KeyValueStoreBackend):
    """The document code of every key/value backend over a plain dict."""

    supports_autoexpire = True
    implements_incr = True

    def __init__(self, *args, url=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.url = url
        self.data = {}
        self.client = self

    def get(self, key):
        return self.data.get(key)

    def mget(self, keys):
        return [self.data.get(key) for key in keys]

    def set(self, key, value):
        self.data[key] = value
        stored.append((key, value))

    def delete(self, key):
        self.data.pop(key, None)

    def incr(self, key):
        self.data[key] = self.data.get(key, 0) + 1
        return self.data[key]

    def expire(self, key, value):
        return True


class PlainBackend(RecordingBackend):
    """A store that cannot count: chords are joined by the task celery.chord_unlock."""

    implements_incr = False


class FixtureApp(Celery):
    def now(self):
        return frozen.NOW.astimezone(self.timezone)


def make_app(backend="generator.recorder:RecordingBackend", **conf):
    app = FixtureApp("fixtures", broker="memory://", backend=backend, set_as_current=False)
    app.conf.update(accept_content=["json", "yaml", "msgpack", "pickle", "application/data"], **conf)
    return app


def record(name, run):
    """Runs one catalogue entry and returns what it published."""
    frozen.reseed(name)
    del published[:]
    del stored[:]
    run()
    return list(published)


def context(app, **fields):
    return Context({"id": "8bf4f0b0-0000-4000-8000-000000000001", "task": "app.add", "args": [1, 2], "kwargs": {},
                    "hostname": f"worker1@{frozen.HOST}", "retries": 0, "delivery_info": {"routing_key": "celery"},
                    **fields})
