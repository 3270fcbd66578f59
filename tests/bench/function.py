"""Cold under the real Lambda runtime client (awslambdaric): its start, init, the first invocation, until the answer is there.

The client has its byte code in both kinds, as Lambda's own has. Floor: an empty handler that makes one POST by bare httpx.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.cold import STARTED
from tests.bench.stage import KINDS, RULES, SCHEDULE, Fixed, both, environ, packages
from tests.bench.table import Row, row
from tests.runtime_api import LambdaFunction

HANDLERS = {"empty handler + httpx": "function_floor.handler", "ours": "handlers.aws_lambda.timer"}
MUST = {KINDS[0]: 1.45, KINDS[1]: 1.8}
RUNTIME = ("awslambdaric", "simplejson", "snapshot-restore-py")


def rows(folder: Path, runs: int) -> list[Row]:
    staged, runtime = both(folder), packages(RUNTIME, folder / "runtime")
    python = (sys.executable, "-S", "-s")
    _compile(runtime)
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    own = {"RESTORE_POINT_RULES": str(folder / "rules.toml"), "RESTORE_POINT_LEDGER": f"sqlite:{folder / 'ledger.sqlite3'}"}
    found = []
    with Fixed() as server:
        for kind in KINDS:
            around = environ(kind, (runtime, staged[kind], STARTED), **server.environment(), **own)
            times: dict[str, list[float]] = {who: [] for who in HANDLERS}
            for turn in range(runs + 1):
                for who, handler in HANDLERS.items():
                    before = server.record()["posts"]
                    with LambdaFunction(handler, env=around, cwd=folder, python=python) as function:
                        began = time.monotonic()
                        answer = function.invoke(event())
                        took = (time.monotonic() - began) * 1000
                    if answer.error or server.record()["posts"] != before + 1:
                        raise SystemExit(f"{who}: {answer}")
                    if turn:
                        times[who].append(took)
            found.append(
                row(f"cold, Lambda, {kind}: init + first invocation", "ms", times, floor="empty handler + httpx", must=MUST[kind])
            )
    return found


_at = [time.time() - 300 * 86400]


def event() -> dict[str, Any]:
    """Each later than the last: an older one is superseded."""
    _at[0] += 60
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_at[0]))
    return {"detail-type": "Scheduled Event", "source": "aws.events", "time": when, "resources": [SCHEDULE], "detail": {}}


def _compile(folder: Path) -> None:
    import compileall

    compileall.compile_dir(folder, quiet=2)
