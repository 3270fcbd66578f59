"""While a secret is changed both are accepted, the old one until its end and no second longer; the log says which it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from tests.scripted import World
from tests.trust.conftest import Serving
from tests.trust.making import AT, BODY, in_base64, mac, reasons, rules, sent

NEW, OLD, OLDER = "new-secret-0123456789-abcdef", "old-secret-0123456789-abcdef", "older-secret-0123456789-abcde"
ENDS = AT + timedelta(seconds=60)
BAD = [("refused", "bad_proof", 401)]


def retiring(*others: str) -> str:
    each = [f'{{ secret = "{place}", until = {ENDS.strftime("%Y-%m-%dT%H:%M:%SZ")} }}' for place in ("env:OLD", *others)]
    return f'secret = "env:NEW"\nretiring = [{", ".join(each)}]'


def whsec(secret: str) -> str:
    return f"whsec_{in_base64(secret.encode())}"


def by_webhook(secret: str) -> dict[str, str]:
    signature = Webhook(secret).sign("msg_1", AT, BODY.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(AT.timestamp())), "webhook-signature": signature}


WAYS: dict[str, tuple[str, Callable[[str], str], Callable[[str], dict[str, str]]]] = {
    "bearer": ('proof = "bearer"', str, lambda secret: {"Authorization": f"Bearer {secret}"}),
    "basic": ('proof = "basic"', "user:{}".format, lambda secret: {"Authorization": f"Basic {in_base64(secret.encode())}"}),
    "hmac": (
        'proof = "hmac"\nscheme = "github"',
        str,
        lambda secret: {"X-Hub-Signature-256": f"sha256={mac(BODY, secret.encode()).hex()}"},
    ),
    "standard-webhooks": ('proof = "hmac"\nscheme = "standard-webhooks"', whsec, by_webhook),
}
every = pytest.mark.parametrize(("proof", "form", "headers"), WAYS.values(), ids=WAYS.keys())


@every
def test_the_old_secret_counts_until_its_end_to_the_second(
    world: World, serving: Serving, proof: str, form: Callable[[str], str], headers: Callable[[str], dict[str, str]]
) -> None:
    service = serving(rules(proof, "simple", retiring()), NEW=form(NEW), OLD=form(OLD))
    assert reasons(sent(service, "s", BODY, **headers(form(OLD))))[0][2] == 200
    assert world.deliveries()[-1]["proven_by"] == "env:OLD"
    assert reasons(sent(service, "s", BODY, **headers(form(NEW))))[0][2] == 200
    assert world.deliveries()[-1]["proven_by"] == "env:NEW"
    world.clock.forward(59)
    assert reasons(sent(service, "s", BODY, **headers(form(OLD))))[0][2] == 200
    world.clock.forward(1)
    assert reasons(sent(service, "s", BODY, **headers(form(OLD)))) == BAD
    assert "proven_by" not in world.deliveries()[-1]
    assert reasons(sent(service, "s", BODY, **headers(form(NEW))))[0][2] == 200
    assert len(world.posts()) == 1
    assert not any(secret in world.stream.getvalue() for secret in (NEW, OLD))


@every
def test_each_of_several_old_ones_is_known_by_its_own_place(
    world: World, serving: Serving, proof: str, form: Callable[[str], str], headers: Callable[[str], dict[str, str]]
) -> None:
    service = serving(rules(proof, "simple", retiring("env:OLDER")), NEW=form(NEW), OLD=form(OLD), OLDER=form(OLDER))
    for name, secret in (("OLDER", OLDER), ("NEW", NEW), ("OLD", OLD)):
        sent(service, "s", BODY, **headers(form(secret)))
        assert world.deliveries()[-1]["proven_by"] == f"env:{name}"
    assert reasons(sent(service, "s", BODY, **headers(form("nobodys-secret-0123456789-ab")))) == BAD


def test_a_secret_in_a_file_is_named_by_its_place(world: World, serving: Serving) -> None:
    place = world.folder / "secret"
    place.write_text(f"{NEW}\n", encoding="utf-8")
    service = serving(rules('proof = "bearer"', "simple", f'secret = "file:{place}"'))
    assert reasons(sent(service, "s", BODY, Authorization=f"Bearer {NEW}"))[0][2] == 200
    assert world.deliveries()[-1]["proven_by"] == f"file:{place}"


BASIC = f"user:{NEW}"
WRONG = {
    "none": None,
    "the scheme alone": "Basic ",
    "not in base64": f"Basic {BASIC}",
    "another user": f"Basic {in_base64(f'admin:{NEW}'.encode())}",
    "no user": f"Basic {in_base64(NEW.encode())}",
    "another password": f"Basic {in_base64(b'user:wrong')}",
    "as a bearer": f"Bearer {BASIC}",
    "the scheme in small letters": f"basic {in_base64(BASIC.encode())}",
    "a blank more": f"Basic {in_base64(BASIC.encode())} ",
    "a letter less": f"Basic {in_base64(BASIC.encode())[:-1]}",
    "very long": "Basic " + "A" * 30_000,
    "no text": "Basic \udcff",
}


@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG.keys())
def test_basic_is_this_user_and_this_password(world: World, serving: Serving, header: str | None) -> None:
    service = serving(rules('proof = "basic"', "simple", 'secret = "env:NEW"'), NEW=BASIC)
    assert reasons(sent(service, "s", BODY, **({} if header is None else {"Authorization": header}))) == BAD
    assert world.door.seen == []
