"""That the tables are whole, and that every row of them is played."""

from __future__ import annotations

import re

from tests.faults import alerts, clients, cloud, functions, identity, lists, network, own, platform
from tests.faults.rows import fits, rows, spread, told_of

TABLE, CLIENTS = rows("expected.json"), rows("expected_clients.json")
PLAYED = [row for each in (network, identity, cloud, lists, platform, functions, alerts, own) for row in each.faults.of]
KEYS = {"row", "what", "ends", "posts", "points", "after"}
MORE = {"told", "answer", "retry_after", "tokens", "failures"}
WORDS = {"created", "joined", "skipped", "refused", "later", "failed", "available", "partly", "broken", "killed", "misconfigured"}


def number(row: str) -> int:
    found = re.fullmatch(r"[FC]([1-9][0-9]?)[a-z]?", row)
    assert found, row
    return int(found[1])


def test_every_fault_of_the_list_is_in_the_table_and_played() -> None:
    assert {number(row) for row in TABLE} == set(range(1, 63))
    assert sorted(PLAYED) == sorted(TABLE)


def test_every_failure_of_other_clients_is_in_the_table_and_played() -> None:
    assert {number(row) for row in CLIENTS} == set(range(1, 21))
    assert sorted(clients.faults.of) == sorted(CLIENTS)


def test_every_row_says_what_must_come_of_it() -> None:
    for row in (*TABLE.values(), *CLIENTS.values()):
        assert set(row) >= KEYS
        assert set(row) <= KEYS | MORE
        assert len(row["what"]) > 7
        for end in (*row["ends"], *(row["after"] or ())):
            assert set(end.split()[0].split("|")) <= WORDS, row
        assert row["after"] is not None or row.get("told", "") is None, "what is told follows from what is not known"


def test_no_row_promises_two_for_one_cause_or_silently_none() -> None:
    """A cause has one restore point of ours, joins somebody's, or somebody is told; or it was not wanted."""
    for row in (*TABLE.values(), *CLIENTS.values()):
        words = [end.split()[0] for end in (*spread(row["ends"]), *(row["after"] or ()))]
        assert row["points"] <= words.count("created") + ("joined" in words), row
        settled = row["points"] or "running_already" in str(row["ends"]) or set(words) <= {"skipped", "misconfigured"}
        told = told_of(row) or ()
        assert settled or {"failed", "refused", "broken"} & set(told) or row.get("answer") == 500, row


def test_what_is_compared_can_differ() -> None:
    assert fits("later busy", "later busy")
    assert fits("later busy", "later")
    assert fits("joined found", "joined|later")
    assert not fits("later busy", "later unclear")
    assert not fits("created accepted", "joined|later")
    assert spread(["a x2", "b c"]) == ["a", "a", "b c"]
