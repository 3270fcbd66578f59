"""The entry functions of two platforms in a process of their own, with every logger at DEBUG: ``python -m tests.leaks.driver``.

Reads steps from standard input, ``[[platform, door, event, environ], …]``, each a cold start where it has an environment of its
own. Writes what each answered, or its whole traceback.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback

from handlers.sandbox import estate
from tests.hostile.stage import cold
from tests.leaks.loud import loud
from tests.leaks.stage import AGENCY
from tests.test_functiongraph import FakeContext

MODULES = {"lambda": "handlers.aws_lambda", "functiongraph": "handlers.functiongraph", "double": "tests.leaks.doubles"}


class Context:
    """Lambda's."""

    def __init__(self) -> None:
        self.aws_request_id = os.urandom(16).hex()

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def main() -> None:
    loud()
    keys = AGENCY if os.environ.get("LEAK_AGENCY") else (None, None, None)
    for platform, door, event, environ in json.load(sys.stdin):
        module = importlib.import_module(MODULES[platform])
        os.environ.update(environ)
        if environ:
            cold()
        context = Context() if platform == "lambda" else FakeContext({}, keys, project=estate.PROJECT_ID, seconds=20)
        try:
            print("ANSWER", json.dumps(getattr(module, door)(event, context)), flush=True)
        except Exception as error:  # noqa: BLE001 - what it says is what is searched
            print("RAISED", repr(error), vars(error), flush=True)
            traceback.print_exc()
            traceback.print_exc(file=sys.stdout)


if __name__ == "__main__":
    main()
