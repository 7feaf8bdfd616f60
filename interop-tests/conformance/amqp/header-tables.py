"""Speaks plain py-amqp: header tables as Python writes and reads them.

    header-tables.py PORT write QUEUE    publishes one message with a value of every kind
    header-tables.py PORT read QUEUE     takes one message and prints its headers, with types, as JSON
"""

import datetime
import decimal
import json
import sys
import warnings

import amqp

warnings.simplefilter("ignore")

VALUES = {
    "one": 1,
    "minus_one": -1,
    "two_hundred": 200,
    "thousand": 1000,
    "largest_32": 2**31 - 1,
    "beyond_32": 2**31,
    "minus_beyond_32": -(2**31) - 1,
    "milliseconds": 1700000000000,
    "safe": 2**53 - 1,
    "largest_64": 2**63 - 1,
    "smallest_64": -(2**63),
    "float": 1.5,
    "true": True,
    "none": None,
    "text": "h\u00e9\U0001f600",
    "bytes": b"\xff\x00",
    "decimal": decimal.Decimal("-12.50"),
    "datetime": datetime.datetime(2026, 1, 2, 3, 4, 5),
    "list": [300, None, 2**40, ["x"]],
    "table": {"a": {"b": [2**40, -1]}},
}


def plain(value):
    """The value with the name of its type, so that 1 and 1.0 and True stay apart."""
    if isinstance(value, dict):
        return {"dict": {key: plain(one) for key, one in value.items()}}
    if isinstance(value, list):
        return {"list": [plain(one) for one in value]}
    if isinstance(value, (bytes, memoryview)):
        return {"bytes": bytes(value).hex()}
    return {type(value).__name__: str(value)}


def main():
    port, what, queue = sys.argv[1:]
    connection = amqp.Connection(f"127.0.0.1:{port}", userid="guest", password="guest")
    connection.connect()
    channel = connection.channel()
    if what == "write":
        message = amqp.Message("x", application_headers=VALUES, content_type="text/plain", delivery_mode=1)
        channel.basic_publish(message, exchange="", routing_key=queue)
    else:
        message = channel.basic_get(queue, no_ack=True)
        print(json.dumps(plain(message.headers)["dict"]))
    connection.close()


main()
