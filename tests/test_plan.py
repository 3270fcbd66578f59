"""What a delivery asks for: design, sections 3 to 5. Pure: the same triggers, rules and time make the same plan."""

from __future__ import annotations

import copy
import hashlib
import re
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.carriers.unwrapping import Carried
from handlers.errors import Refusal
from handlers.outcome import Refused, Skipped
from handlers.plan import Plan, plan
from handlers.plan.planned import Planned, cause_of, clip
from handlers.rules import Rules
from handlers.timers import read_timer
from handlers.trigger import Once, Timer, Trigger
from handlers.vault_backup import CheckpointParam, VaultBackup, is_named_for, read_vault_backup

NOW = datetime(2026, 11, 23, 2, 0, 30, tzinfo=UTC)
AT = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)
SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"
ERP = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
FILES = "c93e6f18-0d27-4ab5-8f41-2b9a64d7e035"
SERVER = "94eba8b2-acc9-4d82-badc-127144cc5526"
DISK = "43a320a5-3efd-4568-b1aa-8dd9183cc64b"

BASE: dict[str, Any] = {
    "vaults": {"erp": {"id": ERP}, "files": {"id": FILES}},
    "timers": {"nightly": {"source": SCHEDULE}, "hourly": {"source": "hourly-trigger"}},
    "rules": [{"name": "nightly-all", "timer": "nightly", "vaults": ["erp", "files"]}],
}


def rules(*entries: dict[str, Any], **tables: Any) -> Rules:
    """The base, with other rules: each lists the vault erp and the timer nightly unless it says otherwise."""
    document = copy.deepcopy(BASE) | tables
    if entries:
        document["rules"] = [
            {"name": f"rule-{n}", "timer": "nightly", "vaults": ["erp"]} | each for n, each in enumerate(entries)
        ]
    return Rules.model_validate(document)


def fired(schedule: str = SCHEDULE, at: datetime = AT) -> Timer:
    return Timer(schedule, at, "eventbridge-scheduler")


def planned(found: Plan) -> list[Planned]:
    assert all(isinstance(each, Planned) for each in found)
    return [each for each in found if isinstance(each, Planned)]


def one(trigger: Trigger | None = None, given: Rules | None = None, delivery: str = "delivery-1") -> Planned:
    """The single restore point that is planned."""
    (found,) = planned(plan([trigger or fired()], given or rules({}), delivery, NOW))
    return found


# --- what is planned -------------------------------------------------------------------------------------------------


def test_one_restore_point_per_vault_in_the_order_of_the_rule() -> None:
    found = planned(plan([fired()], rules(), "delivery-1", NOW))
    assert [(each.vault, each.backup.vault_id) for each in found] == [("erp", ERP), ("files", FILES)]
    for each in found:
        assert (each.rule, each.project, each.trigger, each.sender) == ("nightly-all", "default", "timer", "nightly")
        assert (each.delivery_id, each.occurred, each.causes, each.give_up_after) == ("delivery-1", AT, 1, 6 * 3600.0)
        assert each.cause_names == ("nightly 2026-11-23T02:00:00+00:00",)
    assert len({each.cause for each in found}) == 2


def test_all_matching_rules_apply_and_the_earlier_wins_for_a_vault() -> None:
    given = rules(
        {"vaults": ["erp"], "parameters": {"incremental": False}, "give_up_after": "1h"},
        {"vaults": ["files", "erp"], "parameters": {"incremental": True}},
    )
    found = planned(plan([fired()], given, "d", NOW))
    assert [(each.vault, each.rule) for each in found] == [("erp", "rule-0"), ("files", "rule-1")]
    first = found[0].backup.parameters
    assert first is not None
    assert first.incremental is False
    assert found[0].give_up_after == 3600.0


def test_the_same_vault_twice_in_a_rule_is_asked_once() -> None:
    assert len(plan([fired()], rules({"vaults": ["erp", "erp"]}), "d", NOW)) == 1


