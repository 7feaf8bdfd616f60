"""The values that every serializer is tried on."""

import collections
import datetime as dt
import decimal
import uuid

D = decimal.Decimal
UTC = dt.timezone.utc


def _integers():
    edges = [0, 1, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1,
             2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, 10**200]
    for number in edges:
        yield f"int {number}" if number < 10**31 else "int 10**200", number
        if number:
            yield f"int -{number}" if number < 10**31 else "int -10**200", -number


def _floats():
    numbers = [0.0, -0.0, 1.0, -1.0, 3.0, 0.1, 0.5, 1 / 3, 100.0, 1e15, 1e16, 123456789012345680.0, 1e17, 1e21, 1e22,
               1e23, 9007199254740991.0, 9007199254740992.0, 9007199254740994.0, 0.001, 0.0001, 0.00001, 1.5e-7,
               1e-10, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1.1, 2.675, 1e100, -1.5e300,
               4.35, 0.1 + 0.2, float("nan"), float("inf"), float("-inf")]
    for number in numbers:
        yield f"float {number!r}", number


def _strings():
    texts = ["", "a", "hello world", "naïve café", "日本語", "Привет", "\U0001f600 emoji \U0001f468‍\U0001f469",
             "e\u0301 combining", "\ud800 lone high", "lone low \udc00", "\udc00\ud800 swapped", "quote \" and '",
             "back\\slash", "/slash </script>", "\u2028\u2029", "\x7f delete", "\x85 next line", "\u00a0 nbsp",
             "\ufeff bom", "\ufffe\uffff nonchars", "\x00 nul", "".join(map(chr, range(32))), "line\nbreak\r\n\ttab",
             "null", "~", "true", "yes", "No", "on", "1", "1.0", "-1", "0x1F", "0o17", "017", "1_000", "1e5", ".5",
             ".inf", ".nan", "NaN", "Infinity", "12:30:45", "2026-01-02", "2026-01-02T03:04:05Z", "=", "<<",
             "- item", "key: value", "# comment", "value # comment", " leading", "trailing ", "trailing:", "[1]",
             "{a: 1}", "&anchor", "*alias", "!tag", "|", ">", "%", "@at", "`tick", "?", "---", "...", "'", '"',
             "word " * 60, "x" * 300, "multi\nline\n\ntext\n", "\n", " ", "  \n  ", "a\tb", "None", "b'x'", "$dollar",
             "日本語 " * 40]
    for text in texts:
        yield f"str {text[:24]!a}", text


def _binary():
    for data in (b"", b"abc", "é€\U0001f600".encode(), b"\xff\xfe\x00", bytes(range(256)), b"\x00", b'"\\\n',
                 b"\xed\xa0\x80 surrogate", b"x" * 300):
        yield f"bytes {data[:12]!r}", data


def _times():
    plus = dt.timezone(dt.timedelta(hours=5, minutes=30))
    minus = dt.timezone(-dt.timedelta(hours=3, minutes=30))
    for moment in (
        dt.datetime(2026, 1, 2, 3, 4, 5), dt.datetime(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4, 5, 678900),
        dt.datetime(2026, 1, 2, 3, 4, 5, 1), dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        dt.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), dt.datetime(2026, 1, 2, 3, 4, 5, 1000, UTC),
        dt.datetime(2026, 6, 30, 23, 59, 59, 999999, plus), dt.datetime(2026, 6, 30, 0, 0, 0, 0, minus),
        dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), dt.datetime(1969, 12, 31, 23, 59, 59),
        dt.datetime(1970, 1, 1, tzinfo=UTC), dt.datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
    ):
        yield f"datetime {moment.isoformat()}", moment
    for day in (dt.date(2026, 1, 2), dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29)):
        yield f"date {day}", day
    for clock in (dt.time(3, 4, 5), dt.time(0, 0), dt.time(23, 59, 59, 999999), dt.time(3, 4, 5, 1000),
                  dt.time(3, 4, 5, tzinfo=UTC), dt.time(3, 4, 5, 6, plus)):
        yield f"time {clock}", clock
    for delta in (dt.timedelta(0), dt.timedelta(days=1, seconds=2, microseconds=3), dt.timedelta(seconds=-1)):
        yield f"timedelta {delta}", delta


