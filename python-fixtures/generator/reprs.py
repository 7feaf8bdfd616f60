"""Texts of celery.utils.saferepr: what stands in logs, events and the argsrepr header."""

from celery.utils.saferepr import saferepr

from .catalogue import values
from .neutral import to_neutral
from .exceptions import describe_exception, exceptions

SHAPES = [
    (), (1,), (1, 2), ("a", "it's", 'say "hi"', "new\nline", "back\\slash", "é\U0001f600\u2028"),
    [1, [2, [3, [4, [5]]]]], {"a": {"b": {"c": {"d": {"e": 1}}}}}, ([1, [2, [3]]],), [[], {}, [[]], [{}]],
    ["word " * 220], ["x" * 1100], {"key": "y" * 1100, "after": 1}, list(range(300)), {str(n): n for n in range(130)},
    ["short", "z" * 1010, "tail"], ["a" * 500, "b " * 300, "c"], [1.0, 1e16, 1e-05, -0.0, 1.5, 10**30, True, None],
    {"n": None, "t": True, "f": 1.0, 5: "int", 1.5: "float", None: "none", "it's": 2}, [b"text", b"\xff\xfe", b"it's"],
    {1, 2}, [set()], [float("nan"), float("inf")], {"": ""}, [["a"] * 3] * 3, [{"k": []}, {"k": {}}],
    "top text", b"top bytes", 5, None, 1.0, {"nested": [{"deep": [{"deeper": [1]}]}]},
    [{"s": "w " * 520}, "after"], ["é" * 520, "b"], ["a b" * 400, 1, 2, 3],
]


def _has_twin(value):
    """Whether JavaScript has the value: it knows one kind of list, set and bytes."""
    if isinstance(value, dict):
        return all(map(_has_twin, value.keys())) and all(map(_has_twin, value.values()))
    if isinstance(value, (list, set)):
        return all(map(_has_twin, value))
    return not isinstance(value, (tuple, frozenset, bytearray))


def texts():
    for index, value in enumerate(SHAPES):
        for limit in (None, 1024, 100) if len(repr(value)) < 400 else (1024, 60):
            shown = to_neutral(value)
            entry = {"name": f"shape {index}, {limit}", "input": shown, "maxLength": limit,
                     "expected": saferepr(value, limit)}
            if isinstance(value, tuple):
                entry["tuple"] = True
            yield entry
    for name, value in values():
        if name.startswith(("long", "large", "deep", "shared", "timedelta", "ordered")) or not _has_twin(value):
            continue
        try:
            yield {"name": name, "input": to_neutral(value), "maxLength": 1024, "expected": saferepr(value, 1024)}
        except UnicodeError:
            continue


# Shown by a method of their own: what travels (class and arguments) does not tell.
OWN_TEXTS = ("file not found", "own text", "not registered")


def exception_texts():
    """repr() of exceptions stands in events and in the message of ChordError."""
    for name, exception in exceptions():
        if name in OWN_TEXTS:
            continue
        described = describe_exception(exception)
        if " at 0x" not in described["repr"] and described["args"] is not None:
            yield {"name": name, **described}


def subjects():
    yield "reprs", texts
    yield "exception-reprs", exception_texts