def test_other_resources_of_a_vault_are_another_restore_point() -> None:
    given = rules(
        {"parameters": {"resources": [SERVER]}},
        {"parameters": {"resources": [DISK]}},
        {"parameters": {"resource_details": [{"id": SERVER, "type": "OS::Nova::Server"}]}},  # the same as the first
        {},
    )
    found = planned(plan([fired()], given, "d", NOW))
    assert [each.rule for each in found] == ["rule-0", "rule-1", "rule-3"]
    assert len({each.cause for each in found}) == 3


def test_only_the_rules_of_this_timer_apply() -> None:
    given = rules({}, {"timer": "hourly", "vaults": ["files"]})
    assert [each.vault for each in planned(plan([fired("hourly-trigger")], given, "d", NOW))] == ["files"]


def test_the_parameters_of_the_rule_are_what_is_asked() -> None:
    parameters = {
        "auto_trigger": True,
        "incremental": False,
        "resources": [SERVER, DISK],
        "resource_details": [{"id": SERVER, "type": "OS::Nova::Server", "extra_info": {"exclude_volumes": [DISK]}}],
    }
    asked = one(given=rules({"parameters": parameters})).backup.to_dict()["parameters"]
    assert {key: value for key, value in asked.items() if key not in ("name", "description")} == parameters


def test_what_is_planned_can_be_read_as_the_apis_own_body() -> None:
    for each in planned(plan([fired()], rules(), "d", NOW)):
        assert read_vault_backup({"checkpoint": each.backup.to_dict()}) == each.backup


def test_several_projects() -> None:
    tables = {
        "projects": {"prod": {}, "test": {}},
        "vaults": {"erp": {"id": ERP, "project": "prod"}, "files": {"id": FILES, "project": "test"}},
    }
    assert [each.project for each in planned(plan([fired()], rules(**tables), "d", NOW))] == ["prod", "test"]


# --- what is not -----------------------------------------------------------------------------------------------------


def test_an_unknown_schedule_is_refused() -> None:
    for schedule in (SCHEDULE + "2", SCHEDULE.upper(), "nightly", "hourly-trigger ", "x\ny<script>"):
        (found,) = plan([fired(schedule)], rules(), "delivery-1", NOW)
        assert isinstance(found, Refused)
        assert (found.reason, found.http, found.delivery_id, found.trigger) == ("unknown_timer", 403, "delivery-1", "timer")
        assert found.message.isprintable()
        assert "[timers." in found.message
        assert "<script>" not in found.message


def test_a_schedule_no_rule_uses_is_skipped() -> None:
    (found,) = plan([fired("hourly-trigger")], rules({}), "delivery-1", NOW)
    assert isinstance(found, Skipped)
    assert (found.reason, found.sender, found.delivery_id) == ("no_rule", "hourly", "delivery-1")


def test_an_event_that_is_too_old_is_skipped_rule_by_rule() -> None:
    given = rules({"max_event_age": "1h"}, {"vaults": ["files"], "max_event_age": "2h"})
    found = plan([fired(at=NOW - timedelta(minutes=90))], given, "d", NOW)
    assert [type(each) for each in found] == [Planned, Skipped]
    skipped = found[1]
    assert isinstance(skipped, Skipped)
    assert (skipped.reason, skipped.rule, skipped.vault, skipped.sender) == ("stale", "rule-0", "erp", "nightly")
    assert "max_event_age" in skipped.message


@pytest.mark.parametrize(("age", "kind"), [(86_400, Planned), (86_401, Skipped), (0, Planned), (-900, Planned), (-901, Refused)])
def test_how_old_and_how_young_an_event_may_be(age: int, kind: type) -> None:
    """24 h by default, and 15 minutes of clocks that differ."""
    (found,) = plan([fired(at=NOW - timedelta(seconds=age))], rules({}), "d", NOW)
    assert type(found) is kind


def test_an_event_from_the_future_is_refused() -> None:
    (found,) = plan([fired(at=NOW + timedelta(days=365))], rules(), "d", NOW)
    assert isinstance(found, Refused)
    assert (found.reason, found.http, found.sender) == ("from_the_future", 400, "nightly")
    assert "clock" in found.message


