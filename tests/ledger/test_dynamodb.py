"""What only a service behind HTTP can suffer: an emulator that dies and hangs, peers that throttle, fail and answer nonsense."""

from __future__ import annotations

import json
import os
import re
import time
import warnings
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.errors import LedgerDown, Misconfigured
from handlers.ledger import Ledger, Record
from handlers.ledger.dynamodb import _item
from handlers.ledger.names import AFTER, name_of, part, sortable, time_of
from handlers.ledger.patience import REST_SECONDS, VERB_SECONDS
from handlers.settings.ledger import find_ledger
from tests.ledger.servers import KEYS, Emulator, ask, create_table, emulator, open_at
from tests.sockets import Asked, Peer, Server, closed_port, json_reply, reply, silent_listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = 1_763_900_000.25
BOUND = 2.0
"""Seconds: what a store that is dead may cost a delivery."""


def wish(
    key: str = "a", *, at: float = START, due: float | None = START, body: str = "{}", expires: float = START + 100
) -> Record:
    return Record("wish", key, at, due, body, expires)


def now() -> float:
    return START


def place(origin: str, **more: str) -> dict[str, str]:
    where = {"RESTORE_POINT_LEDGER": "dynamodb:ledger", "RESTORE_POINT_DYNAMODB_ENDPOINT": origin, "AWS_REGION": "eu-central-1"}
    return where | KEYS | more


@pytest.fixture
def own() -> Iterator[Emulator]:
    """An emulator of this test's own, to be treated badly."""
    server = Emulator()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def down(words: str, within: float = BOUND) -> Iterator[None]:
    """LedgerDown, in time, in one short line that says what to do and shows no key."""
    begun = time.monotonic()
    with pytest.raises(LedgerDown, match=words) as raised:
        yield
    assert time.monotonic() - begun < within
    text = str(raised.value)
    assert text.startswith("ledger ")
    assert ";" in text, "says what to do"
    assert not any(value in text for value in KEYS.values())
    assert len(text) < 240


def verbs(ledger: Ledger) -> list[Callable[[], object]]:
    return [
        lambda: ledger.put_if_absent(wish()),
        lambda: ledger.get("wish", "a"),
        lambda: ledger.swap(replace(wish(), version=1)),
        lambda: ledger.due(START, 1),
        lambda: ledger.since("wish", 0),
    ]


# --- the emulator dies and hangs -----------------------------------------------------------------------------------------


def test_a_service_killed_is_told_at_once_and_used_again_when_it_is_back(own: Emulator) -> None:
    where = own.place()
    with closing(open_at(where, now)) as ledger:
        ledger.put_if_absent(wish())
        own.kill()
        for verb in verbs(ledger):
            with down("ledger ledger-0: it (cannot be reached|does not answer)"):
                verb()
        own.start()
        create_table(where)  # the emulator keeps nothing
        assert ledger.put_if_absent(wish()) is None


def test_a_service_that_hangs_costs_one_wait_and_then_rests(own: Emulator) -> None:
    with closing(open_at(own.place(), now)) as ledger:
        ledger.put_if_absent(wish())
        begun = time.monotonic()
        with own.paused():
            for verb in verbs(ledger) * 20:
                with down("does not answer"):
                    verb()
            assert time.monotonic() - begun < BOUND
        time.sleep(VERB_SECONDS + REST_SECONDS - (time.monotonic() - begun) + 0.2)
        assert ledger.get("wish", "a") == replace(wish(), version=1)


def test_an_endpoint_nobody_answers_at() -> None:
    with silent_listener() as origin, closing(open_at(place(origin), now)) as ledger:
        with down("cannot be reached"):
            ledger.put_if_absent(wish())
        with down("cannot be reached", within=0.1):
            ledger.put_if_absent(wish())
    with closing(open_at(place(closed_port()), now)) as ledger, down("cannot be reached", within=0.5):
        ledger.put_if_absent(wish())


# --- the table -----------------------------------------------------------------------------------------------------------


