"""What the vaults hold: asked once for a storm, and only where an alert names a resource."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from handlers.cbr import Cbr, Vault
from handlers.errors import CallFailed, NotSent, Rejected, Throttled, Unauthorized, Unclear
from handlers.inventory import KEPT_SECONDS, Inventory
from handlers.outcome import Failed, Later, Outcome, Refused, Skipped
from handlers.plan import plan
from handlers.plan.planned import Planned
from handlers.rules import Rules
from handlers.trigger import Alert
from handlers.wire import Deadline
from tests.scripted import Clock

NOW = datetime(2026, 11, 23, 2, 0, 30, tzinfo=UTC)
ERP = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
HELD, ALSO_HELD, GONE, *TWINS = (f"{n}4eba8b2-acc9-4d82-badc-127144cc5526" for n in range(1, 6))
NAMES = {HELD: "erp-db", ALSO_HELD: "erp-app", **dict.fromkeys(TWINS, "twin")}


class Asked:
    """CBR, as far as it is asked."""

    def __init__(self, *held: str) -> None:
        self.held, self.times, self.problem = held, 0, cast("CallFailed | None", None)
        self.names = NAMES

    def vault(self, vault_id: str, deadline: Deadline) -> Vault:
        self.times += 1
        if self.problem:
            raise self.problem
        return Vault.model_validate(
            {"id": vault_id, "resources": [{"id": each, "name": self.names.get(each, "")} for each in self.held]}
        )


class Shelf:
    def __init__(self) -> None:
        self.clock, self.cbr = Clock(NOW), Asked(HELD, ALSO_HELD)
        self.inventory = Inventory({"default": cast("Cbr", self.cbr)}, self.clock)

    def narrow(self, *triggers: Alert, **rule: Any) -> list[Planned | Outcome]:
        plans = plan(triggers, rules(rule), "delivery-1", NOW)
        return self.inventory.narrow(plans, Deadline.after(self.clock, 30))

    def one(self, *triggers: Alert, **rule: Any) -> Planned:
        (found,) = self.narrow(*triggers, **rule)
        assert isinstance(found, Planned)
        return found


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def rules(rule: dict[str, Any], *more: dict[str, Any]) -> Rules:
    base = {"sender": "am", "vaults": ["erp"]}
    first = {"name": "one-server", "resource_from": "id", "match": {"id": "*"}, **base, **rule}
    return Rules.model_validate(
        {
            "vaults": {"erp": {"id": ERP}},
            "senders": {"am": {"dialect": "alertmanager", "proof": "platform"}},
            "rules": [first, *(base | each for each in more)],
        }
    )


def alert(resource: str, host: str = "a") -> Alert:
    return Alert("am", "firing", {"id": resource, "host": host}, ("id", "host"), "", "", NOW)


WHOLE = {"else": "whole vault"}


def test_a_resource_the_vault_holds_is_the_one_asked_for(shelf: Shelf) -> None:
    assert shelf.one(alert(HELD)).backup.resource_ids == frozenset([HELD])
    assert shelf.one(alert(HELD), **WHOLE).backup.resource_ids == frozenset([HELD])


def test_one_it_does_not_hold_is_refused(shelf: Shelf) -> None:
    (found,) = shelf.narrow(alert(GONE), alert(GONE, "b"))
    assert isinstance(found, Refused)
    assert (found.reason, found.http, found.rule, found.vault) == ("resource_not_held", 403, "one-server", "erp")
    assert (found.causes, found.name, found.sender) == (2, "", "am")
    assert GONE in found.message


def test_or_the_whole_vault_is_taken_for_every_cause(shelf: Shelf) -> None:
    found = shelf.one(alert(GONE), alert(GONE, "b"), **WHOLE)
    assert (found.backup.resource_ids, found.causes, len(found.others), len(found.cause_names)) == (frozenset(), 2, 1, 2)
    assert found.name.endswith(found.cause[:16])


def test_two_that_come_to_the_whole_vault_are_one(shelf: Shelf) -> None:
    another = GONE.replace("3", "4", 1)
    found = shelf.one(alert(GONE), alert(another, "b"), **WHOLE)
    assert (found.backup.resource_ids, found.causes, len(found.others)) == (frozenset(), 2, 1)
    alone = {shelf.one(each, **WHOLE).cause for each in (alert(GONE), alert(another, "b"))}
    assert {found.cause, *found.others} == alone


def test_the_earlier_rule_wins_where_two_come_to_the_whole_vault(shelf: Shelf) -> None:
    for order in ([alert(GONE), alert("x", "b")], [alert("x", "b"), alert(GONE)]):
        given = rules({**WHOLE, "parameters": {"incremental": False}, "match": {"id": GONE}}, {"name": "any"})
        (found,) = shelf.inventory.narrow(plan(order, given, "d", NOW), Deadline.after(shelf.clock, 30))
        assert isinstance(found, Planned)
        assert (found.rule, found.causes) == ("one-server", 2)


def test_a_vault_is_asked_once_for_a_storm_and_again_when_it_is_old(shelf: Shelf) -> None:
    for _ in range(3):
        assert len(shelf.narrow(*(alert(each) for each in (HELD, ALSO_HELD, GONE)))) == 3
    assert shelf.cbr.times == 1
    shelf.cbr.held = (HELD, GONE)
    shelf.clock.forward(KEPT_SECONDS + 1)
    assert shelf.one(alert(GONE)).backup.resource_ids == frozenset([GONE])
    assert shelf.cbr.times == 2


def test_where_no_alert_names_a_resource_nothing_is_asked(shelf: Shelf) -> None:
    shelf.narrow(alert(""), **WHOLE)
    skipped = Skipped(reason="no_rule", message="m")
    assert shelf.inventory.narrow([skipped], Deadline.after(shelf.clock, 30)) == [skipped]
    assert shelf.cbr.times == 0


@pytest.mark.parametrize("failure", [NotSent, Unclear, Throttled, Unauthorized, Rejected])
def test_who_cannot_ask_takes_what_is_certain(shelf: Shelf, failure: Callable[[str], CallFailed]) -> None:
    shelf.cbr.problem = failure("no")
    assert shelf.one(alert(GONE)).backup.resource_ids == frozenset([GONE])  # and CBR refuses what the vault does not hold
    assert shelf.one(alert(HELD), **WHOLE).backup.resource_ids == frozenset()  # a part that is not there would be none at all
    shelf.cbr.problem = None
    assert shelf.one(alert(GONE), **WHOLE).backup.resource_ids == frozenset()


# ── by name ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_resource_is_known_by_its_name_too(shelf: Shelf) -> None:
    by_name = shelf.one(alert("erp-db"))
    assert (by_name.backup.resource_ids, by_name.narrowed_to) == (frozenset([HELD]), HELD)
    assert by_name.name.endswith(by_name.cause[:16])
    assert shelf.one(alert("erp-app")).cause != by_name.cause
    assert shelf.cbr.times == 1


def test_one_name_and_its_id_in_one_delivery_are_one_restore_point(shelf: Shelf) -> None:
    both = shelf.one(alert("erp-db"), alert(HELD, "b"))
    assert (both.causes, len(both.others), both.backup.resource_ids) == (2, 1, frozenset([HELD]))


def test_only_its_own_disks_are_left_out(shelf: Shelf) -> None:
    server = {"type": "OS::Nova::Server", "extra_info": {"exclude_volumes": [GONE]}}
    details = [{"id": each, **server} for each in (HELD, ALSO_HELD)]
    asked = shelf.one(alert("erp-db"), parameters={"resource_details": details}).backup.parameters
    assert asked is not None
    assert [each.id for each in asked.resource_details or ()] == [HELD]


@pytest.mark.parametrize("name", ["nobody", "ERP-DB", "erp-", "twin", ERP.upper()])
def test_a_name_the_vault_does_not_hold_or_holds_twice(shelf: Shelf, name: str) -> None:
    shelf.cbr.held = (HELD, *TWINS)
    (refused,) = shelf.narrow(alert(name))
    assert isinstance(refused, Refused)
    assert (refused.reason, "several" in refused.message) == ("resource_not_held", name == "twin")
    assert shelf.one(alert(name), **WHOLE).backup.resource_ids == frozenset()


def test_a_name_of_a_resource_the_rule_does_not_list(shelf: Shelf) -> None:
    only = {"parameters": {"resources": [ALSO_HELD]}}
    (refused,) = shelf.narrow(alert("erp-db"), **only)
    assert isinstance(refused, Refused)
    assert shelf.one(alert("erp-db"), **only, **WHOLE).backup.resource_ids == frozenset([ALSO_HELD])


@pytest.mark.parametrize("failure", [NotSent, Unclear, Throttled, Unauthorized, Rejected])
def test_who_cannot_ask_for_a_name_takes_the_whole_vault_or_says_so(shelf: Shelf, failure: Callable[[str], CallFailed]) -> None:
    shelf.cbr.problem = failure("no")
    whole = shelf.one(alert("erp-db"), **WHOLE)
    assert (whole.backup.resource_ids, whole.narrowed_to) == (frozenset(), "")
    (unknown,) = shelf.narrow(alert("erp-db"))
    assert isinstance(unknown, Failed if failure in (Unauthorized, Rejected) else Later)
    assert unknown.reason == "resource_unknown"
    assert not getattr(unknown, "durable", False)
    shelf.cbr.problem = None
    assert shelf.one(alert("erp-db:9100"), **WHOLE).backup.resource_ids == frozenset()


@pytest.mark.parametrize("label", ["erp-db:9100", GONE])
def test_what_names_nothing_is_one_cause_in_any_weather(shelf: Shelf, label: str) -> None:
    calm = shelf.one(alert(label), **WHOLE).cause
    shelf.clock.forward(KEPT_SECONDS + 1)
    shelf.cbr.problem = Unclear("no")
    assert shelf.one(alert(label), **WHOLE).cause == calm


def test_an_id_is_no_name(shelf: Shelf) -> None:
    """Anybody may call a server by another one's id."""
    shelf.cbr.names = {ALSO_HELD: HELD}
    assert shelf.one(alert(HELD)).backup.resource_ids == frozenset([HELD])


def test_a_storm_of_names_takes_time_by_their_number(shelf: Shelf) -> None:
    """Each is looked at once: what they come to is put together at the end."""
    found = shelf.one(*(alert(f"web-{number}", f"h{number}") for number in range(5000)), **WHOLE)
    assert (found.causes, len(found.others), len(found.cause_names)) == (5000, 4999, 20)
    assert shelf.cbr.times == 1


def test_each_keeps_its_place(shelf: Shelf) -> None:
    skipped = Skipped(reason="r", message="m")
    plans = plan([alert(HELD), alert(ALSO_HELD)], rules({}), "d", NOW)
    found = shelf.inventory.narrow([skipped, plans[0], skipped, plans[1]], Deadline.after(shelf.clock, 30))
    assert found == [skipped, plans[0], skipped, plans[1]]
