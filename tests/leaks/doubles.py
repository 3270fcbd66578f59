"""Entry functions that leak what they are given: the search has to find it."""

from __future__ import annotations

import logging
from typing import Any


def answers(event: object, _: object) -> dict[str, Any]:
    """In a function's answer."""
    return {"status": 200, "outcomes": [{"message": f"said {event}"}]}


def answers_http(event: object, _: object) -> dict[str, Any]:
    """In an HTTP answer's header."""
    return {"statusCode": 200, "headers": {"X-Note": f"{event}"}, "body": "{}"}


def raises(event: object, _: object) -> dict[str, Any]:
    """In the text of an exception."""
    raise ValueError(f"cannot do {event}")


def raises_after(event: object, _: object) -> dict[str, Any]:
    """In the exception before it, which a traceback shows."""
    try:
        raise KeyError(event)
    except KeyError:
        raise RuntimeError("it went wrong") from None if event is None else KeyError(event)


def logs(event: object, _: object) -> dict[str, Any]:
    """At DEBUG, by a logger nobody looks at."""
    logging.getLogger("somebody.elses").debug("got %s", event)
    return {}


def measures(event: object, _: object) -> dict[str, Any]:
    """As a metric's dimension."""
    print(f'{{"_aws": {{}}, "sender": "{event}"}}')
    return {}
