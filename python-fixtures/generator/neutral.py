"""Python values in a notation that keeps every type apart, and back.

null, booleans, strings and integers up to 2**53-1 are themselves; tuples and lists are arrays; the rest is an object
with one key that begins with `$`. A dict is an object, or `$dict` with its pairs when a key is no string, begins with
`$`, or is a number in disguise (JavaScript moves such keys to the front). Long repetition is written as `$repeat`:
the unit and how often it follows itself.
"""

import base64
import datetime
import decimal
import re
import uuid

SAFE = 2**53 - 1
_AWKWARD = re.compile(r"\$|\d+\Z")
_PERIOD = re.compile(rb"(.{1,256}?)\1{29,}", re.DOTALL)


def to_neutral(value):
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _repeat(str(value), lambda unit: unit)
    if isinstance(value, int):
        return int(value) if -SAFE <= value <= SAFE else {"$int": str(int(value))}
    if isinstance(value, float):
        return {"$float": repr(float(value))}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _repeat(bytes(value), lambda unit: {"$bytes": base64.b64encode(unit).decode()})
    if isinstance(value, datetime.datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$date": value.isoformat()}
    if isinstance(value, datetime.time):
        return {"$time": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"$timedelta": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, decimal.Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, uuid.UUID):
        return {"$uuid": str(value)}
    if isinstance(value, (set, frozenset)):
        return {"$set": sorted((to_neutral(item) for item in value), key=repr)}
    if isinstance(value, (list, tuple)) and len(value) > 1000 and len(set(value)) == 1:
        return {"$repeat": [[to_neutral(value[0])], len(value)]}
    if isinstance(value, (list, tuple)):
        return [to_neutral(item) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and not _AWKWARD.match(key) for key in value):
            return {str(key): to_neutral(item) for key, item in value.items()}
        return {"$dict": [[to_neutral(key), to_neutral(item)] for key, item in value.items()]}
    raise TypeError(f"no neutral notation for {type(value)!r}: {value!r}")


def _repeat(value, write):
    """Only for what is long: short texts stay readable."""
    if len(value) > 3000:
        for size in range(1, 257):
            count, rest = divmod(len(value), size)
            if not rest and value[:size] * count == value:
                return {"$repeat": [write(value[:size]), count]}
    return write(value)


def from_neutral(value):
    if isinstance(value, list):
        return [from_neutral(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, inner), = value.items()
        if key.startswith("$"):
            return _READERS[key](inner)
    return {key: from_neutral(item) for key, item in value.items()}


def _datetime(text):
    return datetime.datetime.fromisoformat(re.sub("Z$", "+00:00", text))


_READERS = {
    "$int": int,
    "$repeat": lambda parts: from_neutral(parts[0]) * parts[1],
    "$float": float,
    "$bytes": base64.b64decode,
    "$datetime": _datetime,
    "$date": datetime.date.fromisoformat,
    "$time": datetime.time.fromisoformat,
    "$timedelta": lambda parts: datetime.timedelta(*parts),
    "$decimal": decimal.Decimal,
    "$uuid": uuid.UUID,
    "$set": lambda items: {from_neutral(item) for item in items},
    "$dict": lambda pairs: {from_neutral(key): from_neutral(item) for key, item in pairs},
}


def raw(data):
    """Bytes for a fixture file: readable text where they are printable ASCII, else base64; parts where they repeat."""
    data = data.encode() if isinstance(data, str) else bytes(data)
    repeated = _PERIOD.search(data) if len(data) > 3000 else None
    if repeated:
        unit, whole = repeated.group(1), repeated.group(0)
        parts = [raw(data[:repeated.start()]), {"times": len(whole) // len(unit), "unit": raw(unit)},
                 raw(data[repeated.end():])]
        return {"parts": parts}
    if all(32 <= byte < 127 or byte == 10 for byte in data):
        return {"text": data.decode()}
    return {"base64": base64.b64encode(data).decode()}
