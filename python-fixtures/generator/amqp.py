"""AMQP 0-9-1 bytes as py-amqp writes and reads them: field tables and the properties of a message."""

import datetime as dt
from decimal import Decimal
from struct import pack

import amqp
from amqp.serialization import dumps, loads

from .neutral import raw, to_neutral

WRITTEN = {
    "empty": {}, "text": {"k": "v", "": "empty key", "é": "\U0001f600", "long": "x" * 300, "empty": ""},
    "integers": {str(n): n for n in (
        0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65535, 65536, 2**31 - 1, 2**31,
        -(2**31), -(2**31) - 1, 2**53, -(2**53), 2**63 - 1, -(2**63))},
    "floats": {"a": 0.0, "b": -0.0, "c": 1.0, "d": 1.5, "e": -1e300, "f": 5e-324, "g": float("inf"), "h": 0.1},
    "others": {"true": True, "false": False, "none": None, "when": dt.datetime(2026, 1, 2, 3, 4, 5),
               "decimal": Decimal("1.25"), "negative": Decimal("-0.001"), "bytes": b"\x00\xff"},
    "nested": {"list": [1, "a", None, [2, [3]], {"k": {"n": -5}}], "table": {"a": {"b": {"c": []}}}, "empty": [{}, []]},
    "celery": {"timelimit": [300, 240], "retries": 200, "group_index": 70000, "stamps": {"tenant": ["a", 1]}},
    "x-death": {"x-death": [{"count": 1, "reason": "expired", "queue": "q", "time": dt.datetime(2026, 1, 2, 3, 4, 5),
                             "exchange": "", "routing-keys": ["q"]}]},
}

# Every field type that some client writes, with the meaning that RabbitMQ gives it.
FIELDS = {
    "t true": b"t\x01", "t false": b"t\x00", "b -1": b"b\xff", "B 255": b"B\xff", "s -2": b"s\xff\xfe",
    "s 300": b"s\x01\x2c",
    "u 65535": b"u\xff\xff", "U -2": b"U\xff\xfe", "I -3": pack(">ci", b"I", -3), "i 4294967295": b"i" + b"\xff" * 4,
    "l -4": pack(">cq", b"l", -4), "l big": pack(">cq", b"l", 2**62), "L -5": pack(">cq", b"L", -5),
    "L big": pack(">cq", b"L", 2**40), "f 1.5": pack(">cf", b"f", 1.5), "d 1.5": pack(">cd", b"d", 1.5),
    "D 1.25": b"D\x02" + pack(">i", 125), "S text": b"S\x00\x00\x00\x02hi", "S not utf-8": b"S\x00\x00\x00\x02\xff\xfe",
    "x bytes": b"x\x00\x00\x00\x02\xff\x00", "T": b"T" + pack(">Q", 1767323045), "V": b"V",
    "A empty": b"A\x00\x00\x00\x00",
    "F empty": b"F\x00\x00\x00\x00", "A nested": b"A\x00\x00\x00\x0eI\x00\x00\x00\x01A\x00\x00\x00\x04t\x01t\x00",
}
RABBITMQ = {"b -1": -1, "B 255": 255, "s -2": -2, "s 300": 300, "L -5": -5, "l -4": -4, "U -2": -2}


def written():
    for name, table in WRITTEN.items():
        body = dumps("F", [table])
        yield {"name": name, "body": raw(body), "input": to_neutral(table),
               "expected": to_neutral(loads("F", body, 0)[0][0])}


def fields():
    """`expected` is RabbitMQ's meaning; `python` what this py-amqp reads (or why it fails)."""
    for name, field in FIELDS.items():
        table = b"\x01k" + field
        body = pack(">I", len(table)) + table
        try:
            python = to_neutral(loads("F", body, 0)[0][0]["k"])
        except Exception as error:
            python = {"error": type(error).__name__}
        expected = RABBITMQ.get(name, python)
        yield {"name": name, "body": raw(body), "expected": {"k": expected}, "python": python}


def properties():
    cases = {
        "none": {}, "all": dict(
            content_type="application/json", content_encoding="utf-8", application_headers={"k": 1}, delivery_mode=2,
            priority=255, correlation_id="c", reply_to="r", expiration="60000", message_id="m",
            timestamp=1767323045, type="t", user_id="u", app_id="a", cluster_id="cl"),
        "empty texts": dict(content_type="", reply_to="", application_headers={}), "only type": dict(type="t"),
        "unicode": dict(content_type="é", correlation_id="\U0001f600"),
        "priority zero": dict(priority=0, delivery_mode=1),
    }
    for name, fields_ in cases.items():
        message = amqp.Message(b"", **fields_)
        body = message._serialize_properties()
        back = amqp.Message()
        back._load_properties(60, body, 0)
        yield {"name": name, "body": raw(body), "expected": to_neutral(dict(back.properties))}


def subjects():
    yield "amqp-tables", written
    yield "amqp-fields", fields
    yield "amqp-properties", properties
