"""Exceptions as tasks raise them, as a worker stores them, and as a client raises them again."""

import binascii
import decimal
import json

import celery.exceptions
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery.utils.serialization import get_pickleable_exception

from .neutral import raw, to_neutral
from .recorder import make_app


class AppError(Exception):
    """A user's exception with arguments that no constructor call gives back."""

    def __init__(self, code, detail):
        super().__init__(f"{code}: {detail}")


class Outer:
    class Inner(ValueError):
        pass


class Unpicklable(Exception):
    def __init__(self, handle):
        super().__init__(handle)
        self.handle = handle
        self.callback = lambda: handle

    def __reduce__(self):
        raise TypeError("cannot pickle this")


class Silent(Exception):
    def __str__(self):
        return "custom text"


def exceptions():
    """name -> exception as the task raised it."""
    yield "no arguments", ValueError()
    yield "one argument", ValueError("boom")
    yield "two arguments", ValueError("boom", 1)
    yield "key error", KeyError("missing")
    yield "key error with number", KeyError(5)
    yield "number argument", ValueError(42)
    yield "none argument", ValueError(None)
    yield "float argument", ValueError(1.0)
    yield "list argument", ValueError(["a", 1, None, True, 1.5, {"k": "it's"}])
    yield "nested argument", ValueError({"errors": [{"field": "x", "codes": [1, 2.0]}]}, "and more")
    yield "unicode argument", ValueError("é \U0001f600 'quoted' \"double\" \n newline \\ backslash")
    yield "tuple repr of texts", ValueError("it's", 'say "hi"', "both ' and \"", "tab\tnew\nline", "\x00\x7f\x85\xa0é")
    yield "empty text", ValueError("")
    yield "long text", RuntimeError("x" * 2000)
    yield "zero division", ZeroDivisionError("division by zero")
    yield "type error", TypeError("add() takes 2 positional arguments but 3 were given")
    yield "os error", OSError(2, "No such file or directory")
    yield "file not found", FileNotFoundError(2, "No such file or directory", "/tmp/x")
    yield "timeout", TimeoutError("too slow")
    yield "stop iteration", StopIteration(3)
    yield "assertion", AssertionError()
    yield "not implemented", NotImplementedError("later")
    yield "unserializable argument", ValueError(object)
    yield "set argument", ValueError({1})
    yield "decimal argument", ValueError(decimal.Decimal("1.10"))
    yield "bytes argument", ValueError(b"\xff\x00")
    yield "big integer argument", ValueError(2**70, -(2**60))
    yield "special floats", ValueError(float("nan"), float("inf"), 1e16, -0.0)
    yield "user exception", AppError(5, "detail")
    yield "nested class", Outer.Inner("inner")
    yield "unpicklable", Unpicklable("handle")
    yield "own text", Silent("hidden")
    yield "json error", json.JSONDecodeError("Expecting value", "doc", 3)
    yield "binascii error", binascii.Error("Incorrect padding")
    yield "not registered", celery.exceptions.NotRegistered("app.nope")
    yield "revoked", celery.exceptions.TaskRevokedError("revoked")
    yield "chord error", celery.exceptions.ChordError("Dependency 5 raised ValueError('boom', 1)")
    yield "max retries", celery.exceptions.MaxRetriesExceededError("Can't retry app.add[5] args:(1,) kwargs:{}")
    yield "time limit", TimeLimitExceeded(300)
    yield "time limit float", TimeLimitExceeded(1.5)
    yield "soft time limit", SoftTimeLimitExceeded()
    yield "worker lost", WorkerLostError("Worker exited prematurely: signal 9 (SIGKILL) Job: 8.")
    yield "celery timeout", celery.exceptions.TimeoutError("The operation timed out.")
    yield "improperly configured", celery.exceptions.ImproperlyConfigured("no such setting")


def describe_exception(exception):
    if exception is None:
        return None
    return {"type": type(exception).__qualname__, "module": type(exception).__module__,
            "args": _arguments(exception), "str": str(exception), "repr": repr(exception)}


def _arguments(exception):
    try:
        return to_neutral(list(exception.args))
    except TypeError:
        return None


def exception_documents():
    """As the worker stores them (after its pickle test), and as the client raises them again."""
    app = make_app()
    for name, raised in exceptions():
        exception = get_pickleable_exception(raised)
        document = app.backend.prepare_exception(exception, "json")
        body = app.backend.encode(document)
        decoded = app.backend.decode(body)
        yield {"name": name, "body": raw(body), "expected": to_neutral(decoded),
               "raised": describe_exception(app.backend.exception_to_python(decoded)),
               "original": {"type": type(raised).__qualname__, "repr": _stable(repr(raised))}}
    for name, text in HAND_WRITTEN.items():
        document = json.loads(text)
        entry = {"name": name, "body": raw(text), "expected": to_neutral(document)}
        try:
            entry["raised"] = describe_exception(app.backend.exception_to_python(document))
        except Exception as error:
            entry["refused"] = type(error).__name__
        yield entry


# Documents of older or other writers.
HAND_WRITTEN = {
    "text message": '{"exc_type": "ValueError", "exc_message": "boom", "exc_module": "builtins"}',
    "no module": '{"exc_type": "Custom", "exc_message": ["a"]}',
    "null module": '{"exc_type": "Custom", "exc_message": ["a"], "exc_module": null}',
    "unknown module": '{"exc_type": "Custom", "exc_message": ["a", 1], "exc_module": "other.app"}',
    "unknown attribute": '{"exc_type": "Nope", "exc_message": [], "exc_module": "builtins"}',
    "no message": '{"exc_type": "ValueError", "exc_module": "builtins"}',
    "module of another language": '{"exc_type": "RangeError", "exc_message": ["bad"], "exc_module": "celeriac"}',
    "no exception class": '{"exc_type": "map", "exc_message": ["x"], "exc_module": "builtins"}',
    "no type": '{"exc_message": ["x"], "exc_module": "builtins"}',
    "a list": '["ValueError"]',
    "a text": '"ValueError"',
    "nothing": "null",
}


def _stable(text):
    """The repr of a class instance may hold its address."""
    return text if " at 0x" not in text else None


def subjects():
    yield "exceptions", exception_documents
