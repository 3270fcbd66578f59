"""What only a server on the network can suffer, and how long a delivery waits for it: redis-server, and peers that are none."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
import warnings
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handlers.clock import SystemClock
from handlers.errors import LedgerDown, Misconfigured
from handlers.ledger import Ledger, Record, open_ledger
from handlers.ledger.patience import REST_SECONDS, VERB_SECONDS
from handlers.ledger.valkey.scripts import PREFIX, PRUNED_PER_PUT
from handlers.settings.ledger import find_ledger
from tests.ledger.servers import ROOT, Place, Redis, free_port, open_at, redis
from tests.sockets import Peer, Server, always, closed_port, silent_listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = 1_763_900_000.25
BOUND = 2.0
"""Seconds: what a store that is dead may cost a delivery."""


def wish(key: str = "a", *, due: float | None = START, body: str = "{}", expires: float = START + 100) -> Record:
    return Record("wish", key, START, due, body, expires)


def at(url: str) -> dict[str, str]:
    return {"RESTORE_POINT_LEDGER": url}


def now() -> float:
    return START


@pytest.fixture
def own() -> Iterator[Redis]:
    """A server of this test's own, to be treated badly."""
    server = Redis(password="s3cret-word")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def down(words: str, within: float = BOUND) -> Iterator[None]:
    """LedgerDown, in time, in one short line that says what to do and shows no password."""
    begun = time.monotonic()
    with pytest.raises(LedgerDown, match=words) as raised:
        yield
    assert time.monotonic() - begun < within
    text = str(raised.value)
    assert text.startswith("ledger ")
    assert ";" in text, "says what to do"
    assert "s3cret-word" not in text
    assert len(text) < 200


def use(place: Place) -> None:
    """Nothing is asked before the first verb."""
    with closing(open_at(place, now)) as ledger:
        ledger.get("wish", "a")


def verbs(ledger: Ledger) -> list[Callable[[], object]]:
    return [
        lambda: ledger.put_if_absent(wish()),
        lambda: ledger.get("wish", "a"),
        lambda: ledger.swap(replace(wish(), version=1)),
        lambda: ledger.due(START, 1),
        lambda: ledger.since("wish", 0),
    ]


# --- servers that die, hang and come back --------------------------------------------------------------------------------


def test_a_server_killed_and_started_again_has_what_it_acknowledged_and_is_used_again(own: Redis) -> None:
    with closing(open_at(own.place(), now)) as ledger:
        ledger.put_if_absent(wish())
        own.kill()
        for verb in verbs(ledger):
            with down("cannot be reached", within=0.5):
                verb()
        own.start()
        assert ledger.get("wish", "a") == replace(wish(), version=1)
        assert ledger.swap(replace(wish(), version=1)) is not None


def test_a_server_that_restarted_between_two_verbs_is_not_noticed(own: Redis) -> None:
    with closing(open_at(own.place(), now)) as ledger:
        ledger.put_if_absent(wish())
        own.kill()
        own.start()
        assert ledger.get("wish", "a") == replace(wish(), version=1)


def test_a_server_that_hangs_costs_one_wait_and_then_rests(own: Redis) -> None:
    with closing(open_at(own.place(), now)) as ledger:
        ledger.put_if_absent(wish())
        begun = time.monotonic()
        with own.paused():
            for verb in verbs(ledger) * 20:
                with down("does not answer"):
                    verb()
            assert time.monotonic() - begun < BOUND, "a delivery of a hundred causes must not wait a hundred times"
        with down("does not answer", within=0.1):
            ledger.get("wish", "a")
        time.sleep(VERB_SECONDS + REST_SECONDS - (time.monotonic() - begun) + 0.2)
        assert ledger.get("wish", "a") == replace(wish(), version=1)


def test_a_server_that_hangs_from_the_start_is_waited_for_no_longer(own: Redis) -> None:
    place = own.place()
    with own.paused(), down("does not answer"):
        use(place)


def test_a_flushed_script_cache_is_not_noticed(own: Redis) -> None:
    with closing(open_at(own.place(), now)) as ledger:
        ledger.put_if_absent(wish())
        assert own.say("SCRIPT FLUSH") == b"+OK"
        assert ledger.swap(replace(wish(), version=1)) is not None
        assert [record.key for record in ledger.due(START, 1)] == ["a"]


# --- servers that refuse -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["", ":wrong@", "nobody:s3cret-word@"])
def test_a_wrong_password_is_told_and_not_shown(own: Redis, login: str) -> None:
    with down("refuses the user or the password; correct RESTORE_POINT_LEDGER"):
        use(at(f"valkey://{login}127.0.0.1:{own.port}/0"))


