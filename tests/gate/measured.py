"""One delivery in a fresh process: through an entry function, and what that took, counted. JSON to the file of GATE_OUT.

Calls are counted by Python's own profiling hook, in every thread: functions of the package, and the ledger's verbs among them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = os.environ["GATE_PACKAGE"]
LEDGER = os.path.join(PACKAGE, "ledger", "sqlite.py")  # noqa: PTH118 - pathlib is not to be imported for the sake of this
VERBS = ("put_if_absent", "get", "swap", "due", "since")
HEAVY = ("asyncio", "concurrent.futures", "difflib", "email", "http.client", "multiprocessing", "sqlite3", "ssl", "tomllib",
         "unittest", "urllib.request", "xml")  # fmt: skip
"""Parts of the standard library that cost a start a millisecond or more; the small ones are each Python's matter."""
_calls, _verbs = Counter[str](), Counter[str]()


def _seen(frame: FrameType, what: str, _: object) -> None:
    code = frame.f_code
    # Comprehensions are functions in some Pythons only.
    if what == "call" and code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
        _calls["handlers"] += 1
        if code.co_filename == LEDGER and code.co_name in VERBS:
            _verbs[code.co_name] += 1


class Context:
    """Lambda's."""

    aws_request_id = "gate"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Request:
    """What is used of Flask's."""

    method = "POST"

    def __init__(self, path: str, headers: Mapping[str, str], body: Any) -> None:
        import io

        text = json.dumps(body).encode()
        self.path, self.headers = path, {"content-type": "application/json", **headers}
        self.environ = {"CONTENT_LENGTH": str(len(text)), "wsgi.input": io.BytesIO(text)}


def act(entry: str, given: Any) -> object:
    if entry == "web":
        from handlers.web import main

        return main(Request(given["path"], given["headers"], given["body"]))  # type: ignore[arg-type]  # a str environ
    from handlers import aws_lambda

    return getattr(aws_lambda, entry)(given, Context())


def main(entry: str, event: str) -> None:
    before = {*sys.modules}
    sys.setprofile(_seen)
    threading.setprofile(_seen)
    act(entry, json.loads(event))
    sys.setprofile(None)
    threading.setprofile(None)  # takes it away
    names = {*sys.modules} - before
    tops = {name.partition(".")[0] for name in names if not name.startswith("_")} - {*sys.stdlib_module_names, "handlers"}
    found = {
        "handlers": sum(name.partition(".")[0] == "handlers" for name in names),
        "libraries": sorted(tops),
        "heavy": [name for name in HEAVY if name in sys.modules],
        "ledger": dict(sorted(_verbs.items())),
        "calls": _calls["handlers"],
    }
    Path(os.environ["GATE_OUT"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
