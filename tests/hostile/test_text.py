"""Names and times that look like others: reliability.md, 6.3, H26 to H28 and H30."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import estate
from handlers.settings import read_rules
from tests.hostile.rows import Rows
from tests.hostile.stage import RULES, SCHEDULE, Stage, asked, firing, simple, token

rows = Rows(
    named={},
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