def test_no_triggers_no_plan() -> None:
    assert plan([], rules(), "d", NOW) == []


# --- the cause -------------------------------------------------------------------------------------------------------


def test_the_cause_is_what_it_has_always_been() -> None:
    """In every process, version and platform: restore points are found again by it."""
    words = ["timer", ERP, "", SCHEDULE, "2026-11-23T02:00:00+00:00"]
    expected = hashlib.sha256("".join(f"{len(word)}:{word}" for word in words).encode()).hexdigest()
    assert one().cause == expected
    assert expected == "f8b1bc45b92cff5b2a3e8cd96fb90017659fc7c31eae704f36d72e3723c468e9"
    assert one().name == "rp-timer-20261123T020000Z-" + expected[:16]


def test_every_delivery_of_one_firing_is_one_cause() -> None:
    event = {"schedule_arn": SCHEDULE, "scheduled_time": "2026-11-23T02:00:00Z"}
    default = {
        "source": "aws.scheduler",
        "detail-type": "Scheduled Event",
        "resources": [SCHEDULE],
        "time": "2026-11-23T03:00:00.25+01:00",
        "id": "another-id",
        "detail": "{}",
    }
    deliveries = [event | {"execution_id": "a", "attempt_number": "1"}, event | {"attempt_number": "186"}, default]
    causes = {one(read_timer(Carried(each)), delivery=f"delivery-{n}").cause for n, each in enumerate(deliveries)}
    assert causes == {one().cause}
    later = plan([fired()], rules({}), "d", NOW + timedelta(hours=6))
    assert planned(later)[0].cause == one().cause


def test_a_platform_is_no_part_of_the_cause() -> None:
    functiongraph = read_timer(
        Carried({"trigger_type": "TIMER", "trigger_name": SCHEDULE, "time": "2026-11-23T10:00:00+08:00", "version": "v2.0"})
    )
    assert one(functiongraph).cause == one().cause


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "renamed"},
        {"parameters": {"incremental": False, "name": "other", "description": "other"}},
        {"max_event_age": "2h", "give_up_after": "1h"},
    ],
)
def test_what_may_change_between_two_deliveries(entry: dict[str, Any]) -> None:
    assert one(given=rules(entry)).cause == one().cause


def test_the_names_in_the_rules_are_no_part_of_the_cause() -> None:
    tables = {"vaults": {"renamed": {"id": ERP}}, "timers": {"renamed": {"source": SCHEDULE}}}
    assert one(given=rules({"timer": "renamed", "vaults": ["renamed"]}, **tables)).cause == one().cause
    named = {"projects": {"prod": {}}, "vaults": {"erp": {"id": ERP}}}
    assert one(given=rules({}, **named)).cause == one().cause


def test_what_makes_another_restore_point() -> None:
    causes = [
        one(),
        one(fired(at=AT + timedelta(seconds=1))),
        one(fired(at=AT - timedelta(hours=1))),
        one(fired("hourly-trigger"), rules({"timer": "hourly"})),
        one(given=rules({"vaults": ["files"]})),
        one(given=rules({"parameters": {"resources": [SERVER]}})),
        one(given=rules({"parameters": {"resources": [DISK]}})),
        one(given=rules({"parameters": {"resources": [SERVER, DISK]}})),
        one(Once("terminal", VaultBackup(vault_id=ERP), "", SCHEDULE, AT)),
    ]
    assert len({each.cause for each in causes}) == len(causes)
    assert all(re.fullmatch(r"[0-9a-f]{64}", each.cause) for each in causes)


def test_the_order_of_resources_is_no_part_of_the_cause() -> None:
    pair = [one(given=rules({"parameters": {"resources": order}})).cause for order in ([SERVER, DISK], [DISK, SERVER])]
    assert pair[0] == pair[1]


WORDS = st.lists(st.text(alphabet="a1:,=\u00e9\u5907\n ", max_size=4), max_size=4)