def test_what_stands_in_the_table_can_be_read_and_ends_by_itself() -> None:
    where = emulator().place()
    with closing(open_at(where, now)) as ledger:
        ledger.put_if_absent(wish(body='{"state":"wanted"}'))
        ledger.put_if_absent(Record("notice", "n", START, None, "", START))
        items = ask(where, "Scan", {})["Items"]
    texts = {item["name"]["S"]: item for item in items}
    assert set(texts) == {"wish a", "notice n"}
    assert texts["wish a"]["body"] == {"S": '{"state":"wanted"}'}
    assert START < float(texts["wish a"]["ttl"]["N"]) - 100 < START + 2 * 3600, "seconds, and not before it has expired"
    assert "due_name" not in texts["notice n"], "nobody has to look again"
    assert {re.fullmatch("[0-3]", item["shard"]["S"]) is not None for item in items} == {True}


def test_lists_go_over_pages_shards_and_expired_ones() -> None:
    moment = [START]
    with closing(open_at(emulator().place(), lambda: moment[0])) as ledger:
        for number in range(60):
            expires = START + (10 if number % 3 else 1000)
            ledger.put_if_absent(wish(f"{number:02}", at=START + number, due=START - number, body="x" * 120_000, expires=expires))
        moment[0] += 100
        alive = [f"{number:02}" for number in range(0, 60, 3)]
        assert [record.key for record in ledger.since("wish", START)] == alive
        assert [record.key for record in ledger.due(START, 100)] == alive[::-1]
        for limit in range(1, 20):
            assert [record.key for record in ledger.due(START, limit)] == alive[::-1][:limit]


class Pages:
    """A table of four shards with so many due wishes each, a few a page; each page takes its seconds, and some never come."""

    def __init__(self, each: int, seconds: float, silent: Callable[[str, int], bool] = lambda _shard, _page: False) -> None:
        self._each, self._seconds, self._silent = each, seconds, silent
        self.server = Server(self._script)

    def _script(self, peer: Peer) -> None:
        while asked := peer.request():
            wanted = sent(asked)
            shard, first = wanted["ExpressionAttributeValues"][":shard"]["S"], int(wanted.get("ExclusiveStartKey", {"n": 0})["n"])
            if self._silent(shard, first // 10):
                peer.send(refusal("ThrottlingException"))
                continue
            time.sleep(self._seconds)
            items = [self._item(int(shard), place) for place in range(first, min(first + 10, self._each))]
            more = {"LastEvaluatedKey": {"n": first + 10}} if first + 10 < self._each else {}
            peer.send(json_reply({"Items": items} | more))

    def _item(self, shard: int, place: int) -> dict[str, Any]:
        """Shards have them in turn, so the order goes through all four."""
        return _item(wish(f"{place:04}-{shard}", due=START - 1000 + place + shard / 4, expires=START + 1000))

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with self.server as server, closing(open_at(place(server.origin), now)) as opened:
            yield opened


def test_a_night_of_due_wishes_is_read_beyond_one_verbs_time() -> None:
    """Forty pages of 50 ms are two seconds; the store answers each of them at once."""
    pages = Pages(100, 0.05)
    with pages.ledger() as ledger:
        keys = [record.key for record in ledger.due(START, 1000)]
        assert keys == [f"{number:04}-{shard}" for number in range(100) for shard in range(4)]
        before = len(pages.server.asked)
        assert [record.key for record in ledger.due(START, 20)] == keys[:20]
        assert len(pages.server.asked) - before == 4, "no page more than is needed"


def test_what_was_read_of_due_wishes_before_time_ended_are_the_oldest() -> None:
    """One shard's third page is throttled: nothing beyond its second can be known to be next."""
    with Pages(100, 0.0, lambda shard, page: shard == "2" and page == 2).ledger() as ledger:
        keys = [record.key for record in ledger.due(START, 1000)]
        assert keys == [f"{number:04}-{shard}" for number in range(20) for shard in range(4)][: len(keys)]
        assert len(keys) == 19 * 4 + 3
        with down("takes no more just now", within=0.1):  # and it rests, as after any verb that waited in vain
            ledger.due(START, 1)
    with Pages(100, 0.0, lambda shard, _page: shard == "3").ledger() as ledger, down("takes no more just now"):
        ledger.due(START, 1000)  # one shard had no turn


def test_every_read_is_strongly_consistent() -> None:
    answers = Answers(json_reply({"Items": []}))
    with answers.ledger() as ledger:
        ledger.get("wish", "a")
        ledger.due(START, 1)
        ledger.since("wish", 0)
    assert len(answers.asked) == 9
    assert all(sent(each)["ConsistentRead"] is True for each in answers.asked)


def test_a_table_that_is_not_there_or_is_another_programs_is_told() -> None:
    where = emulator().place()
    with closing(open_at(where | {"RESTORE_POINT_LEDGER": "dynamodb:no-such-table"}, now)) as ledger:
        for verb in verbs(ledger):
            with down("no such table in this region; create it as template.yaml does"):
                verb()
    other = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}
    theirs = where | {"RESTORE_POINT_LEDGER": "dynamodb:theirs"}
    ask(theirs, "CreateTable", other | {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]})
    with closing(open_at(theirs, now)) as ledger:
        for verb in verbs(ledger):
            with down("keys or indexes are not a ledger's"):
                verb()


