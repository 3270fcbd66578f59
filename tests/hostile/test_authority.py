"""At which door, for which vault and by whose rule a proven sender may ask: reliability.md, 6.4 (H56) and 6.5."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from handlers.sandbox import estate
from tests.aws.template import GLOBALS, RESOURCES
from tests.hostile.rows import Rows
from tests.hostile.stage import SCHEDULE, Stage, asked, event_of, firing, simple, token

rows = Rows(
    named={
        "H56": ["tests/test_envelope.py::test_a_body_shaped_for_another_door_never_opens_it"],
        "H57": ["tests/test_attacks.py::test_what_may_not_be_asked_opens_no_socket"],
        "H62": ["tests/test_plan_alerts.py::test_many_stars_are_no_slower"],
        "H63": [
            "tests/test_template.py::test_only_alerts_have_a_url_and_it_is_open_only_where_somebody_said_so",
            "tests/test_trust.py::test_a_caller_whom_the_gateway_authenticated",
        ],
    },
    waiting={},
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
