"""``handlers.web`` as functions-framework serves it, but for its clock, which a request may set: samples have a time.

``X-Begin: {"now": …, "environ": {…}}`` on any request gives the server a new service with an empty ledger.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from handlers import web
from handlers.service import Service
from handlers.settings import load
from tests.scripted import Clock


def main(request: Any) -> Any:
    if given := request.headers.get("X-Begin"):
        begin = json.loads(given)
        service = Service(load(begin["environ"]), Clock(datetime.fromisoformat(begin["now"])))
        web.service = lambda: service
        return "", 204
    return web.main(request)
