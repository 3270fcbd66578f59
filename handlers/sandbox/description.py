"""``GET /openapi.json``: what there is to ask, in OpenAPI's words; written by hand, served without proof."""

from __future__ import annotations

import json
from pathlib import Path

from handlers.sandbox import problems
from handlers.sandbox.exchange import Reply, Request

FILE = Path(__file__).with_name("openapi.json")


class Description:
    """``endpoint`` becomes its only server."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def show(self, _: Request) -> Reply:
        """Read whenever it is asked for, which is seldom."""
        try:
            document = json.loads(FILE.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise problems.no_such_api() from None
        return Reply(200, document | {"servers": [{"url": self._endpoint}]})