def test_a_password_with_every_letter_and_a_user_of_its_own_get_in(own: Redis) -> None:
    strange = "p@ss/wörd:#?%"
    own.say(f"ACL SETUSER ledger on >{strange} ~{PREFIX}* +@all")
    url = f"redis://ledger:p%40ss%2Fw%C3%B6rd%3A%23%3F%25@127.0.0.1:{own.port}/7"
    with closing(open_at(at(url), now)) as ledger:
        assert ledger.put_if_absent(wish()) is None
        assert ledger.get("wish", "a") is not None
    assert strange not in repr(find_ledger(at(url)))


def test_a_user_that_may_do_no_more_than_a_ledger_needs_is_enough(own: Redis) -> None:
    commands = "+eval +evalsha +hmget +hget +hset +del +zadd +zrem +zrangebyscore +select"
    own.say(f"ACL SETUSER ledger on >pw ~{PREFIX}* -@all {commands}")
    with closing(open_at(at(f"valkey://ledger:pw@127.0.0.1:{own.port}/7"), now)) as ledger:
        for verb in verbs(ledger):
            verb()
        own.say("ACL SETUSER ledger -evalsha -eval")
        with down("its user may not do this; allow EVAL"):
            ledger.put_if_absent(wish())


def test_a_policy_that_evicts_any_key_is_refused_and_one_that_evicts_what_has_a_time_to_live_is_not(own: Redis) -> None:
    place = own.place()
    own.say("CONFIG SET maxmemory 100mb")
    for policy in ("volatile-lru", "noeviction"):
        own.say(f"CONFIG SET maxmemory-policy {policy}")
        use(place)
    for policy in ("allkeys-lru", "allkeys-random"):
        own.say(f"CONFIG SET maxmemory-policy {policy}")
        with down(f"maxmemory-policy {policy}.; set noeviction"):
            use(place)
    own.say("CONFIG SET maxmemory 0")
    use(place)


def test_no_key_has_a_time_to_live(own: Redis) -> None:
    with closing(open_at(own.place(0), now)) as ledger:
        ledger.put_if_absent(wish())
    assert own.number("DBSIZE") == 4
    for key in ("record:wish a", "at:wish", "due", "expires"):
        assert own.number(f'TTL "{PREFIX}{key}"') == -1  # -2 where there is no such key


def test_a_full_memory_is_told_and_what_is_there_can_be_read(own: Redis) -> None:
    with closing(open_at(own.place(), now)) as ledger:
        ledger.put_if_absent(wish())
        own.say("CONFIG SET maxmemory 1")
        with down("its memory is full; raise maxmemory"):
            ledger.put_if_absent(wish("b"))
        assert ledger.get("wish", "a") is not None


def test_a_replica_is_refused_at_the_start_and_after_a_failover(own: Redis) -> None:
    place = own.place()
    with closing(open_at(place, now)) as ledger:
        own.say("REPLICAOF 127.0.0.1 1")
        with down("it is a replica; name the primary"):
            ledger.put_if_absent(wish())
        with down("it is a replica; name the primary"):
            use(place)


def test_a_number_it_has_no_database_for_is_told(own: Redis) -> None:
    with down("no database of that number"):
        use(at(f"valkey://:s3cret-word@127.0.0.1:{own.port}/99999"))


@pytest.mark.parametrize("damage", ["expires 9e99", "at soon", "at nan", "version 1.5", 'body "\\xff"', "due soon"])
def test_what_no_ledger_wrote_is_told(damage: str) -> None:
    place = redis().place()
    select = f"SELECT {place['RESTORE_POINT_LEDGER'].rpartition('/')[2]}"
    with closing(open_at(place, now)) as ledger:
        if not damage.startswith("expires"):  # which then stands alone
            ledger.put_if_absent(wish())
        redis().number(select, f'HSET "{PREFIX}record:wish a" {damage}')
        with down("no ledger wrote; choose another database"):
            ledger.get("wish", "a")


def test_a_key_of_another_type_is_told() -> None:
    place = redis().place()
    with closing(open_at(place, now)) as ledger:
        redis().say(f"SELECT {place['RESTORE_POINT_LEDGER'].rpartition('/')[2]}", f"SET {PREFIX}due x")
        with down("no ledger wrote; choose another database"):
            ledger.put_if_absent(wish())


# --- peers that are no Valkey --------------------------------------------------------------------------------------------

