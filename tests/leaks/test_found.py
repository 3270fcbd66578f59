"""That the search finds what leaks: a double in each channel that adds a secret, in every form and in pieces."""

from __future__ import annotations

import base64
import http.client
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from handlers.clock import SystemClock
from handlers.ledger import Record, open_ledger
from handlers.message import Message
from handlers.service import Service
from handlers.settings import load
from handlers.vault_backup import read_vault_backup
from handlers.wire import Deadline
from tests.leaks.canaries import PIECE, Search, canary
from tests.leaks.stage import SECRETS, Stage
from tests.sockets import Server, always, reply

SECRET = SECRETS["password"]
FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 behind a name": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
    "base64 before something": lambda secret: base64.urlsafe_b64encode(f"ab{secret}, and so on".encode()).decode(),
    "hex": lambda secret: secret.encode().hex(),
    "HEX": lambda secret: secret.encode().hex().upper(),
    "in a URL": lambda secret: quote(f"x={secret}&y", safe=""),
    "a piece": lambda secret: secret[9 : 9 + PIECE],
    "the end": lambda secret: f"…{secret[-PIECE:]}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_every_form_is_found_and_nothing_else(form: Callable[[str], str]) -> None:
    search = Search({"password": SECRET, "other": canary("another")})
    assert search.in_text(f"some words before {form(SECRET)} and after") == {"password"}
    assert search.in_text(f"some words before {form(SECRET)} and after".encode()) == {"password"}
    assert search.in_text(form(canary("nobody's"))) == set()


def test_less_than_a_piece_is_not_taken_for_one() -> None:
    assert Search({"password": SECRET}).in_text(f"x{SECRET[: PIECE - 1]}x") == set()


@pytest.mark.parametrize("double", ["answers", "answers_http", "raises", "raises_after", "logs", "measures"])
def test_a_leak_of_a_function_is_found(tmp_path: Path, double: str) -> None:
    with Stage(tmp_path) as stage:
        stage.invoke([("double", double, SECRET, {})])
        assert stage.leaks() == ["log: password"]


def test_a_leak_over_http_is_found(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, Server(always(reply(body=SECRET.encode()))) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("POST", "/")
        stage.heard(connection.getresponse())
        connection.close()
        assert stage.leaks() == ["answer: password"]


def service(stage: Stage) -> Service:
    return Service(load(stage.environ))


def test_a_leak_in_a_message_is_found(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        made = service(stage)
        told = Message("failed", "something", f"It is {SECRET}.", {})
        (ops,) = (topic for topic in made.report.topics if topic.name == "ops")
        ops.send(told, Deadline.after(made.clock, 5))
        made.close()
        assert [each.partition(":")[0] for each in stage.leaks()] == ["message", "to CBR"]


def test_a_leak_in_a_backup_is_found(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        made = service(stage)
        vault = "c93e6f18-0d27-4ab5-8f41-2b9a64d7e035"
        parameters = {"name": "x", "description": SECRET}
        backup = read_vault_backup({"checkpoint": {"vault_id": vault, "parameters": parameters}})
        made.cbrs["default"].create(backup, Deadline.after(made.clock, 5))
        made.close()
        assert stage.leaks() == ["to CBR: password"]


def test_a_leak_in_the_ledger_is_found(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        ledger = open_ledger(f"sqlite:{tmp_path / 'ledger'}", time.time, SystemClock())
        ledger.put_if_absent(Record("wish", "x", datetime.now(UTC).timestamp(), None, f'{{"secret": "{SECRET}"}}', 2e9))
        assert stage.leaks() == ["ledger: password"]
        ledger.close()


def test_a_token_that_was_made_on_the_way_is_looked_for(tmp_path: Path) -> None:
    with Stage(tmp_path, credentials="password") as stage:
        made = service(stage)
        made.cbrs["default"].vaults(Deadline.after(made.clock, 5))
        made.close()
        (token,) = stage.made().values()
        stage.channels["log"].append(f"it is {token[20:40]}")
        assert stage.leaks() == ["log: token 0"]
