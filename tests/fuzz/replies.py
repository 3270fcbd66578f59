"""What CBR, IAM and SMN answer, a success, an error or neither: a verb succeeds or raises CallFailed (NotTold of a topic)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from handlers.cbr import Cbr
from handlers.iam import find_project
from handlers.meaning import meaning
from handlers.message import Message
from handlers.sandbox import Sandbox, estate
from handlers.service import Service
from handlers.settings import load
from handlers.topics.smn import smn_topic
from handlers.vault_backup import read_vault_backup
from handlers.wire import Deadline
from tests.fuzz.mutations import CANARY, Change, changed, spoiled, written
from tests.scripted import START, Clock

VAULT, DAY = estate.ERP_VAULT_ID, timedelta(days=1)
CREATE = {"checkpoint": {"vault_id": VAULT, "parameters": {"name": "x"}}}
ERRORS: Sequence[Any] = (
    {"error_code": "BackupService.6125", "error_msg": "a backup is running", "request_id": "r"},
    {"error_msg": "no", "error_code": "APIGW.0301", "request_id": "r"},
    {"errorCode": "SMN.0018", "errorMsg": "no"},
    {"error": {"code": 401, "message": "no", "title": "Unauthorized"}},
    {"unauthorized": {"code": 401, "message": "Malformed request url"}},
    {"itemNotFound": {"message": "no", "code": 404}},
    {"code": "IAM.0020", "message": "failed over"},
    {"token": {"expires_at": "2026-03-03T10:15:00.000000Z"}},
    {},
    [],
    None,
)
HEADERS = {"x-request-id": "r-1", "retry-after": "5", "date": "Mon, 02 Mar 2026 10:15:00 GMT", "x-subject-token": "t" * 40}
STATUSES = (200, 200, 200, 201, 202, 204, 301, 400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 99, 999)


class Network:
    """Answers every request alike; that for a token rightly, where ``makes_tokens`` says so."""

    users, retired, makes_tokens = 0, False, True

    def __init__(self) -> None:
        self.answer: tuple[int, Sequence[tuple[str, str]], bytes] = 200, [], b""

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        if self.makes_tokens and "/auth/tokens" in url:  # one that has ended, so that each request makes another
            return 201, [("x-subject-token", CANARY * 8)], b'{"token": {"expires_at": "2026-01-01T00:00:00Z"}}'
        return self.answer

    def close(self) -> None:
        """Nothing is open."""


class Cloud:
    """Services of both kinds of credentials, over such a network."""

    def __init__(self) -> None:
        self.network = Network()
        place = {"HW_REGION_NAME": "eu-de", "HUAWEICLOUD_SDK_PROJECT_ID": estate.PROJECT_ID, "RESTORE_POINT_LEDGER": "memory"}
        keys = {"HUAWEICLOUD_SDK_AK": "a" * 20, "HUAWEICLOUD_SDK_SK": CANARY * 4}
        who = {"OS_USERNAME": "u", "OS_PASSWORD": CANARY * 4, "OS_USER_DOMAIN_NAME": "d"}
        self.services = [Service(load(place | each), Clock(), network=lambda _: self.network) for each in (keys, who)]


@cache
def cloud() -> Cloud:
    return Cloud()


@cache
def answers() -> dict[str, Any]:
    """Of the sandbox to each verb: what is changed."""
    with Sandbox(well_behaved=True, speed=100_000) as sandbox:
        service = Service(load(sandbox.environment() | {"HW_REGION_NAME": estate.REGION, "RESTORE_POINT_LEDGER": "memory"}))
        cbr, deadline = service.cbrs["default"], Deadline.after(service.clock, 20)
        checkpoint, _ = cbr.create(read_vault_backup(CREATE), deadline)
        cbr.show(checkpoint.id, deadline)
        cbr.backups(deadline, vault_id=VAULT)
        cbr.operations(deadline, vault_id=VAULT, since=service.clock.now() - DAY)
        cbr.vault(VAULT, deadline)
        cbr.vaults(deadline)
        access = replace(service.settings.projects["default"], project_name=estate.REGION)
        find_project(service.sessions["default"], access, deadline, START)
        service.close()
        return dict(zip([*VERBS, "project"], (each.reply for each in sandbox.exchanges), strict=True))


VERBS: dict[str, Callable[[Cbr, Deadline], object]] = {
    "create": lambda cbr, deadline: cbr.create(read_vault_backup(CREATE), deadline),
    "show": lambda cbr, deadline: cbr.show(VAULT, deadline),
    "backups": lambda cbr, deadline: cbr.backups(deadline, vault_id=VAULT),
    "operations": lambda cbr, deadline: [
        (each.progress, each.resource_id, each.resource_name, each.backup_name, each.error)
        for each in cbr.operations(deadline, vault_id=VAULT, since=START)
    ],
    "vault": lambda cbr, deadline: cbr.vault(VAULT, deadline),
    "vaults": lambda cbr, deadline: cbr.vaults(deadline),
}


def replies(choice: int, changes: Sequence[Change], bytewise: Sequence[Change]) -> list[str]:
    """An answer to one of CBR's verbs, to the search for a project, or to a message; errors where the token is made as well."""
    name = [*answers(), "topic"][choice % (len(answers()) + 1)]
    right = choice // 8 % 3 > 0
    document = answers().get(name) if right else ERRORS[choice // 24 % len(ERRORS)]
    headers = changed(HEADERS, changes[-1:]) if choice % 5 == 0 else HEADERS
    pairs = [(str(key), str(value)) for key, value in headers.items()] if isinstance(headers, dict) else []
    body = spoiled(written(changed(document, changes)), bytewise)
    cloud().network.answer = 200 if right else STATUSES[choice // 7 % len(STATUSES)], pairs, body
    cloud().network.makes_tokens = choice // 11 % 4 > 0
    service = cloud().services[choice // 3 % 2]
    session, access, deadline = (
        service.sessions["default"],
        service.settings.projects["default"],
        Deadline.after(service.clock, 9),
    )
    if name == "project":
        find_project(session, replace(access, project_name="eu-de"), deadline, START)
    elif name == "topic":
        urn = f"urn:smn:eu-de:{estate.PROJECT_ID}:ops"
        smn_topic(session, access.smn, urn, service.clock.now)(Message("failed", "s", "t", {}), deadline)
    else:
        VERBS[name](service.cbrs["default"], deadline)
    return []


def errors(choice: int, changes: Sequence[Change], bytewise: Sequence[Change]) -> list[str]:
    """Every answer that is no success means something; its words are one printable line."""
    body = spoiled(written(changed(ERRORS[choice % len(ERRORS)], changes)), bytewise)
    headers = changed(HEADERS, changes[:1])
    texts = {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    failed = meaning(STATUSES[choice // 16 % len(STATUSES)], texts, body, now=START)
    for text, most in ((failed.message, 200), (failed.code, 64), (failed.request_id, 128)):
        assert len(text) <= most
        assert text.isprintable()
    assert failed.retry_after is None or 1 <= failed.retry_after <= 300
    return []
