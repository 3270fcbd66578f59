"""How, of what and how often restore points are taken is no event's business: reliability.md, 6.5, H59, H60, H64, H65."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import estate
from handlers.settings import read_rules
from tests.hostile.rows import Rows
from tests.hostile.stage import RULES, Stage, asked, firing, simple, token

rows = Rows(
    named={
        "H60": ["tests/test_vault_backup.py::test_256_resource_details_are_the_most"],
    },
    waiting={
        "H65 a full one by an alert's rule": "the rules' owner may want it; check says so where it has no budget_per_hour",
    },
)
Fresh = Callable[..., Stage]
ERP, FILES, EMPTY = estate.ERP_VAULT_ID, estate.FILES_VAULT_ID, estate.EMPTY_VAULT_ID
NOBODYS = "3b5816b5-f29c-4172-9d9a-76c719a659ce"

# ── how it is taken ──

MINE: dict[str, Any] = {
    "project_id": "0" * 32, "endpoint": "http://{evil}", "iam_endpoint": "http://{evil}", "region": "evil", "cloud": "otc",
    "token": "t", "incremental": "false", "auto_trigger": "true", "policy_id": NOBODYS, "credentials": "env:EVIL_", "name": "x",
    "resources": EMPTY, "retention_duration_days": "1", "dry_run": "true", "vault": "files", "rule": "desk-files",
    "sender": "mon", "urn": "urn:smn:x", "window": "1s", "budget_per_hour": "1000", "description": "mine",
}  # fmt: skip


@rows("H59", "H64")
def test_an_alert_decides_nothing_of_how_it_is_taken(fresh: Fresh) -> None:
    made = fresh()
    mine = {key: value.format(evil=made.evil) for key, value in MINE.items()}
    wish = firing(**mine) | mine | {"checkpoint": {"vault_id": FILES, "parameters": mine}, "parameters": mine}
    wish["alerts"][0] |= mine
    given: dict[str, Any] = {"X_Project_Id": "0" * 32, "X_Dry_Run": "true", "X_Auth_Token": "t", "X_Domain_Id": "d"}
    assert made.ask("lambda", "/alert/am?dry_run=true&project_id=0", wish, **given).words == ["created"]
    (post,) = made.posts()
    assert estate.PROJECT_ID in post.path
    sent = post.body["checkpoint"]
    assert (sent["vault_id"], set(sent["parameters"])) == (ERP, {"name", "description"})
    assert sent["parameters"]["description"].startswith("restore-point: rule erp-critical, alert ")
    assert made.trap.accepted == 0
    heads = bytes(made.line.sent)
    assert b"X-Dry-Run" not in heads
    assert made.evil.encode() not in heads


BESIDE = {f"H59 {key} beside the request": key for key in MINE if key != "rule"}
INSIDE = {f"H59 {key} in the request": key for key in MINE}
PARAMETER = {f"H59 {key} in the parameters": key for key in MINE if key not in ("name", "description")}


@rows.cases("key", BESIDE | {"H64 dry_run beside the request": "dry_run"})
def test_a_one_off_has_no_more_keys_beside_it(stage: Stage, key: str) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", asked() | {key: MINE[key]}):
            assert (said.status, said.reasons) == (400, ["malformed"])
        for said in stage.everywhere("/once/ci", {"rule": "ci-erp", key: MINE[key]}):
            assert (said.status, said.reasons) == (400, ["malformed"])


@rows.cases("key", INSIDE)
def test_a_one_off_has_no_more_keys_inside(stage: Stage, key: str) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", {"checkpoint": asked()["checkpoint"] | {key: MINE[key]}}):
            assert (said.status, said.reasons) == (400, ["malformed"])


@rows.cases("key", PARAMETER)
def test_a_one_off_sets_no_other_parameters(stage: Stage, key: str) -> None:
    typed: dict[str, Any] = {"auto_trigger": True, "policy_id": NOBODYS}
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", asked(**{key: MINE[key]})):
            assert said.status in (400, 403)
        if key in typed:
            for said in stage.everywhere("/once/ci", asked(**{key: typed[key]})):
                assert (said.status, said.reasons) == (403, ["may_not"])


MAY = {
    "H59 a full one": asked(incremental=False),
    "H59 an automatic one": asked(auto_trigger=True),
    "H59 for ever": asked(retention_duration_days=-1),
    "H59 a name": asked(name="mine"),
    "H60 one resource": asked(resources=[estate.FILES_SHARE_ID]),
}


@rows.cases("body", MAY)
def test_who_may_set_nothing_sets_nothing(stage: Stage, body: dict[str, Any]) -> None:
    own = {"checkpoint": body["checkpoint"] | {"vault_id": FILES}}
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/desk", own):
            assert (said.status, said.reasons) == (403, ["may_not"])


# ── which resources ──


def detail(resource: str = estate.ERP_DB_ID, kind: object = "OS::Nova::Server") -> dict[str, Any]:
    return {"id": resource, "type": kind}


RESOURCES_ASKED: dict[str, dict[str, Any]] = {
    "H60 257 in detail": asked(resource_details=[detail(f"{each:08x}-0000-4000-8000-000000000000") for each in range(257)]),
    "H60 257 by id": asked(resources=[f"{each:08x}-0000-4000-8000-000000000000" for each in range(257)]),
    "H60 of no type": asked(resource_details=[{"id": estate.ERP_DB_ID}]),
    "H60 of a type nobody knows": asked(resource_details=[detail(kind="OS::Evil::Thing")]),
    "H60 of a type in small letters": asked(resource_details=[detail(kind="os::nova::server")]),
    "H60 of two types": asked(resource_details=[detail(kind=["OS::Nova::Server", "OS::Sfs::Turbo"])]),
    "H60 no ids": asked(resources=["erp-db"]),
    "H60 a star": asked(resources=["*"]),
    "H60 null among them": asked(resources=[estate.ERP_DB_ID, None]),
    "H60 with a key of its own": asked(resource_details=[detail() | {"vault_id": FILES}]),
}


@rows.cases("body", RESOURCES_ASKED)
def test_resources_that_cannot_be_are_refused_before_anybody_is_asked(stage: Stage, body: dict[str, Any]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", body):
            assert (said.status, said.words) == (400, ["refused"])


OUTSIDE: dict[str, tuple[str, str, Any]] = {
    "H60 another vault's, asked for": ("once", "/once/ci", asked(resources=[estate.FILES_SHARE_ID])),
    "H60 nobody's, asked for": ("once", "/once/ci", asked(resources=[NOBODYS])),
    "H60 one of the vault and another's": ("once", "/once/ci", asked(resources=[estate.ERP_DB_ID, estate.MAIL_DISK_ID])),
    "H60 another vault's in detail": (
        "once",
        "/once/ci",
        asked(resource_details=[detail(estate.FILES_SHARE_ID, "OS::Sfs::Turbo")]),
    ),
    "H60 another vault's by a label": ("alert", "/alert/am", firing(severity="one", resource=estate.FILES_SHARE_ID)),
    "H60 another vault's name by a label": ("alert", "/alert/am", firing(severity="one", resource="files-share")),
    "H60 a star by a label": ("alert", "/alert/am", firing(severity="one", resource="*")),
}


@rows.cases("case", OUTSIDE)
def test_a_resource_outside_the_vault_is_never_backed_up(fresh: Fresh, case: tuple[str, str, Any]) -> None:
    """The vault has to be looked at for that, and no more is asked of CBR than that."""
    made = fresh()
    for platform in ("lambda", "functiongraph"):
        said = made.ask(platform, case[1], case[2])
        assert (said.status, said.words) == (403, ["refused"]), said.text
    assert {each.method for each in made.sandbox.exchanges} <= {"GET"}
    assert made.posts() == []


TWICE = {
    "H60 two resources": asked(resources=[estate.ERP_DB_ID, estate.ERP_APP_ID]),
    "H60 one resource twice": asked(resources=[estate.ERP_DB_ID] * 2),
    "H60 one resource twice in detail": asked(resource_details=[detail()] * 2),
}


@rows.cases("body", TWICE)
def test_a_resource_is_asked_for_once(fresh: Fresh, body: dict[str, Any]) -> None:
    made = fresh()
    made.ask("lambda", "/once/ci", body)
    assert len(made.posts()) <= 1
    for post in made.posts():
        sent = post.body["checkpoint"]["parameters"]
        ids = [*sent.get("resources", ()), *(each["id"] for each in sent.get("resource_details", ()))]
        assert len(ids) == len(set(ids))


NARROW = f"""
[senders.narrow]
dialect = "once"
proof = "bearer"
secret = "env:HOSTILE_CI_TOKEN"
may = ["resources", "resource_details"]
[[rules]]
name = "narrow"
sender = "narrow"
vaults = ["erp"]
parameters = {{ resources = ["{estate.ERP_APP_ID}"] }}
"""
BEYOND: dict[str, tuple[dict[str, Any], int]] = {
    "H60 the resource that the rule lists": (asked(resources=[estate.ERP_APP_ID]), 200),
    "H60 another resource than the rule lists": (asked(resources=[estate.ERP_DB_ID]), 403),
    "H60 another resource than the rule lists, in detail": (asked(resource_details=[detail()]), 403),
    "H60 another beside the one the rule lists": (asked(resources=[estate.ERP_APP_ID, estate.ERP_DB_ID]), 403),
}


@rows.cases("case", BEYOND)
def test_resources_are_a_part_of_what_the_rule_lists(fresh: Fresh, case: tuple[dict[str, Any], int]) -> None:
    made = fresh(more=NARROW)
    assert made.ask("lambda", "/once/narrow", case[0], bearer=token("ci")).status == case[1]
    assert len(made.posts()) == (case[1] == 200)


# ── how often ──


@rows("H65")
def test_a_flood_of_different_alerts_stays_within_the_rules_budget(fresh: Fresh) -> None:
    """Backups end at once here, so that nothing but the budget holds the flood back."""
    made = fresh(speed=1e6)
    words: list[str] = []
    for number in range(40):
        words += made.ask("lambda", "/alert/budget", simple(host=f"erp-{number}", incremental="false")).words
    assert len(made.posts()) == len(made.sandbox.restore_points()) == 3
    assert words.count("created") == 3
    assert not [each for each in made.posts() if "incremental" in each.body["checkpoint"]["parameters"]]


FULL_RULE = """
[[rules]]
name = "full"
sender = "budget"
vaults = ["files"]
{}
"""
FULL = {
    "H65 a full one by an alert's rule": FULL_RULE.format("parameters = { incremental = false }"),
    "H65 a budget of none": FULL_RULE.format("budget_per_hour = 0"),
    "H65 a budget without an end": FULL_RULE.format("budget_per_hour = 100000"),
}


@rows.cases("more", FULL)
def test_no_rule_for_alerts_is_without_measure(tmp_path: Path, more: str) -> None:
    path = tmp_path / "full.toml"
    path.write_text(RULES + more, encoding="utf-8")
    with pytest.raises(Misconfigured):
        read_rules(path)
