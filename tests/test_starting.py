"""While it starts a process looks for no garbage; when it has started it does, whatever comes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripted import world_in
from tests.server.stage import RULES, TOKENS
from tests.web_server import ROOT, WebServer

ASKED = "import gc; steady = gc.get_threshold(); import handlers.{}; print(gc.isenabled(), gc.get_threshold() == steady)"


def said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["functiongraph", "web", "rules", "service", "cli", "sandbox"])
def test_what_is_imported_leaves_the_collector_as_it_was(module: str) -> None:
    assert said(ASKED.format(module)) == "True True"


def test_while_an_entry_is_imported_nothing_is_collected() -> None:
    code = "import gc; runs = []; gc.callbacks.append(lambda *_: runs.append(1)); import handlers.{}; print(len(runs))"
    assert int(said(code.format("aws_lambda"))) < int(said(code.format("service"))) / 2


def test_lambda_rests_it_until_its_first_event_is_over_whatever_became_of_that() -> None:
    code = ASKED.format("aws_lambda").replace("; print", "; print(gc.get_threshold() == steady); {}; print")
    event = "import contextlib\nwith contextlib.suppress(Exception): handlers.aws_lambda.timer({}, None)"
    assert said(code.replace("; {}; ", f"\n{event}\n")).split() == ["False", "True", "True"]


def test_bodies_that_come_before_the_first_event_are_not_kept(tmp_path: Path) -> None:
    """functions-framework answers an address it does not know by an exception, which holds the request in a ring."""
    with world_in(tmp_path) as world:
        world.write_rules(more=RULES)
        with WebServer(world.environ(**TOKENS), tmp_path) as server:
            before = server.memory
            for _ in range(150):
                assert server.ask("POST", "/robots.txt", {}, b"x" * 1_000_000).status in (404, 405)
            assert server.memory - before < 60_000
