"""What SNS and SMN sign, signed here by openssl over the text their guides describe; the certificate is pinned."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scripted import World
from tests.trust.conftest import Serving
from tests.trust.making import (
    ALERT,
    ARN,
    AT,
    URN,
    Signer,
    canonical,
    in_base64,
    reasons,
    rules,
    sent,
    smn,
    sns,
)

SERVED = [("created", "accepted", 200)]
BAD = [("refused", "bad_proof", 401)]
Make = Callable[..., dict[str, Any]]
SNS_KEYS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "SignatureVersion", "Signature")
SMN_KEYS = ("message", "message_id", "subject", "timestamp", "topic_urn", "type", "signature_version", "signature")


def pinned(proof: str, signer: Signer, *sources: str) -> str:
    listed = json.dumps(sources or [ARN if proof == "sns" else URN])
    return rules(f'proof = "{proof}"', "simple", f"sources = {listed}", f'certificate = "file:{signer.certificate}"')


both = pytest.mark.parametrize(("proof", "make"), [("sns", sns), ("smn", smn)], ids=["sns", "smn"])


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=UTF-8"])
def test_a_message_of_sns(world: World, serving: Serving, own: Signer, version: str, kind: str) -> None:
    service = serving(pinned("sns", own))
    headers = {"content_type": kind, "x_amz_sns_message_type": "Notification"}
    assert reasons(sent(service, "s", sns(own, version), **headers)) == SERVED
    assert len(world.posts()) == 1


@pytest.mark.parametrize("subject", [{"Subject": None}, {"Subject": ""}, {"Subject": "größer"}])
def test_a_message_of_sns_with_another_subject_or_none(serving: Serving, own: Signer, subject: dict[str, Any]) -> None:
    assert reasons(sent(serving(pinned("sns", own)), "s", sns(own, **subject))) == SERVED


@pytest.mark.parametrize(
    "changes", [{}, {"subject": None}, {"subject": ""}, {"subject": "", "blank": True}, {"message": json.dumps(ALERT, indent=1)}]
)
def test_a_message_of_smn(world: World, serving: Serving, own: Signer, changes: dict[str, Any]) -> None:
    """Its samples sign an empty subject, or leave it out; a message may have lines."""
    assert reasons(sent(serving(pinned("smn", own)), "s", smn(own, **changes))) == SERVED
    assert len(world.posts()) == 1


@both
def test_any_field_that_is_changed_afterwards(world: World, serving: Serving, own: Signer, proof: str, make: Make) -> None:
    service, good = serving(pinned(proof, own)), make(own)
    for key in SNS_KEYS if proof == "sns" else SMN_KEYS:
        for value in (good[key] + "x", good[key][:-1], "", None, 1, [good[key]], {"a": good[key]}):
            assert reasons(sent(service, "s", good | {key: value})) == BAD, (key, value)
        without = {name: value for name, value in good.items() if name != key}
        assert reasons(sent(service, "s", without)) == BAD, key
    assert world.door.seen == []


@both
def test_somebody_elses_key(world: World, serving: Serving, own: Signer, other: Signer, proof: str, make: Make) -> None:
    assert reasons(sent(serving(pinned(proof, own)), "s", make(other))) == BAD
    assert world.door.seen == []


@both
def test_another_topic_of_the_same_service(world: World, serving: Serving, own: Signer, proof: str, make: Make) -> None:
    """H53: the signature is right. It proves the service, and everybody may have a topic there."""
    service, key = serving(pinned(proof, own)), "TopicArn" if proof == "sns" else "topic_urn"
    right = ARN if proof == "sns" else URN
    for topic in (right.replace("1234", "4321").replace("7c9e", "9e7c"), right + "2", right[:-1], right.upper(), right + " ", ""):
        assert reasons(sent(service, "s", make(own, **{key: topic}))) == BAD, topic
    assert world.door.seen == []


@both
def test_the_message_is_of_the_last_hour(world: World, serving: Serving, own: Signer, proof: str, make: Make) -> None:
    service, identity = serving(pinned(proof, own)), "MessageId" if proof == "sns" else "message_id"
    for seconds, served in ((-3601, False), (-3600, True), (300, True), (301, False)):
        message = make(own, at=AT + timedelta(seconds=seconds), **{identity: f"m{seconds}"})
        assert (reasons(sent(service, "s", message))[0][2] == 200) is served, seconds
    when = "Timestamp" if proof == "sns" else "timestamp"
    for text in ("", "now", "2026-03-02", str(int(AT.timestamp())), "9999-99-99T00:00:00Z", AT.replace(tzinfo=None).isoformat()):
        assert reasons(sent(service, "s", make(own, **{when: text}))) == BAD, text
    assert len(world.posts()) == 1


@both
def test_the_certificate_must_be_valid_now(world: World, serving: Serving, own: Signer, proof: str, make: Make) -> None:
    service = serving(pinned(proof, own))
    for days in (-40, 40):
        world.clock.forward(days * 86400)
        assert reasons(sent(service, "s", make(own, at=world.clock.now()))) == BAD
        world.clock.forward(-days * 86400)
    assert reasons(sent(service, "s", make(own))) == SERVED


@pytest.mark.parametrize("weak", [{"bits": 1024}, {"kind": "ec"}], ids=["a short key", "another kind of key"])
@both
def test_a_certificate_whose_key_does_not_do(
    world: World, serving: Serving, tmp_path: Path, weak: dict[str, Any], proof: str, make: Make
) -> None:
    signer = Signer(tmp_path, "weak", **weak)
    assert reasons(sent(serving(pinned(proof, signer)), "s", make(signer))) == BAD
    assert world.door.seen == []


@pytest.mark.parametrize(
    "content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
@both
def test_a_pinned_file_that_is_none(
    world: World, serving: Serving, own: Signer, tmp_path: Path, content: bytes | None, proof: str, make: Make
) -> None:
    """Nothing is wrong with the sender: it may come again, and is not let in."""
    place = tmp_path / "pinned.pem"
    if content is not None:
        place.write_bytes(content)
    service = serving(pinned(proof, own).replace(str(own.certificate), str(place)))
    assert reasons(sent(service, "s", make(own))) == [("refused", "proof_unavailable", 503)]
    assert world.door.seen == []


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_version_says_which_hash_and_nothing_else_does(serving: Serving, own: Signer, version: str) -> None:
    service = serving(pinned("sns", own))
    wrong = sns(own, version, sign={"1": "sha256", "2": "sha1"}[version])
    assert reasons(sent(service, "s", wrong)) == BAD
    for other in ("0", "3", "1 ", "", "v1"):
        assert reasons(sent(service, "s", sns(own, other))) == BAD


@pytest.mark.parametrize("key", ["subject", "message_id", "timestamp", "topic_urn", "type"])
def test_a_line_break_in_a_field_of_one_line_imitates_the_next(serving: Serving, own: Signer, key: str) -> None:
    """H54: the text that is signed is the same for two different messages."""
    good = smn(own)
    moved = canonical({name: good[name] for name in ("message", "message_id", "subject", "timestamp", "topic_urn", "type")})
    forged = good | {key: f"{good[key]}\nx", "signature": in_base64(own.sign(moved.replace(b"alarm", b"alarm\nx")))}
    assert reasons(sent(serving(pinned("smn", own)), "s", forged)) == BAD
    changes: dict[str, Any] = {key: f"{good[key]}\nx"}
    signed = smn(own, **changes)
    assert reasons(sent(serving(pinned("smn", own)), "s", signed)) == BAD


def test_a_message_cannot_swallow_the_fields_after_it(world: World, serving: Serving, own: Signer) -> None:
    """The signed text of one message, split in another place: `message` ends with what were the next fields."""
    good = smn(own)
    swallowed = good | {
        "message": f'{good["message"]}\nmessage_id\n{good["message_id"]}\nsubject\nalarm', "message_id": good["timestamp"],
    }  # fmt: skip
    del swallowed["subject"]
    assert reasons(sent(serving(pinned("smn", own)), "s", swallowed)) == BAD
    assert world.door.seen == []


@both
def test_a_message_that_was_settled_comes_again(world: World, serving: Serving, own: Signer, proof: str, make: Make) -> None:
    service = serving(pinned(proof, own).replace('"simple"', '"once"'))
    key = "Message" if proof == "sns" else "message"
    asked = make(own, **{key: json.dumps({"checkpoint": {"vault_id": "c93e6f18-0d27-4ab5-8f41-2b9a64d7e035"}})})
    assert reasons(sent(service, "s", asked, "once"))[0][0] == "created"
    world.clock.forward(3000)
    assert reasons(sent(service, "s", asked, "once")) == [("skipped", "replayed", 200)]
    world.clock.forward(601)
    assert reasons(sent(service, "s", asked, "once")) == BAD
    assert len(world.posts()) == 1


CONFIRMS: list[tuple[str, Make, dict[str, Any]]] = [
    (
        "sns",
        sns,
        {
            "Type": "SubscriptionConfirmation",
            "Subject": None,
            "Token": "t" * 64,
            "SubscribeURL": f"https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={ARN}&Token=t",
        },
    ),
    (
        "smn",
        smn,
        {
            "type": "SubscriptionConfirmation",
            "subject": None,
            "subscribe_url": f"https://console.otc.t-systems.com/smn/subscription/confirm?token=t&topic_urn={URN}",
        },
    ),
]


@pytest.mark.parametrize(("proof", "make", "fields"), CONFIRMS, ids=["sns", "smn"])
def test_a_confirmation_is_told_and_never_made(
    world: World, serving: Serving, own: Signer, other: Signer, proof: str, make: Make, fields: dict[str, Any]
) -> None:
    """H55, and that its link is signed, too."""
    service = serving(pinned(proof, own))
    (found,) = reasons(sent(service, "s", make(own, **fields)))
    assert found[0] in ("skipped", "refused")
    assert found[1] != "bad_proof"
    assert reasons(sent(service, "s", make(other, **fields))) == BAD
    link = next(name for name in fields if name.lower().startswith("subscribe"))
    assert reasons(sent(service, "s", make(own, **fields) | {link: fields[link] + "x"})) == BAD
    assert world.door.seen == []