def test_a_record_that_is_too_large_is_told() -> None:
    with closing(open_at(emulator().place(), now)) as ledger, down("a record is too large"):
        ledger.put_if_absent(wish(body="x" * 410_000))


@pytest.mark.parametrize(
    "damage",
    [
        {"version": {"S": "one"}},
        {"body": {"N": "1"}},
        {"since_name": {"S": "soon"}},
        {"due_name": {"S": "soon"}},
        {"expires": {"S": "f" * 16}},
    ],
    ids=lambda damage: next(iter(damage)),
)
def test_what_no_ledger_wrote_is_told(damage: dict[str, Any]) -> None:
    where = emulator().place()
    with closing(open_at(where, now)) as ledger:
        ledger.put_if_absent(wish())
        (item,) = ask(where, "Scan", {})["Items"]
        ask(where, "PutItem", {"Item": item | damage})
        with down("no ledger wrote; name another table"):
            ledger.get("wish", "a")


# --- peers of any kind ---------------------------------------------------------------------------------------------------


def refusal(error: str, status: int = 400, **more: Any) -> bytes:
    return json_reply({"__type": f"com.amazonaws.origin.v20120810#{error}", "message": "in words", **more}, status)


class Answers:
    """A peer that answers one after the other, and with the last one for ever."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.server = Server(self._script)

    def _script(self, peer: Peer) -> None:
        while peer.request():
            peer.send(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with self.server as server, closing(open_at(place(server.origin), now)) as opened:
            yield opened

    @property
    def asked(self) -> list[Asked]:
        return self.server.asked


def sent(asked: Asked) -> Any:
    return json.loads(asked.body)


AGAIN = {
    "throttled": refusal("ProvisionedThroughputExceededException"),
    "throttled by the account": refusal("ThrottlingException"),
    "too many requests": refusal("RequestLimitExceeded"),
    "its own error": refusal("InternalServerError", 500),
    "unavailable": reply(503, b"<html>", reason="Service Unavailable"),
    "a gateway": reply(502, b"", reason="Bad Gateway"),
}


@pytest.mark.parametrize("trouble", AGAIN.values(), ids=AGAIN)
def test_what_was_not_decided_is_asked_again_in_the_verbs_time(trouble: bytes) -> None:
    answers = Answers(trouble, trouble, json_reply({}))
    with answers.ledger() as ledger:
        assert ledger.put_if_absent(wish()) is None
    assert len(answers.asked) == 3
    answers = Answers(trouble)
    with answers.ledger() as ledger:
        with down("takes no more just now; raise its limits|in trouble .HTTP 50.", within=BOUND):
            ledger.put_if_absent(wish())
        assert 4 <= len(answers.asked) <= 12, "each wait is about twice the one before"
        with down("takes no more|in trouble", within=0.1):
            ledger.get("wish", "a")
    assert len({sent(each)["Item"]["token"]["S"] for each in answers.asked}) == 1


def test_an_answer_that_was_lost_is_asked_for_again_and_an_own_write_is_recognised() -> None:
    stored: list[Any] = []

    def script(peer: Peer) -> None:
        while asked := peer.request():
            if not stored:
                stored.append(sent(asked)["Item"])
                peer.hang_up()  # written, and nobody hears of it
                return
            peer.send(refusal("ConditionalCheckFailedException", Item=stored[0]))

    with Server(script) as server, closing(open_at(place(server.origin), now)) as ledger:
        assert ledger.put_if_absent(wish()) is None
        assert ledger.put_if_absent(wish()) == replace(wish(), version=1), "the next one is another write"
        stored.clear()
        assert ledger.swap(replace(wish(), version=1)) == replace(wish(), version=2)
        assert ledger.swap(replace(wish(), version=1)) is None


ONCE = {
    "AccessDeniedException": "allow dynamodb:GetItem and PutItem on it and Query on its indexes",
    "UnrecognizedClientException": "correct AWS_ACCESS_KEY_ID",
    "ExpiredTokenException": "set new ones",
    "InvalidSignatureException": "set this machine's clock",
    "ItemCollectionSizeLimitExceededException": "10 GB",
    "ResourceNotFoundException": "correct AWS_REGION",
    "SomethingNewException": "SomethingNewException.; look at the table",
}


@pytest.mark.parametrize("error", ONCE)
def test_what_repeating_does_not_mend_is_told_at_once(error: str) -> None:
    answers = Answers(refusal(error))
    with answers.ledger() as ledger:
        for verb in verbs(ledger):
            with down(ONCE[error], within=0.5):
                verb()
    assert len(answers.asked) == 5


GARBAGE = {
    "html": reply(200, b"<html>login</html>"),
    "html with 403": reply(403, b"<html>denied</html>", reason="Forbidden"),
    "a list": reply(200, b"[]"),
    "a redirect": reply(302, b"", reason="Found", Location="http://169.254.169.254/"),
    "deep": reply(200, b'{"a":' * 100_000),
    "not UTF-8": reply(200, b'{"a":"\xff\xfe"}'),
    "an item that is none": json_reply({"Item": 7, "Items": [7]}),
    "items that are none": json_reply({"Item": {}, "Items": 7}),
    "nothing after a condition": refusal("ConditionalCheckFailedException"),
    "half": reply(200, b"{", length=100),
    "compressed": reply(200, b"{}", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_what_answers_nonsense_is_told_in_time(data: bytes) -> None:
    begun = time.monotonic()
    for number in (0, 1, 3, 4):
        if number == 0 and b'"Items"' in data:
            continue  # 200 with a document is how a put is acknowledged, whatever else stands in it
        with Answers(data).ledger() as ledger, down("ledger ledger:", within=BOUND if number < 4 else 16):
            verbs(ledger)[number]()
        if time.monotonic() - begun > 1:
            return  # one wait is enough


def test_one_byte_now_and_then_does_not_hold_a_delivery() -> None:
    def script(peer: Peer) -> None:
        while peer.request():
            peer.drip(json_reply({"padding": "x" * 500}), 0.1)

    with Server(script) as server, closing(open_at(place(server.origin), now)) as ledger, down("does not answer"):
        ledger.put_if_absent(wish())


# --- keys ----------------------------------------------------------------------------------------------------------------


def test_keys_are_read_at_each_call_and_a_session_token_is_signed() -> None:
    answers = Answers(json_reply({}))
    with answers.server as server:
        environ = place(server.origin)
        with closing(open_at(environ, now)) as ledger:
            ledger.get("wish", "a")
            environ |= {"AWS_ACCESS_KEY_ID": "ROTATED", "AWS_SESSION_TOKEN": "next"}
            ledger.get("wish", "a")
            del environ["AWS_SESSION_TOKEN"]
            ledger.get("wish", "a")
            del environ["AWS_ACCESS_KEY_ID"]
            with down("AWS_ACCESS_KEY_ID: is not set", within=0.5):
                ledger.get("wish", "a")
    first, second, third = answers.asked
    assert "Credential=AKIDEXAMPLE/" in first.headers["authorization"]
    assert (second.headers["x-amz-security-token"], "x-amz-security-token" in third.headers) == ("next", False)
    assert "Credential=ROTATED/" in second.headers["authorization"]
    scope = r"/\d{8}/eu-central-1/dynamodb/aws4_request, SignedHeaders="
    names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
    assert re.search(scope + re.escape(names) + ", Signature=[0-9a-f]{64}$", second.headers["authorization"])
    assert first.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert sent(first)["ConsistentRead"] is True


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"])
def test_start_refuses_what_is_missing(missing: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        find_ledger(place("http://127.0.0.1:1", **{missing: ""}))
    assert raised.value.setting == missing


@pytest.mark.parametrize(
    ("more", "setting"),
    [
        ({"AWS_REGION": "eu-central-1.evil.example/"}, "AWS_REGION"),
        ({"AWS_SECRET_ACCESS_KEY": "two\nlines"}, "AWS_SECRET_ACCESS_KEY"),
        ({"RESTORE_POINT_DYNAMODB_ENDPOINT": "http://db.example"}, "RESTORE_POINT_DYNAMODB_ENDPOINT"),
        ({"RESTORE_POINT_DYNAMODB_ENDPOINT": "https://db.example/path"}, "RESTORE_POINT_DYNAMODB_ENDPOINT"),
        ({"RESTORE_POINT_DYNAMODB_ENDPOINT": "http://169.254.169.254"}, "RESTORE_POINT_DYNAMODB_ENDPOINT"),
        ({"RESTORE_POINT_LEDGER": "dynamodb:"}, "RESTORE_POINT_LEDGER"),
        ({"RESTORE_POINT_LEDGER": "dynamodb:arn:aws:x"}, "RESTORE_POINT_LEDGER"),
    ],
)
def test_start_refuses_what_cannot_be_meant(more: dict[str, str], setting: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        find_ledger(place("http://127.0.0.1:1", **more))
    assert raised.value.setting == setting
    assert "two\nlines" not in str(raised.value)


@pytest.mark.parametrize(
    ("region", "origin"),
    [
        ("eu-central-1", "https://dynamodb.eu-central-1.amazonaws.com"),
        ("us-gov-west-1", "https://dynamodb.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_each_region_has_its_endpoint(region: str, origin: str) -> None:
    where, access = find_ledger(KEYS | {"RESTORE_POINT_LEDGER": "dynamodb:ledger", "AWS_REGION": region})
    assert access.aws is not None
    assert (where, access.aws.origin, access.on_this_machine) == ("dynamodb:ledger", origin, False)
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in repr(access)


def test_a_forked_child_gets_connections_of_its_own() -> None:
    with closing(open_at(emulator().place(), now)) as ledger:
        ledger.put_if_absent(wish())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside other threads
            child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if [ledger.put_if_absent(wish(f"{number}")) for number in range(20)] == [None] * 20 else 2
            finally:
                os._exit(code)
        assert all(ledger.get("wish", "a") for _ in range(20))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- names and times as text ---------------------------------------------------------------------------------------------

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\0 !"#a\x7f'), max_size=4)


@given(FINITE, FINITE)
def test_times_sort_as_text_and_come_back(one: float, other: float) -> None:
    assert (sortable(one) < sortable(other)) == (one < other)
    assert time_of(sortable(one)) == one


@given(TEXT, TEXT, TEXT, TEXT)
@example("a", "b c", "a b", "c")
@example("a", "", "a!", "")
@example("a\0", "x", "a", "\2")
def test_names_sort_as_pairs_do_and_no_two_pairs_share_one(kind: str, key: str, other_kind: str, other_key: str) -> None:
    one, other = name_of(kind, key), name_of(other_kind, other_key)
    assert (one == other) == ((kind, key) == (other_kind, other_key))
    assert (one.encode() < other.encode()) == ((kind, key) < (other_kind, other_key))
    assert (part(kind) + AFTER > other) == ((other_kind, "") <= (kind, "")), "between the kind and this lie its names alone"


@pytest.mark.parametrize("text", ["", "0", "g" * 16, "0" * 17, "soon"])
def test_a_time_nobody_wrote_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|not sixteen digits"):
        time_of(text)
