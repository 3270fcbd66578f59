"""Senders of every proof before the three platforms, and what their forgers would send."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.hostile.stage import PLATFORMS, Said, Stage, asked, simple
from tests.trust.making import ARN, Signer, claims, in_base64, mac, sns

KEY, OLD = "a-secret-of-this-sender-0123456789", "the-secret-of-this-sender-before-it"
BODY = json.dumps(simple()).encode()
ONE_OFF = json.dumps(asked()).encode()
SENDERS = """
[senders.hooks]
dialect = "simple"
proof = "hmac"
scheme = "standard-webhooks"
secret = "env:HOSTILE_HOOKS"
retiring = [{{ secret = "env:HOSTILE_HOOKS_BEFORE", until = 2999-01-01T00:00:00Z }}]
[senders.jobs]
dialect = "once"
proof = "hmac"
scheme = "standard-webhooks"
secret = "env:HOSTILE_HOOKS"
[senders.plain]
dialect = "simple"
proof = "hmac"
scheme = "github"
secret = "env:HOSTILE_PLAIN"
[senders.timed]
dialect = "simple"
proof = "hmac"
scheme = "grafana-timestamp"
secret = "env:HOSTILE_PLAIN"
[senders.topic]
dialect = "simple"
proof = "sns"
sources = ["{topic}"]
certificate = "file:{certificate}"
[senders.push]
dialect = "simple"
proof = "oidc"
[senders.push.token]
audience = "https://backup.example/alert"
email = "push@project.iam.gserviceaccount.com"
keys = "file:{keys}"
[[rules]]
name = "jobs-erp"
sender = "jobs"
vaults = ["erp"]
"""
RULE = """
[[rules]]
name = "{0}-files"
sender = "{0}"
vaults = ["files"]
"""


@dataclass(frozen=True)
class Forge:
    """The stage, the right keys, and somebody else's."""

    stage: Stage
    own: Signer
    other: Signer

    def everywhere(self, sender: str, body: bytes | object, headers: Mapping[str, str | None], door: str = "alert") -> list[Said]:
        """The same to all three platforms, with no proof but these headers."""
        given: dict[str, Any] = {name.lower().replace("-", "_"): value for name, value in headers.items()}
        return [self.stage.ask(each, f"/{door}/{sender}", body, bearer="", **given) for each in PLATFORMS]

    def refused(
        self, sender: str, body: bytes | object, headers: Mapping[str, str | None], why: str = "bad_proof", door: str = "alert"
    ) -> None:
        """401 on every platform, and no call to anybody."""
        with self.stage.nothing_leaves():
            found = self.everywhere(sender, body, headers, door)
        assert [(each.status, each.reasons) for each in found] == [(401, [why])] * 3, headers

    def served(self, sender: str, body: bytes | object, headers: Mapping[str, str | None], door: str = "alert") -> None:
        """The other way round: without it no refusal would mean anything."""
        for each in self.everywhere(sender, body, headers, door):
            assert (each.status, each.words[0] in ("created", "joined", "skipped")) == (200, True), each.text

    def topic(self, **changes: Any) -> dict[str, Any]:
        return sns(self.own, at=datetime.now(UTC), Message=json.dumps(simple()), **changes)

    def token(self, *, header: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.own.token(claims(datetime.now(UTC), **changes), **(header or {}))}"}


def now(seconds: float = 0) -> str:
    return str(int(datetime.now(UTC).timestamp() + seconds))


def hooked(body: bytes = BODY, message: str = "msg_1", at: str = "", key: str = KEY, version: str = "v1") -> dict[str, str]:
    """Standard Webhooks by openssl: the header's own text is signed, whatever it is."""
    at = at or now()
    signature = in_base64(mac(f"{message}.{at}.".encode() + body, key.encode()))
    return {"webhook-id": message, "webhook-timestamp": at, "webhook-signature": f"{version},{signature}"}


def stamped(at: str, body: bytes = BODY) -> dict[str, str]:
    signature = mac(f"{at}:".encode() + body, KEY.encode()).hex()
    return {"X-Grafana-Alerting-Timestamp": at, "X-Grafana-Alerting-Signature": signature}


@contextmanager
def forge(folder: Path) -> Iterator[Forge]:
    own, other = Signer(folder, "own"), Signer(folder, "other")
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"keys": [own.jwk("k1")]}), encoding="utf-8")
    more = SENDERS.format(topic=ARN, certificate=own.certificate, keys=keys)
    more += "".join(RULE.format(name) for name in ("hooks", "plain", "timed", "topic", "push"))
    stage = Stage(folder, more=more, speed=20_000.0)
    stage.environ |= {
        "HOSTILE_HOOKS": f"whsec_{in_base64(KEY.encode())}",
        "HOSTILE_HOOKS_BEFORE": f"whsec_{in_base64(OLD.encode())}",
        "HOSTILE_PLAIN": KEY,
    }
    with stage:
        yield Forge(stage, own, other)
