"""Reads what TypeScript wrote, with the code that Celery and kombu read it with.

One request a line on standard input, `{"op": ..., ...}`; one answer a line, `{"value": ...}` in the notation of
generator/neutral.py, or `{"error": ...}`.
"""

import base64
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["TZ"] = "UTC"
time.tzset()

from amqp.serialization import loads as amqp_loads  # noqa: E402
from celery import maybe_signature  # noqa: E402
from celery.events.receiver import EventReceiver  # noqa: E402
from celery.events.state import State  # noqa: E402
from celery.result import result_from_tuple  # noqa: E402
from kombu import compression, serialization  # noqa: E402
from kombu.pidbox import Node  # noqa: E402
from kombu.utils.json import dumps, loads  # noqa: E402

from generator.messages import EVERYTHING, describe_request, received  # noqa: E402
from generator.neutral import from_neutral, to_neutral  # noqa: E402
from generator.recorder import Published, make_app  # noqa: E402
from generator.exceptions import describe_exception  # noqa: E402

APPS = {name: make_app(result_serializer=name) for name in ("json", "yaml", "msgpack", "pickle")}
APP = APPS["json"]


def _message(request):
    return received(APP, Published(request["envelope"], b"", b"", "", "", None))


def content(request):
    body = base64.b64decode(request["body"])
    if request.get("compression"):
        body = compression.decompress(body, request["compression"])
    return to_neutral(serialization.loads(body, request["contentType"], request["contentEncoding"], accept=EVERYTHING))


def text(request):
    """The other way round: the JSON that kombu writes for a value given in the neutral notation."""
    return dumps(from_neutral(request["value"]))


def task(request):
    message = _message(request)
    return {"request": describe_request(APP, message), "properties": to_neutral(message.properties),
            "deliveryTag": message.delivery_tag}


def table(request):
    return to_neutral(amqp_loads("F", base64.b64decode(request["body"]), 0)[0][0])


def result(request):
    """The document, and for a failed task the exception, that `AsyncResult.get` would raise."""
    backend = APPS[request["serializer"]].backend
    body = base64.b64decode(request["body"])
    meta = backend.meta_from_decoded(backend.decode(body))
    raised = meta["result"] if isinstance(meta["result"], BaseException) else None
    children = [result_from_tuple(child, app=APP).id for child in meta.get("children") or []]
    shown = {key: value for key, value in meta.items() if key not in ("result", "children")}
    answer = {"meta": to_neutral(shown), "children": children, "raised": describe_exception(raised)}
    return answer if raised is not None else {**answer, "result": to_neutral(meta["result"])}


def exception(request):
    return describe_exception(APP.backend.exception_to_python(loads(request["text"])))


def group(request):
    node = result_from_tuple(loads(request["text"])["result"], app=APP)
    return {"type": type(node).__name__, "id": node.id, "members": [child.id for child in node.results],
            "parent": node.parent and node.parent.id}


def event(request):
    """Through the receiver of monitors and into the cluster state, which breaks on fields that it does not expect."""
    message = _message(request)
    receiver = EventReceiver(APP.connection(), app=APP)
    state = State()
    body = message.payload
    types = []
    for one in body if isinstance(body, list) else [body]:
        type_, fields = receiver.event_from_message(dict(one))
        if type_.startswith(("task-", "worker-")) and not type_.startswith("worker-elect"):
            state.event(fields)
        types.append(type_)
    return {"types": types, "content": to_neutral(body), "headers": to_neutral(message.headers)}


def control(request):
    message = _message(request)
    ran = []
    handlers = {name: (lambda state, **arguments: ran.append(arguments)) for name in (request["method"],)}
    node = Node(request["node"], handlers=handlers, mailbox=APP.control.mailbox)
    node.reply = lambda *args, **kwargs: None
    node.handle_message(message.payload, message)
    return {"ran": to_neutral(ran), "clock": message.headers.get("clock"), "ticket": message.payload.get("ticket"),
            "replyTo": message.payload.get("reply_to")}


def reply(request):
    message = _message(request)
    return {"headers": to_neutral(message.headers), "content": to_neutral(message.payload)}


def signature(request):
    made = maybe_signature(loads(request["text"]), app=APP)
    return {"class": type(made).__name__, "task": made.task, "immutable": made.immutable,
            "frozen": bool(made.clone().freeze().id)}


OPERATIONS = {each.__name__: each for each in (
    content, text, task, table, result, exception, group, event, control, reply, signature)}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"value": OPERATIONS[request["op"]](request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