def _numbers_and_ids():
    for text in ("1.10", "0", "-0", "1E+5", "1E-10", "-12345678901234567890.123456789", "NaN", "sNaN", "Infinity",
                 "-Infinity", "0.00", "3.14159265358979323846264338327950288"):
        yield f"decimal {text}", D(text)
    for text in ("8bf4f0b0-1234-4abc-8def-0123456789ab", "00000000-0000-0000-0000-000000000000",
                 "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
        yield f"uuid {text}", uuid.UUID(text)


def _deep(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def _containers():
    shared = {"shared": [1, 2]}
    yield "empty list", []
    yield "empty dict", {}
    yield "empty tuple", ()
    yield "list of everything plain", [None, True, False, 0, 1, -1, 1.0, 1.5, "a", [], {}, [[]], [{}], {"a": {}}]
    yield "tuple", (1, "two", (3.0,))
    yield "nested", {"a": [1, {"b": (2, [3, {"c": None}])}], "d": {"e": {"f": {}}}}
    yield "deep list", _deep(60)
    yield "long list", [7] * 1200
    yield "long dict", dict.fromkeys(range(1100))
    yield "long string list", ["item", "item", "other"] * 40
    yield "large text", "0123456789abcdef" * 4200
    yield "large bytes", bytes(range(256)) * 260
    yield "shared references", [shared, shared, [shared]]
    yield "int keys", {1: "a", 2: "b", -3: "c", 2**70: "d"}
    yield "mixed keys", {1: "a", None: "b", True and "t": "c", 2.5: "d", "s": "e"}
    yield "bool keys", {True: "yes", False: "no"}
    yield "float keys", {1.0: "a", 1e16: "b", 1e-07: "c", -0.5: "d", float("nan"): "e", float("inf"): "f"}
    yield "colliding keys", {1: "int", "1": "str"}
    yield "tuple keys", {(1, 2): "pair"}
    yield "integer-like keys", {"b": 1, "2": 2, "a": 3, "1": 4, "-1": 5, "01": 6}
    yield "empty key", {"": {"": ""}}
    yield "prototype keys", {"__proto__": {"polluted": True}, "constructor": 1, "toString": None, "hasOwnProperty": 2}
    yield "only __proto__", {"__proto__": 1}
    yield "marker with unknown neighbour", {"__type__": "datetime", "__value__": "x", "more": 1}
    yield "marker type alone", {"__type__": "datetime"}
    yield "marker value alone", {"__value__": 1}
    yield "dollar keys", {"$int": "5", "$ref": "#"}
    yield "unicode keys", {"é": 1, "日本": 2, "\U0001f600": 3, "a b": 4, 'q"': 5, "\n": 6}
    yield "typed inside", {"when": dt.datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "ids": [uuid.UUID(int=5)],
                           "amount": D("9.99"), "day": dt.date(2026, 1, 2), "raw": b"\x00\xff", "text": b"text"}
    yield "typed keys apart", {"a": [dt.time(1, 2, 3), {"b": dt.datetime(2026, 1, 2)}]}
    yield "big integers inside", {"ids": [2**53, -(2**63), 2**64 - 1, 10**25], "small": 5}
    yield "nan inside", {"values": [float("nan"), float("inf"), float("-inf"), 1.0]}
    yield "text that looks special", ["NaN", "Infinity", "__type__", "12345678901234567890", "1.0", '{"__type__": 1}']
    yield "ordered dict", collections.OrderedDict([("z", 1), ("a", 2)])
    yield "set of ints", {1, 2, 3}
    yield "empty set", set()
    yield "frozenset", frozenset([1, 2])
    yield "set inside", {"s": {5}, "f": frozenset()}
    yield "bytearray", bytearray(b"\x01\x02\xff")


def values():
    yield "none", None
    yield "true", True
    yield "false", False
    for part in (_integers, _floats, _strings, _binary, _times, _numbers_and_ids, _containers):
        yield from part()
