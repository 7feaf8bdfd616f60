"""json, yaml, msgpack, pickle, raw and the compressions, each over the catalogue of values."""

import pickle

from kombu import compression, serialization
from kombu.utils import json as kombu_json

from . import frozen
from .catalogue import values
from .neutral import raw, to_neutral

PICKLE_ONLY = ("long dict", "large ")  # where frames and batches begin


def _input(value):
    try:
        return to_neutral(value)
    except TypeError:
        return {"$opaque": repr(type(value))}


def serialized(serializer):
    """What kombu's serializer writes for each value and reads back; values that it refuses are named as refused.

    `input` is there where it is not what comes back (keys become text, times become text on kombu 5.2).
    """
    for name, value in values():
        if name.startswith(PICKLE_ONLY) and serializer != "pickle":
            continue
        frozen.reseed(name)
        try:
            content_type, content_encoding, body = serialization.dumps(value, serializer=serializer)
        except Exception as error:
            yield {"name": name, "serializer": serializer, "input": _input(value), "refused": type(error).__name__}
            continue
        entry = {"name": name, "contentType": content_type, "contentEncoding": content_encoding, "body": raw(body)}
        try:
            decoded = serialization.loads(body, content_type, content_encoding, accept=None, force=True)
            entry["expected"] = to_neutral(decoded)
        except Exception as error:
            entry["unreadable"] = type(error).__name__
        if entry.get("expected") != _input(value):
            entry["input"] = _input(value)
        yield entry


FOREIGN_JSON = [
    '{"a": 1, "a": 2}', ' \t\r\n{ "a" :1 , "b":[ 1 ,2 ] } ', "1E5", "1e5", "1E+2", "-0", "-0.0", "1.0", "1.50",
    "0.1e-6", "123456789012345678901234567890", "-9007199254740993", "1e400", "-1e400", "[NaN, Infinity, -Infinity]",
    '"\\u00e9\\/\\b\\f\\n\\r\\t\\"\\\\"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\U0001f600 raw"', '"\x7f"', "true",
    '{"__type__": "datetime", "__value__": "2026-01-02T03:04:05.678+00:00"}',
    '{"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}',
    '{"__type__": "uuid", "__value__": {"hex": "8bf4f0b012344abc8def0123456789ab", "version": 4}}',
    '{"__type__": "uuid", "__value__": {"hex": "8bf4f0b012344abc8def0123456789ab"}}',
    '{"__type__": "bytes", "__value__": "caf\\u00e9"}', '{"__type__": "base64", "__value__": "/wA="}',
    '{"__value__": "1.5", "__type__": "decimal"}', '{"__type__": "decimal", "__value__": "1.5", "x": 1}',
    '{"__type__": "unheard-of", "__value__": 1}', '{"__type__": "date", "__value__": "2026-01-02"}',
    '{"a": {"b": [{"__type__": "time", "__value__": "03:04:05.000006"}]}}',
    # Refused by Python, so never to be accepted by accident here.
    "", "{", "[1,]", "{'a': 1}", "01", "+1", ".5", "1.", "nul", "NaNa", '"\n"', '"\\x41"', "[1] 2", "infinity", "--1",
    '{"a" 1}', '{1: 2}', "\ufeff1",
]


def foreign_json():
    """Texts that Python's reader meets but does not write."""
    for text in FOREIGN_JSON:
        entry = {"name": text, "body": raw(text.encode())}
        try:
            entry["expected"] = to_neutral(kombu_json.loads(text))
        except Exception as error:
            entry["unreadable"] = type(error).__name__
        yield entry


def json_texts():
    yield from serialized("json")


PICKLED = ("none", "true", "int ", "float ", "str ", "bytes ", "datetime ", "date ", "time", "decimal ", "uuid ")


def pickles():
    """The serializer's own protocol for every value, and every protocol since 0 for a choice of them."""
    yield from serialized("pickle")
    kept = 0
    for name, value in values():
        simple = name.startswith(PICKLED)
        kept += simple
        if (simple and kept % 6) or name.startswith(("long ", "large ", "deep")):
            continue
        for protocol in (0, 1, 2, 3, 5):
            body = pickle.dumps(value, protocol=protocol)
            yield {"name": f"{name}, protocol {protocol}", "body": raw(body),
                   "expected": to_neutral(pickle.loads(body))}


def other_content():
    """Bytes and texts sent without a serializer, or with `raw`."""
    for name, value, serializer in (
        ("bytes without serializer", b"\x00\xffabc", None), ("text without serializer", "caf\u00e9 text", None),
        ("raw bytes", b"\x01\x02", "raw"), ("raw text", "plain", "raw"), ("empty bytes", b"", None),
    ):
        content_type, content_encoding, body = serialization.dumps(value, serializer=serializer)
        decoded = serialization.loads(body, content_type, content_encoding, accept=None, force=True)
        yield {"name": name, "contentType": content_type, "contentEncoding": content_encoding, "body": raw(body),
               "expected": to_neutral(decoded)}


ALIASES = {"gzip": "application/x-gzip", "bzip2": "application/x-bz2", "lzma": "application/x-lzma",
           "brotli": "application/x-brotli", "zstd": "application/zstd"}
COMPRESSED = [
    ("empty", b""), ("one byte", b"x"), ("small", b'[[1, 2], {}, {"callbacks": null}]'),
    ("repetitive", b"celery " * 3000), ("all bytes", bytes(range(256)) * 8),
    ("unicode", "naïve 日本語 \U0001f600 ".encode() * 50),
]


def compressed():
    """Every compression that this kombu offers; the bytes depend on the libraries of the machine."""
    for alias, mime in ALIASES.items():
        if mime not in compression.encoders():
            continue
        for name, data in COMPRESSED:
            body, content_type = compression.compress(data, alias)
            assert content_type == mime and compression.decompress(body, content_type) == data
            yield {"name": f"{alias} {name}", "alias": alias, "contentType": content_type,
                   "varies": ["body"], "body": raw(body), "expected": to_neutral(data)}


def subjects():
    yield "json", json_texts
    yield "foreign-json", foreign_json
    yield "yaml", lambda: serialized("yaml")
    yield "msgpack", lambda: serialized("msgpack")
    yield "pickle", pickles
    yield "content", other_content
    yield "compression", compressed
