"""Takes chance out of a run: the same clock, ids, host and process on every machine.

`freeze()` must run before celery or kombu is imported, because both bind some of these functions as default arguments.
"""

import hashlib
import os
import platform
import socket
import sys
import time
from datetime import datetime, timezone

NOW = datetime(2026, 11, 20, 15, 48, 29, 687293, tzinfo=timezone.utc)
HOST = "fixtures.example"
PID = 4242

_stream = {"seed": b"", "position": 0}


def reseed(name):
    """Restarts the stream of 'random' bytes for one catalogue entry, so that adding an entry changes no other one."""
    _stream["seed"] = name.encode()
    _stream["position"] = 0


def _urandom(count):
    out = b""
    while len(out) < count:
        block = b"%s/%d" % (_stream["seed"], _stream["position"])
        out += hashlib.sha256(block).digest()
        _stream["position"] += 1
    return out[:count]


def stable_hashing():
    """Sets of strings must come out in one order: starts the interpreter again when hashing is randomised."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.argv])


def freeze():
    os.environ["TZ"] = "UTC"
    time.tzset()
    os.urandom = _urandom
    os.getpid = lambda: PID
    os.getloadavg = lambda: (0.5, 0.25, 1.0)
    socket.gethostname = lambda: HOST
    platform.system = lambda: "Linux"
    time.time = lambda: NOW.timestamp()


def freeze_celery():
    """The clock of the modules that bind `datetime` by name (dates of results before Celery 5.5)."""
    import kombu.common

    kombu.common.generate_oid = lambda *_: "66c7aaaa-0000-3000-8000-00000000c0de"

    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            moment = NOW if tz is None else NOW.astimezone(tz)
            return moment.replace(tzinfo=None) if tz is None else moment

        @classmethod
        def utcnow(cls):
            return NOW.replace(tzinfo=None)

    import celery.backends.base

    if hasattr(celery.backends.base, "datetime"):
        celery.backends.base.datetime = Frozen
