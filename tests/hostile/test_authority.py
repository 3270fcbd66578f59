"""What a proven sender may not ask for: reliability.md, 6.4 (H56) and 6.5, H57 to H65."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import estate
from handlers.settings import read_rules
from tests.hostile.rows import Rows
from tests.hostile.stage import RULES, SCHEDULE, Stage, asked, event_of, firing, simple, token
from tests.test_template import GLOBALS, RESOURCES

REPLACES = "what the sender names takes the place of what the rule lists (tests/test_plan.py says so)"
rows = Rows(
    named={
        "H56": ["tests/test_envelope.py::test_a_body_shaped_for_another_door_never_opens_it"],
        "H57": ["tests/test_attacks.py::test_what_may_not_be_asked_opens_no_socket"],
        "H60": ["tests/test_vault_backup.py::test_256_resource_details_are_the_most"],
        "H62": ["tests/test_plan_alerts.py::test_many_stars_are_no_slower"],
        "H63": [
            "tests/test_template.py::test_only_alerts_have_a_url_and_it_is_open_only_where_somebody_said_so",
            "tests/test_trust.py::test_a_caller_whom_the_gateway_authenticated",
        ],
    },
    waiting={
        "H60 257 by id": "sent to CBR: only resource_details has a limit",
        **dict.fromkeys(
            (
                "H60 another vault's, asked for",
                "H60 nobody's, asked for",
                "H60 one of the vault and another's",
                "H60 another vault's in detail",
            ),
            "sent to CBR, which refuses it: failed instead of refused, after a POST",
        ),
        "H60 one resource twice": "sent to CBR as it came",
        "H60 one resource twice in detail": "sent to CBR as it came",
        "H60 another resource than the rule lists": REPLACES,
        "H60 another resource than the rule lists, in detail": REPLACES,
        "H60 another beside the one the rule lists": REPLACES,
        "H65 a full one by an alert's rule": "the rules may say so",
    },
)
Fresh = Callable[..., Stage]
ERP, FILES, EMPTY = estate.ERP_VAULT_ID, estate.FILES_VAULT_ID, estate.EMPTY_VAULT_ID
NOBODYS = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
OWN_TIMER = {"schedule": "nightly", "scheduled_time": "2026-11-23T02:00:00Z"}
EVENTBRIDGE = {
    "source": "aws.events", "detail-type": "Scheduled Event", "time": "2026-11-23T02:00:00Z", "resources": [SCHEDULE],
}  # fmt: skip
FUNCTIONGRAPH = {"version": "v1.0", "time": "2026-11-23T02:00:00Z", "trigger_type": "TIMER", "trigger_name": "nightly"}

# ── the entry decides ──

CROSSED: dict[str, tuple[str, Any]] = {
    "H56 Alertmanager's body for a one-off": ("/once/ci", firing()),
    "H56 a simple alert for a one-off": ("/once/ci", simple()),
    "H56 a timer's body for a one-off": ("/once/ci", OWN_TIMER),
    "H56 a timer's body for the webhook": ("/alert/am", OWN_TIMER),
    "H56 a timer's body for the simple form": ("/alert/mon", OWN_TIMER),
    "H56 EventBridge's event for the webhook": ("/alert/am", EVENTBRIDGE),
    "H56 FunctionGraph's event for the webhook": ("/alert/mon", FUNCTIONGRAPH),
    "H56 a one-off for the webhook": ("/alert/am", asked()),
    "H56 a one-off for the simple form": ("/alert/mon", asked()),
    "H56 an alert for a timer": ("/timer/cron", firing()),
    "H56 a one-off for a timer": ("/timer/cron", asked()),
    "H56 a one-off among an alert": ("/alert/mon", simple() | asked()),
    "H56 an alert among a one-off": ("/once/ci", asked() | firing()),
    "H56 the simple form for Alertmanager's": ("/alert/am", simple()),
    "H56 Alertmanager's form for the simple": ("/alert/mon", firing()),
}


@rows.cases("case", CROSSED)
def test_a_body_of_another_kind_asks_for_nothing(stage: Stage, case: tuple[str, Any]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere(*case):
            assert said.status == 400
            assert said.words == ["refused"]


OTHER_DOORS = {
    "H56 the webhook's sender asks for a one-off": ("/once/am", asked(), 401),
    "H56 the webhook's sender has the watch look": ("/watch/am", {}, 401),
    "H56 the webhook's sender fires a timer": ("/timer/am", OWN_TIMER, 401),
    "H56 a one-off's sender comes to the webhook": ("/alert/ci", firing(), 401),
    "H56 a schedule's sender comes to the webhook": ("/alert/cron", firing(), 401),
    "H56 a schedule's sender asks for a one-off": ("/once/cron", asked(), 401),
    "H61 a sender that only a topic may speak for": ("/alert/alarms", simple(), 401),
    "H63 a sender that only a caller of the function may be": ("/alert/direct", simple(), 401),
}


@rows.cases("case", OTHER_DOORS)
def test_a_sender_has_one_door(stage: Stage, case: tuple[str, Any, int]) -> None:
    path, body, status = case
    with stage.nothing_leaves():
        for said in stage.everywhere(path, body, bearer=token(path.rpartition("/")[2]) or token("am")):
            assert (said.status, said.reasons) == (status, ["bad_proof"])


# ── which vault ──

VAULTS: dict[str, tuple[Any, int]] = {
    "H57 another vault of the project": (EMPTY, 403),
    "H57 another rule's vault": (FILES, 403),
    "H57 another sender's vault by its name": ("files", 403),
    "H57 the right one by its name": ("erp", 403),
    "H57 a vault that does not exist": (NOBODYS, 403),
    "H57 two of which one is right": (f"{ERP},{EMPTY}", 403),
    "H57 a path from the right one": (f"{ERP}/../{EMPTY}", 403),
    "H58 a star": ("*", 403),
    "H58 all": ("all", 403),
    "H58 nothing": ("", 403),
    "H58 a blank": (" ", 403),
    "H58 a glob of the right one": (ERP[:8] + "*", 403),
    "H58 the id of nothing": ("00000000-0000-0000-0000-000000000000", 403),
    "H58 a thousand as text": (",".join([ERP] * 1000), 400),
    "H58 a thousand as a list": ([ERP] * 1000, 400),
    "H58 null": (None, 400),
    "H58 an object": ({"id": ERP}, 400),
    "H58 a truth": (True, 400),
}


@rows.cases("case", VAULTS)
def test_a_label_chooses_only_among_the_rules_vaults(stage: Stage, case: tuple[Any, int]) -> None:
    vault, status = case
    with stage.nothing_leaves():
        for said in stage.everywhere("/alert/am", firing(vault_id=vault)):
            assert said.status == status
            assert said.words == ["refused"]


ASKED: dict[str, tuple[Any, int]] = {
    **{f"H57 {name}": (vault, 403) for name, vault in (("empty", EMPTY), ("files", FILES), ("nobody's", NOBODYS))},
    **{f"H58 {vault!r} asked for": (vault, 400) for vault in ("*", "all", "", None, True, 0)},
    "H58 a list of vaults asked for": ([ERP], 400),
    "H58 a thousand vaults asked for": ([ERP] * 1000, 400),
}


@rows.cases("case", ASKED)
def test_a_one_off_is_for_a_vault_of_the_senders_rules(stage: Stage, case: tuple[Any, int]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", {"checkpoint": {"vault_id": case[0]}}):
            assert (said.status, said.words) == (case[1], ["refused"])


@rows("H57", "H58")
def test_the_topic_hears_of_it_once_and_cbr_of_nothing(fresh: Fresh) -> None:
    made = fresh(told=True)
    for vault in (EMPTY, FILES, "*", "all"):
        assert made.ask("lambda", "/alert/am", firing(vault_id=vault)).status == 403
    assert [(each.method, each.path.rpartition("/")[2]) for each in made.sandbox.exchanges] == [("POST", "publish")]
    assert made.posts() == []


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
TWICE_PLAYED = rows.played(TWICE)


def test_a_resource_is_asked_for_once(fresh: Fresh) -> None:
    for body in TWICE_PLAYED.values():
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
BEYOND_PLAYED = rows.played(BEYOND)


def test_resources_are_a_part_of_what_the_rule_lists(fresh: Fresh) -> None:
    for body, status in BEYOND_PLAYED.values():
        made = fresh(more=NARROW)
        assert made.ask("lambda", "/once/narrow", body, bearer=token("ci")).status == status
        assert len(made.posts()) == (status == 200)


# ── whose rule ──


@rows("H61")
def test_one_senders_secret_opens_no_others_door(stage: Stage) -> None:
    with stage.nothing_leaves():
        for path, body in (("/alert/am", firing()), ("/alert/mon", simple()), ("/once/ci", asked()), ("/once/desk", asked())):
            own = path.rpartition("/")[2]
            for other in ("am", "mon", "ci", "desk", "cron", "budget"):
                if other != own:
                    for said in stage.everywhere(path, body, bearer=token(other)):
                        assert (said.status, said.reasons) == (401, ["bad_proof"])


WHOSE = {
    "H61 another one-off sender's rule": ("/once/ci", {"rule": "desk-files"}),
    "H61 the webhook's rule of another vault": ("/once/ci", {"rule": "mon-files"}),
    "H61 another sender's vault": ("/once/desk", {"checkpoint": {"vault_id": ERP}}),
    "H61 a timer's rule of another vault": ("/once/desk", {"rule": "nightly-erp"}),
}


@rows.cases("case", WHOSE)
def test_one_senders_rule_is_no_others(stage: Stage, case: tuple[str, Any]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere(*case):
            assert (said.status, said.reasons) == (403, ["vault_not_listed"])


TOPICS = {
    "H61 a topic nobody lists": "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:other",
    "H61 the right topic of another account": "urn:smn:eu-de:00000000000000000000000000000000:alarms",
    "H61 the right topic in capitals": "URN:SMN:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:alarms",
    "H61 the right topic and more": "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:alarms2",
}


@rows.cases("topic", TOPICS)
def test_a_topic_is_one_by_its_whole_name(stage: Stage, topic: str) -> None:
    with stage.nothing_leaves():
        record = {"event_source": "smn", "smn": {"topic_urn": topic, "message": json.dumps(simple())}}
        said = stage.hand("functiongraph", "alert", {"record": [record]})
        assert said.reasons == ["source_not_listed"]
        sqs = {"eventSource": "aws:sqs", "eventSourceARN": topic, "messageId": "1", "body": json.dumps(simple())}
        assert stage.hand("lambda", "alert", {"Records": [sqs]}).text == '{"batchItemFailures": []}'


@rows("H62")
def test_no_label_makes_a_rule_slow_and_no_rule_is_an_expression(stage: Stage) -> None:
    with stage.nothing_leaves():
        for labels in ({"stars": "a" * 1024, "plain": "(a+)+$"}, {"stars": "ab", "plain": "a" * 1023 + "!"}):
            began = time.monotonic()
            for said in stage.everywhere("/alert/mon", simple(**labels, host="other")):
                assert (said.status, said.reasons) == (200, ["no_rule"])
            assert time.monotonic() - began < 1


@rows("H63")
def test_one_offs_have_no_address_and_a_caller_without_a_name_is_nobody(stage: Stage) -> None:
    assert "FunctionUrlConfig" not in RESOURCES["Once"]["Properties"] | GLOBALS
    assert not [each for each in RESOURCES["Once"]["Properties"].get("Events", {}).values() if "Api" in each["Type"]]
    with stage.nothing_leaves():
        event = event_of("lambda", "/once/ci", "POST", {"content-type": "application/json"}, json.dumps(asked()).encode())
        assert stage.hand("lambda", "once", event).status == 401
        event["requestContext"]["authorizer"] = {"iam": {"userArn": "arn:aws:iam::123456789012:user/anybody"}}
        assert stage.hand("lambda", "once", event).status == 401
        assert stage.hand("lambda", "once", asked()).status == 401  # no sender speaks for who invokes this door


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
