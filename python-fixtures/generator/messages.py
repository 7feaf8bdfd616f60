"""One published message as a fixture entry, with what Celery's own worker code reads in it."""

import celery
from celery.app.task import Context
from celery.worker.request import Request
from celery.worker.strategy import hybrid_to_proto2, proto1_to_proto2
from kombu.serialization import prepare_accept_content
from kombu.transport.virtual.base import Message
from kombu.utils.json import loads

from . import frozen
from .neutral import raw, to_neutral


VERSION = tuple(int(part) for part in celery.__version__.split(".")[:2])
_UNKNOWN = object()  # Celery 5.2 keeps no custom headers in the request
EVERYTHING = prepare_accept_content(["json", "yaml", "msgpack", "pickle"])


class TaskAttributes:
    """The attributes of a task class that Request reads."""

    name = "app.add"
    ignore_result = None
    max_retries = 3
    Request = Request


def received(app, published):
    with app.connection() as connection:
        return Message(loads(published.text), channel=connection.default_channel, accept=EVERYTHING)


def request(app, message):
    """As celery/worker/strategy.py turns a message into a Request, for both protocols."""
    if "task" in message.headers and "args" not in message.payload:
        body, headers, decoded, utc = message.body, message.headers, False, True
    elif "args" in message.payload and "task" in message.headers:
        body, headers, decoded, utc = hybrid_to_proto2(message, message.payload)
    else:
        body, headers, decoded, utc = proto1_to_proto2(message, dict(message.payload))
    return Request(message, app=app, hostname=f"worker1@{frozen.HOST}", task=TaskAttributes, body=body, headers=headers,
                   decoded=decoded, utc=utc)


def describe_request(app, message):
    req = request(app, message)
    context = Context(req.request_dict)
    payload = req._body if req._decoded else message.payload
    fields = req.request_dict
    described = {
        "id": req.id, "task": req._type, "args": payload[0], "kwargs": payload[1], "embed": payload[2],
        "rootId": req.root_id, "parentId": req.parent_id, "group": context.group, "groupIndex": context.group_index,
        "shadow": fields.get("shadow"), "retries": context.retries, "timelimit": context.timelimit,
        "etaText": fields.get("eta"), "eta": req.eta, "expiresText": fields.get("expires"), "expires": req.expires,
        "argsrepr": req.argsrepr, "kwargsrepr": fields.get("kwargsrepr"), "origin": context.origin,
        "ignoreResult": fields.get("ignore_result"), "stampedHeaders": fields.get("stamped_headers"),
        "stamps": fields.get("stamps"), "replacedTaskNesting": fields.get("replaced_task_nesting"),
        "headers": context.headers if VERSION >= (5, 3) else _UNKNOWN,
        "replyTo": context.reply_to, "correlationId": context.correlation_id,
        "lang": fields.get("lang"), "protocol": 2 if "task" in message.headers else 1,
    }
    return to_neutral({key: value for key, value in described.items() if value is not _UNKNOWN})


def carrier(published):
    """The two ways the message travels: the text of a virtual transport, and AMQP's property bytes."""
    return {"exchange": published.exchange, "routingKey": published.routing_key, "envelope": raw(published.text),
            "amqp": raw(published.amqp)}


def task_entries(app, name, messages):
    for index, published in enumerate(messages):
        yield {"name": f"{name} #{index + 1}" if len(messages) > 1 else name, **carrier(published),
               "request": describe_request(app, received(app, published))}


def message_entries(app, name, messages):
    """Messages that are no tasks: the headers and the content as kombu's consumer gives them out."""
    for index, published in enumerate(messages):
        message = received(app, published)
        yield {"name": f"{name} #{index + 1}" if len(messages) > 1 else name, **carrier(published),
               "expected": {"headers": to_neutral(message.headers), "content": to_neutral(message.payload)}}