GARBAGE = {
    "html": b"HTTP/1.1 400 Bad Request\r\n\r\n<html>",
    "noise": bytes(range(256)) * 4,
    "a number that is none": b":abc\r\n",
    "a length that is none": b"$x\r\n",
    "a length below zero": b"$-7\r\n",
    "half a text": b"$100\r\nabc",
    "a huge text": b"$999999999999\r\nabc",
    "a huge list": b"*999999999\r\n",
    "a deep list": b"*1\r\n" * 100_000,
    "nothing": b"$-1\r\n",
    "an empty list": b"*0\r\n",
    "another's text": b"$5\r\nhello\r\n",
    "an error of no words": b"-\r\n",
    "an error nobody knows": b"-WAT is this\r\n",
    "RESP3": b"%1\r\n+a\r\n+b\r\n",
}


HARMLESS = {(b"$-1\r\n", 0), (b"*0\r\n", 3), (b"*0\r\n", 4)}
"""How a put is acknowledged, and how nothing is due or since."""


def answering(data: bytes, hold: bool = True) -> Server:
    def script(peer: Peer) -> None:
        while peer.some():
            peer.send(data)
            if not hold:
                return

    return Server(script)


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_what_answers_nonsense_is_told_in_time(data: bytes) -> None:
    with answering(data) as server, down("ledger 127.0.0.1:"):
        use(at(f"valkey://127.0.0.1:{server.port}/0"))


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_what_begins_to_answer_nonsense_is_told_in_time(data: bytes) -> None:
    """INFO is answered as by a server, the verbs are not."""
    info = b"redis_version:7.0.15\r\nrole:master\r\n"

    def script(peer: Peer) -> None:
        if peer.some():
            peer.send(b"$%d\r\n%s\r\n" % (len(info), info))
        while peer.some():
            peer.send(data)

    with Server(script) as server, closing(open_at(at(f"valkey://127.0.0.1:{server.port}/0"), now)) as ledger:
        for number, verb in enumerate(verbs(ledger)):
            if (data, number) not in HARMLESS:
                with down("ledger 127.0.0.1:"):
                    verb()


def test_one_byte_now_and_then_does_not_hold_a_delivery() -> None:
    def script(peer: Peer) -> None:
        peer.some()
        peer.drip(b"$500\r\n" + b"x" * 500, 0.1)

    with Server(script) as server, down("does not answer"):
        use(at(f"valkey://127.0.0.1:{server.port}/0"))


def test_a_connect_nobody_answers_and_a_port_nobody_listens_at() -> None:
    with silent_listener() as origin, down("does not answer"):
        use(at(origin.replace("http", "valkey")))
    with down("cannot be reached", within=0.5):
        use(at(closed_port().replace("http", "valkey")))
    with down("cannot be reached"):
        use(at("valkey://no-such-host.invalid:6379/0"))


def test_a_server_that_hangs_up_in_the_middle() -> None:
    with answering(b"$100\r\nabc", hold=False) as server, down("cannot be reached", within=0.5):
        use(at(f"valkey://127.0.0.1:{server.port}/0"))


# --- TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate for localhost, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    (folder / "both.pem").write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return folder / "cert.pem"


def test_over_tls_the_name_and_the_certificate_count(certificate: Path) -> None:
    port = free_port()
    key = certificate.with_name("key.pem")
    server = Redis(f"tls-port {port}", f"tls-cert-file {certificate}", f"tls-key-file {key}", "tls-auth-clients no")
    try:
        server.start()
        trusted = {"RESTORE_POINT_LEDGER": f"valkeys://localhost:{port}/0"}
        where, access = find_ledger(trusted, str(certificate))
        assert where == f"valkeys://localhost:{port}/0"
        with closing(open_ledger(where, now, SystemClock(), access)) as ledger:
            for verb in verbs(ledger):
                verb()
        with down("certificate is not trusted or not for that name"):
            use(trusted)
        _, access = find_ledger(at(f"rediss://127.0.0.1:{port}/0"), str(certificate))
        with down("certificate is not trusted or not for that name"):
            open_ledger(where, now, SystemClock(), access).get("wish", "a")
        with down("ledger localhost"):
            use(at(f"valkeys://localhost:{server.port}/0"))
    finally:
        server.stop()


