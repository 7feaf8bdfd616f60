"""Calls tasks of the TypeScript worker, and prints what a Python shell would show."""

import traceback

from proj import app


def show(text, call):
    print(">>> " + text)
    try:
        print(repr(call()))
    except Exception as error:
        for line in traceback.format_exception_only(type(error), error):
            print(line.rstrip())


greet = app.signature("node.greet", queue="node")
reserve = app.signature("node.reserve", queue="node")

show('greet.delay("Python").get()', lambda: greet.delay("Python").get(timeout=30, interval=0.1))
show('greet.delay(name="keywords").get()', lambda: greet.delay(name="keywords").get(timeout=30, interval=0.1))
show("reserve.delay(500).get()", lambda: reserve.delay(500).get(timeout=30, interval=0.1))
