"""A storm: webhooks a second through the real server, all joining one restore point, and a handler "ok" under the same server."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.server import ALERT, NOTHING, load
from tests.bench.table import Row, row
from tests.scripted import world_in
from tests.server.stage import AM, RULES, TOKENS, firing
from tests.web_server import WebServer

SECONDS = 2.0


def rows(folder: Path, runs: int) -> list[Row]:
    nothing = folder / "nothing.py"
    nothing.write_text(NOTHING, encoding="utf-8")
    taken: dict[str, list[float]] = {"handler ok": [], "ours": []}
    with world_in(folder, datetime.now(UTC)) as world, ExitStack() as stack:
        world.write_rules(more=RULES)
        place = folder / "ok"
        place.mkdir()
        around = world.environ(**TOKENS)
        ours = stack.enter_context(WebServer(around, folder))
        floor = stack.enter_context(WebServer(around | {"FUNCTION_SOURCE": str(nothing)}, place))
        for _ in range(2):
            ours.post("/alert/am", firing(), AM)  # what the others join
        for turn in range(max(runs // 2, 1) + 1):
            for who, server in (("handler ok", floor), ("ours", ours)):
                answers = load(server.port, ALERT, b"200", SECONDS)
                if turn:
                    taken[who].append(answers)
        if len(world.sandbox.restore_points()) != 1:
            raise SystemExit("a storm of one cause made more than one restore point")
    return [row("storm: webhooks a second, all joining", "/s", taken, floor="handler ok", must=0.5, at_least=True)]
