"""``restore-point sign`` and ``send``: what they prove, the functions take."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from handlers.clock import SystemClock
from handlers.envelope import Envelope, Http
from handlers.errors import Refusal
from handlers.rules import Rules
from handlers.sandbox import estate
from handlers.settings import read_secrets
from handlers.trust import Proven, Trust
from handlers.wire import Deadline
from tests.cli.terminal import Inside, Terminal

pytestmark = pytest.mark.says_secrets("what signs prints the proof")
KEY, OLD = "a-secret-of-this-sender-0123456789", "the-secret-of-this-sender-before-it"
WHSEC = "whsec_YS1zZWNyZXQtb2YtdGhpcy1zZW5kZXItMDEyMzQ1Njc4OQ=="
OWN = {
    "header": "X-Own", "algorithm": "sha512", "encoding": "base64", "prefix": "own=", "separator": " ", "id_header": "X-Id",
    "signed": "v0:{timestamp}:{id}:{body}", "timestamp_header": "X-Time",
}  # fmt: skip
SENDERS: dict[str, tuple[str, str]] = {
    "bearer": ('proof = "bearer"', KEY),
    "basic": ('proof = "basic"', f"user:{KEY}"),
    **{
        name: (f'proof = "hmac"\nscheme = "{name}"', KEY)
        for name in ("github", "grafana", "grafana-timestamp", "pagerduty", "sentry")
    },
    "standard-webhooks": ('proof = "hmac"\nscheme = "standard-webhooks"', WHSEC),
    "own": ('proof = "hmac"\nscheme = { ' + ", ".join(f'{key} = "{value}"' for key, value in OWN.items()) + " }", KEY),
}
every = pytest.mark.parametrize(("proof", "secret"), SENDERS.values(), ids=SENDERS.keys())
BODY = '{"status": "firing", "labels": {"a": "größer"}}'


def ruled_by(proof: str) -> str:
    sender = f'[senders.s]\ndialect = "simple"\n{proof}\nsecret = "env:SECRET"\n'
    return f'[vaults.files]\nid = "{estate.FILES_VAULT_ID}"\n{sender}[[rules]]\nname = "a"\nsender = "s"\nvaults = ["files"]\n'


def verified(terminal: Terminal, headers: dict[str, str], body: bytes, secret: str) -> Proven:
    import tomllib

    rules = Rules.model_validate(tomllib.loads((terminal.folder / "rules.toml").read_text("utf-8")))
    clock = SystemClock(None)
    trust = Trust(rules.senders, read_secrets(rules, {"SECRET": secret}), clock, lambda _, __: b"", lambda _: [])
    http = Http("POST", "/alert/s", {name.lower(): value for name, value in headers.items()}, body)
    return trust.verify(Envelope("alert", "web", "d", None, 60.0, http), Deadline.after(clock, 60))


@every
def test_what_is_signed_is_proven(offline: Terminal, inside: Inside, proof: str, secret: str) -> None:
    offline.write("rules.toml", ruled_by(proof))
    ran = inside(offline, "sign", offline.write("body.json", BODY), "--sender", "s", "--json", SECRET=secret)
    assert ran.code == 0, ran.err
    headers = ran.json["headers"]
    found = verified(offline, headers, BODY.encode(), secret)
    assert (found.sender, found.key) == ("s", "env:SECRET")
    assert bool(found.replay) is ("hmac" in proof)
    with pytest.raises(Refusal):
        verified(offline, headers, BODY.encode(), secret.replace("a", "b").replace("Y", "Z"))
    if "hmac" in proof:
        with pytest.raises(Refusal):
            verified(offline, headers, BODY.encode() + b" ", secret)
    lines = inside(offline, "sign", "body.json", "--sender", "s", SECRET=secret).out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == list(headers)


@every
def test_what_is_sent_is_served(terminal: Terminal, inside: Inside, proof: str, secret: str) -> None:
    terminal.write("rules.toml", ruled_by(proof))
    body = json.loads(BODY) | {"status": "resolved", "starts_at": datetime.now(UTC).isoformat()}
    for platform in ("lambda", "functiongraph"):
        expected = {"as": "alert", "sender": "s", "now": datetime.now(UTC).isoformat(), "platforms": [platform], "status": 200}
        terminal.write("body.json", body | {"labels": {"a": platform}})  # the same body again would be a replay
        terminal.write("body.outcome.json", expected | {"outcomes": [{"outcome": "skipped", "reason": "resolved"}]})
        ran = inside(terminal, "send", "body.json", "--expect", SECRET=secret, HW_REGION_NAME=estate.REGION)
        assert (ran.code, ran.out.splitlines()[-1]) == (0, "as expected"), ran.out + ran.err


def test_the_current_secret_signs_and_not_the_one_before(offline: Terminal, inside: Inside) -> None:
    old = 'retiring = [{ secret = "env:OLD", until = 2999-01-01T00:00:00Z }]\n[[rules]]'
    offline.write("rules.toml", ruled_by('proof = "bearer"').replace("[[rules]]", old))
    ran = inside(offline, "sign", offline.write("body.json", BODY), "--sender", "s", SECRET=KEY, OLD=OLD)
    assert ran.out.splitlines()[1] == f"authorization: Bearer {KEY}"
    assert "OLD is not set" in inside(offline, "sign", "body.json", "--sender", "s", SECRET=KEY).err


@pytest.mark.parametrize("proof", ['proof = "platform"', f'proof = "sns"\nsources = ["arn:aws:sns:eu-central-1:{"1" * 12}:a"]'])
def test_nobody_can_sign_for_a_cloud(offline: Terminal, inside: Inside, proof: str) -> None:
    offline.write("rules.toml", ruled_by(proof).replace('secret = "env:SECRET"\n', ""))
    ran = inside(offline, "sign", offline.write("body.json", BODY), "--sender", "s")
    assert ran.code == 2
    assert "proven by its platform or cloud" in ran.err