@given(WORDS, WORDS)
def test_no_two_lists_of_words_are_written_alike(some: list[str], others: list[str]) -> None:
    """H35: ``a=b,c`` is not ``a=b`` and ``c``."""
    backup = VaultBackup(vault_id=ERP)
    assert (cause_of("timer", backup, *some) == cause_of("timer", backup, *others)) == (some == others)
    assert (cause_of("timer", backup, *some) == cause_of("timer", backup, "", *some)) is False


@pytest.mark.parametrize(
    ("some", "others"),
    [
        (["ab"], ["a", "b"]),
        (["a", ""], ["a"]),
        (["1:a"], ["a"]),
        (["a1:b"], ["a", "b"]),
        (["a", "b"], ["b", "a"]),
        (["\u00e9"], ["e\u0301"]),
        (["a=b,c"], ["a=b", "c"]),
    ],
)
def test_lists_of_words_that_look_alike(some: list[str], others: list[str]) -> None:
    backup = VaultBackup(vault_id=ERP)
    assert cause_of("timer", backup, *some) != cause_of("timer", backup, *others)


# --- name and description --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "head"),
    [
        (None, "rp-timer-20261123T020000Z"),
        ("erp-nightly", "erp-nightly"),
        ("n", "n"),
        ("n" * 40, "n" * 40),
        ("n" * 41, "n" * 40),
        ("n" * 64, "n" * 40),
    ],
)
def test_the_name_is_the_given_one_and_the_cause(given: str | None, head: str) -> None:
    found = one(given=rules({"parameters": {"name": given} if given else {}}))
    assert found.name == f"{head}-{found.cause[:16]}"


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_any_name_stays_a_valid_one_that_is_found_again(given: str) -> None:
    found = one(given=rules({"parameters": {"name": given}}))
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,58}", found.name)  # I6; the service appends -0001
    assert found.name.endswith(f"-{found.cause[:16]}")
    assert is_named_for(found.name, found.cause)
    assert is_named_for(f"{found.name}-0002", found.cause)


def description(found: Planned) -> str:
    assert found.backup.parameters is not None
    return found.backup.parameters.description or ""


def test_the_description_says_which_rule_and_delivery() -> None:
    text = description(one(delivery="6fd3ac5f-645a-42b6-9631-548b5b63338c"))
    for word in ("rule-0", "nightly", "6fd3ac5f-645a-42b6-9631-548b5b63338c"):
        assert word in text


def test_a_description_of_the_rule_is_kept() -> None:
    for text in ("before the nightly batch", ""):
        assert description(one(given=rules({"parameters": {"description": text}}))) == text


@given(st.text(max_size=300))
def test_the_description_is_always_one_the_service_takes(delivery: str) -> None:
    text = description(one(delivery=delivery))
    assert len(text) <= 255
    assert text.isascii()
    assert text.isprintable()
    assert "<" not in text
    assert ">" not in text