def test_a_tls_handshake_nobody_answers_ends_in_time(certificate: Path) -> None:
    with Server(lambda peer: peer.until_hung_up()) as server, down("does not answer"):
        use(at(f"valkeys://localhost:{server.port}/0"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_name("both.pem"))
    with Server(always(b""), tls=context) as server, down("certificate"):
        use(at(f"valkeys://localhost:{server.port}/0"))


# --- what stays in the server --------------------------------------------------------------------------------------------


def test_expired_records_leave_every_index_a_few_at_a_time() -> None:
    server = redis()
    place = server.place()
    db = place["RESTORE_POINT_LEDGER"].rpartition("/")[2]
    moment = [START]

    def kept() -> set[int]:
        sizes = [server.number(f"SELECT {db}", f"ZCARD {PREFIX}{name}") for name in ("due", "expires", "at:wish")]
        return {*sizes, server.number(f"SELECT {db}", "DBSIZE") - 3}

    with closing(open_at(place, lambda: moment[0])) as ledger:
        for number in range(100):
            ledger.put_if_absent(wish(f"{number}"))
        assert kept() == {100}
        moment[0] += 1000
        for number in range(1, 6):
            ledger.put_if_absent(wish(f"new {number}", expires=moment[0] + 10))
            assert kept() == {100 - number * PRUNED_PER_PUT + number}
        assert len(ledger.due(moment[0], 1000)) == 5
        assert kept() == {5}
        moment[0] += 1000
        assert ledger.due(moment[0], 10) == []
        assert server.number(f"SELECT {db}", "DBSIZE") == 0


def test_what_is_due_is_found_behind_any_number_of_expired_ones() -> None:
    moment = [START]
    with closing(open_at(redis().place(), lambda: moment[0])) as ledger:
        for number in range(700):
            ledger.put_if_absent(wish(f"{number:03}", due=START - 1))
        ledger.put_if_absent(wish("last", expires=START + 900))
        moment[0] += 500
        assert [record.key for record in ledger.due(moment[0], 1)] == ["last"]


# --- processes and threads -----------------------------------------------------------------------------------------------


def test_a_forked_child_gets_connections_of_its_own() -> None:
    def connections() -> int:
        """That the server has accepted so far, this one included."""
        pattern = "total_connections_received:(%d+)"
        return redis().number(f"EVAL \"return tonumber(string.match(redis.call('INFO', 'stats'), '{pattern}'))\" 0")

    with closing(open_at(redis().place(), now)) as ledger:
        ledger.put_if_absent(wish())
        before = connections()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside other threads
            child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if [ledger.put_if_absent(wish(f"{number}")) for number in range(20)] == [None] * 20 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert ledger.get("wish", "a") == replace(wish(), version=1)
        assert connections() == before + 2, "the child's and this one"


def test_without_the_extra_start_refuses_and_names_it() -> None:
    probe = (
        "import sys; sys.modules['valkey'] = None\n"
        "from handlers.settings.ledger import find_ledger\n"
        "find_ledger({'RESTORE_POINT_LEDGER': 'valkey://:hunter2@host/0'})"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RESTORE_POINT_LEDGER: needs valkey-py: pip install 'cbr-restore-point[valkey]'" in done.stderr
    assert "hunter2" not in done.stderr.splitlines()[-1]


def test_another_ledger_imports_neither_valkey_nor_httpx() -> None:
    probe = (
        "import sys, time, handlers.ledger, handlers.settings\n"
        "handlers.ledger.open_ledger('memory', time.time)\n"
        "sys.exit(any(name.partition('.')[0] in ('valkey', 'redis', 'httpx') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, cwd=ROOT)


def test_a_url_that_is_none_is_a_misconfiguration_that_repeats_nothing() -> None:
    for url in (
        "valkey://", "valkey://:hunter2@", "valkey://:hunter2@host:port/0", "valkey://:hunter2@host:99999/0",
        "valkey://:hunter2@host/zero", "valkey://:hunter2@host/0?db=1", "valkey://hunter2@host/0",
        "valkey://:hunter2@ho st/0", "valkeys://[::1:hunter2@/0", "valkey:host", "redis://:hun/ter2@host/0",
        "env:", "file:/nowhere",
    ):  # fmt: skip
        with pytest.raises(Misconfigured, match="RESTORE_POINT_LEDGER") as raised:
            find_ledger(at(url))
        assert "hunter2" not in str(raised.value)


def test_the_url_may_stand_in_a_variable_or_a_file_and_is_shown_without_its_password(tmp_path: Path) -> None:
    url = "rediss://user:hunter2@cache.example:6380/3"
    (tmp_path / "url").write_text(f"{url}\n", encoding="utf-8")
    for place in ({"RESTORE_POINT_LEDGER": "env:OUR_URL", "OUR_URL": url}, at(f"file:{tmp_path}/url"), at(url)):
        shown, access = find_ledger(place)
        assert shown == "valkeys://cache.example:6380/3"
        assert access.valkey is not None
        assert access.valkey.password is not None
        assert (access.valkey.user, access.valkey.password.reveal(), access.on_this_machine) == ("user", "hunter2", False)
        assert "hunter2" not in repr((shown, access))
    with pytest.raises(Misconfigured, match="points to a variable that holds no ledger's URL"):
        find_ledger({"RESTORE_POINT_LEDGER": "env:A", "A": "env:B", "B": url})
    assert find_ledger(at("valkey://[::1]"))[0] == "valkey://[::1]:6379/0"
