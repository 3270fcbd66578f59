"""What people and programs are told of every kind of outcome, word for word: golden/NAME.txt (subject, empty line, text) and
golden/NAME.json (the document), beside the outcomes of ends.py and troubles.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.message import compose
from handlers.outcome import Failed, Outcome, Partly, Refused, Warned
from tests.messages.ends import ENDS
from tests.messages.others import OTHERS
from tests.messages.parts import APP, AT, CHECKPOINT_ID, DB, OF_STRANGER, OF_TIMER, PLACE
from tests.messages.troubles import TROUBLES
from tests.scripted import world_in

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    name: replace(each, **AT, **(PLACE if each.vault or each.vault_id else {}))
    for name, each in (ENDS | TROUBLES | OTHERS).items()
}
WORDS = set("created joined skipped refused later failed available partly broken overdue missed duplicate warning healed".split())


def told(name: str) -> tuple[str, str]:
    """Subject and text."""
    subject, _, text = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").partition("\n\n")
    return subject, text


@pytest.mark.parametrize("name", CASES)
def test_subject_and_text_word_for_word(name: str) -> None:
    message = compose(CASES[name])
    assert (message.subject, message.text) == told(name)
    assert message.outcome == CASES[name].word


@pytest.mark.parametrize("name", CASES)
def test_the_document_word_for_word(name: str) -> None:
    document = json.loads(json.dumps(compose(CASES[name]).document))
    assert document == json.loads((GOLDEN / f"{name}.json").read_text(encoding="ascii"))


def test_every_outcome_has_a_golden_message_and_no_golden_message_is_left_over() -> None:
    assert {each.word for each in CASES.values()} == WORDS
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}.{ending}" for name in CASES for ending in ("txt", "json")}


@pytest.mark.parametrize("name", CASES)
def test_a_golden_message_keeps_the_limits_itself(name: str) -> None:
    subject, text = told(name)
    assert len(subject) <= 100
    assert subject.startswith("Restore point ")
    assert text.endswith("\n")
    assert all(line.isprintable() and len(line) <= 2100 for line in text[:-1].split("\n"))


# ── advice that differs by a reason or a code alone ──────────────────────────────────────────────────────────────────


READ = "restore-point plan FILE shows how such an event is read."
SECRET = "If am is meant to send this, compare its secret there and here: restore-point sign. If not, nothing was done."
STATUS = "Look at the vault's status in the console: it may be frozen or being deleted."
BY_REASON: dict[str, tuple[Outcome, str]] = {
    **{
        reason: (Refused(reason=reason, message="No.", **OF_STRANGER), READ)
        for reason in (
            "unknown_version",
            "content_type",
            "compressed",
            "method",
            "unsupported_carrier",
            "unknown_gateway",
            "wrong_door",
        )
    },
    "replayed": (Refused(reason="replayed", message="No.", **OF_STRANGER), SECRET),
    "ledger": (Warned(reason="ledger", message="No."), "restore-point check says whether the ledger can be used."),
}
BY_CODE = {
    "6112": STATUS,
    "6124": "A replication vault takes no backups: name the vault it replicates.",
    "6135": "A resource that was asked for is not associated with this vault: associate it, or leave it out.",
    "6142": "Enlarge a vault, or delete backups nobody needs.",
    "6302": "A resource that was asked for is gone: take it out of the rule.",
    "8300": "Raise the quota of snapshots, or delete some.",
    "9900": "CBR does not take this request: check the rule's parameters.",
}


@pytest.mark.parametrize("reason", BY_REASON)
def test_the_advice_of_a_reason(reason: str) -> None:
    outcome, advice = BY_REASON[reason]
    message = compose(outcome)
    assert message.document["advice"] == advice
    assert message.text.split("\n")[:3] == ["No.", f"Now: {advice}", ""]


@pytest.mark.parametrize("code", BY_CODE)
@pytest.mark.parametrize("prefix", ["", "BackupService."])
def test_the_advice_of_a_code_of_cbr(code: str, prefix: str) -> None:
    message = compose(Failed(reason="rejected", message="CBR refused it.", error_code=prefix + code, **OF_TIMER))
    assert message.document["advice"] == BY_CODE[code]
    assert f"\nNow: {BY_CODE[code]}\n" in message.text
    assert message.subject == f"Restore point FAILED: vault erp (rejected {prefix}{code})"


def test_advice_that_the_message_gives_already_is_not_said_twice() -> None:
    for code, advice in BY_CODE.items():
        failed = Failed(reason="rejected", message=f"CBR refused it. {advice}", error_code=f"BackupService.{code}", **OF_TIMER)
        message = compose(failed)
        assert message.text.count(advice) == 1
        assert message.document["advice"] == advice


# ── what no message may say ──────────────────────────────────────────────────────────────────────────────────────────


def test_one_that_broke_for_the_second_time_is_not_promised_again(tmp_path: Path) -> None:
    """It is taken once more, and not again after that; each time somebody hears what becomes of it."""
    with world_in(tmp_path) as world:
        service = world.service()
        world.sandbox.faults.add("fail:which=all,after=30,times=2")
        world.fire(service)
        for _ in range(6):
            world.clock.forward(61.0)
            world.sweep(service)
        assert len(world.posts()) == 2
        first, last = (each["message"] for each in world.sandbox.published if "BROKEN" in each["subject"])
    assert "once more" in first
    assert "once more" not in last
    assert "restore-point take files" in last


def test_an_incomplete_one_whose_gaps_only_the_operation_log_knows_does_not_say_that_nothing_is_missing() -> None:
    """What failed may still stand as available among the resources; then how many are missing is not known here."""
    message = f"Restore point {CHECKPOINT_ID} of vault erp is available, but without: erp-db failed (BackupService.7101 No.)."
    composed = compose(Partly(reason="resources_missing", message=message, resources=(APP, DB), **OF_TIMER))
    assert composed.subject.startswith("Restore point INCOMPLETE: vault erp")
    assert "0 of" not in composed.subject
    assert "(0 missing" not in composed.subject


def many(count: int) -> dict[str, Any]:
    return {"resources": tuple(APP.model_copy(update={"id": f"{n}", "name": f"server-{n}"}) for n in range(count))}


@pytest.mark.parametrize(("count", "left"), [(20, 0), (21, 1), (256, 236)])
def test_twenty_resources_are_named_and_the_others_counted(count: int, left: int) -> None:
    lines = compose(Partly(reason="resources_missing", message="Some.", **many(count), **OF_TIMER)).text.split("\n")
    assert len([line for line in lines if line.startswith("Resource: ")]) == 20
    assert [line for line in lines if line.startswith("and ")] == ([f"and {left} more resources"] if left else [])
