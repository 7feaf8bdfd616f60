"""Writes the fixtures of one Celery version: python generate.py --out python-fixtures/celery-<version>

Run it with the Python of an environment that has that version; `npm run fixtures` does so for all of them.
Nothing in the output depends on the machine, except the fields that an entry itself lists under `varies`.
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from generator import frozen  # noqa: E402

if __name__ == "__main__":
    frozen.stable_hashing()
frozen.freeze()


MODULES = ("values", "tasks", "canvas", "worker", "exceptions", "results", "events", "control", "reprs", "amqp")


def libraries():
    from importlib.metadata import version

    return {name: version(name) for name in ("celery", "kombu", "amqp", "msgpack", "PyYAML")}


def write(folder, subject, entries):
    """One line an entry: a difference in a diff names the entry by itself."""
    head = json.dumps({"subject": subject, "libraries": libraries()})[1:-1]
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    path = os.path.join(folder, f"{subject}.json")
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write("{%s, \"entries\": [\n%s\n]}\n" % (head, lines))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    frozen.freeze_celery()

    import importlib

    os.makedirs(options.out, exist_ok=True)
    for module in MODULES:
        for subject, entries in importlib.import_module(f"generator.{module}").subjects():
            if not options.only or subject in options.only.split(","):
                write(options.out, subject, list(entries()))


if __name__ == "__main__":
    main()