@given(st.text(max_size=50), st.integers(0, 60))
def test_clipped_text_is_plain_and_short(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(clipped) <= limit
    assert clipped.isascii()
    assert not set(clipped) & set("<>\n\x7f\x1b")
    assert clip(clipped, limit) == clipped


# --- one-offs --------------------------------------------------------------------------------------------------------


def once(key: str = "run-7", at: datetime = AT, **parameters: Any) -> Once:
    return Once("terminal", VaultBackup(vault_id=ERP, parameters=CheckpointParam.model_validate(parameters)), "", key, at)


def test_a_one_off_needs_no_rule() -> None:
    found = one(once(), Rules())
    assert (found.backup.vault_id, found.vault, found.rule, found.project) == (ERP, "", "", "default")
    assert (found.trigger, found.cause_names) == ("once", ("run-7",))
    assert found.name == f"rp-once-20261123T020000Z-{found.cause[:16]}"
    assert one(once(), rules()).vault == "erp"


def test_the_key_of_a_one_off_is_its_cause() -> None:
    given = rules()
    assert one(once(at=NOW, name="other"), given).cause == one(once(), given).cause
    assert one(once("run-8"), given).cause != one(once(), given).cause
    assert one(once(resources=[SERVER]), given).cause == one(once(), given).cause  # a key says it all


def test_a_one_off_keeps_what_was_given() -> None:
    found = one(once(name="before-upgrade", description="d", incremental=False), Rules())
    assert found.name == f"before-upgrade-{found.cause[:16]}"
    assert found.backup.parameters is not None
    assert (found.backup.parameters.description, found.backup.parameters.incremental) == ("d", False)


@pytest.mark.parametrize("asked", [{"resources": [DISK]}, {"resource_details": [{"id": DISK, "type": "OS::Nova::Server"}]}])
def test_the_resources_a_sender_names_are_some_of_the_rules(asked: dict[str, Any]) -> None:
    senders = {"ci": {"dialect": "once", "proof": "platform", "may": ["resources", "resource_details"]}}
    server, disk = ({"id": each, "type": "OS::Nova::Server"} for each in (SERVER, DISK))
    for own in ({"resources": [SERVER, DISK]}, {"resource_details": [server, disk]}, {"resources": [SERVER]}):
        given = rules({"timer": "nightly"}, senders=senders).model_dump(exclude_defaults=True, by_alias=True)
        given["rules"] = [{"name": "ci-erp", "sender": "ci", "vaults": ["erp"], "parameters": own | {"incremental": False}}]
        once = Once("ci", VaultBackup(vault_id=ERP, parameters=CheckpointParam.model_validate(asked)), "", "key", AT)
        if own == {"resources": [SERVER]}:
            with pytest.raises(Refusal, match="lists other resources") as caught:
                one(once, Rules.model_validate(given))
            assert (caught.value.reason, caught.value.http) == ("may_not", 403)
            continue
        found = one(once, Rules.model_validate(given))
        assert found.backup.resource_ids == frozenset([DISK])
        assert found.backup.parameters is not None
        assert found.backup.parameters.incremental is False


# --- pure ------------------------------------------------------------------------------------------------------------


def test_the_same_question_has_the_same_answer() -> None:
    given, triggers = rules(), [fired(), fired("nobody")]
    before = given.model_dump()
    assert plan(triggers, given, "d", NOW) == plan(tuple(triggers), given, "d", NOW)
    assert given.model_dump() == before


def test_the_order_of_triggers_and_rules_does_not_change_what_is_taken() -> None:
    """I17: the set of restore points is the same for any permutation."""
    entries: list[dict[str, Any]] = [
        {"name": "a", "vaults": ["erp"]},
        {"name": "b", "vaults": ["erp", "files"]},
        {"name": "c", "timer": "hourly", "vaults": ["erp"], "parameters": {"resources": [SERVER]}},
        {"name": "d", "timer": "hourly", "vaults": ["files"], "parameters": {"resources": [DISK]}},
    ]
    triggers = [fired(), fired("hourly-trigger"), fired()]
    seen = set()
    for order in permutations(entries):
        for arrival in permutations(triggers):
            found = planned(plan(arrival, rules(*order), "d", NOW))
            seen.add(frozenset((each.backup.vault_id, each.backup.resource_ids, each.cause, each.name) for each in found))
    assert len(seen) == 1
    assert len(seen.pop()) == 4


@given(st.data())
def test_any_timer_gets_one_end_per_vault(data: st.DataObject) -> None:
    schedule = data.draw(st.sampled_from([SCHEDULE, "hourly-trigger", "nobody"]))
    at = data.draw(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    found = plan([fired(schedule, at)], rules(), "d", NOW)
    if any(isinstance(each, Planned) for each in found):
        assert [each.backup.vault_id for each in planned(found)] == [ERP, FILES]
        assert schedule == SCHEDULE
    else:
        reasons = [each.reason for each in found if isinstance(each, Skipped | Refused)]
        assert reasons in (["unknown_timer"], ["no_rule"], ["from_the_future"], ["stale", "stale"])


def test_names_and_descriptions_are_held_to_the_apis_limits() -> None:
    """What plan writes without asking pydantic again is what pydantic would have taken."""
    found = one(delivery="x" * 1000)
    parameters = found.backup.to_dict()["parameters"]
    assert CheckpointParam.model_validate(parameters) == found.backup.parameters
