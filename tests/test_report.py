"""One delivery, one log line, its metrics; outcomes are decided before and never changed by it. Design, sections 3 and 6."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest

from handlers.envelope import Envelope
from handlers.errors import NotTold
from handlers.message import Message, compose
from handlers.outcome import Available, Broken, Created, Failed, Joined, Later, Outcome, Partly, Refused, Skipped
from handlers.refusals import REFUSED_SECONDS
from handlers.report import Report, Told
from handlers.topics import Topic, log_topic
from handlers.vault_backup import CheckpointResource, SkippedResource
from handlers.wire import Deadline
from tests.scripted import Clock, World, only, world_in


def through(report: Report, envelope: Envelope, outcomes: Sequence[Outcome], deadline: Deadline) -> bool:
    """As the service does with a delivery."""
    return report.log(envelope, [(outcome, report.publish(outcome, deadline)) for outcome in outcomes])


ENVELOPE = Envelope("timer", "lambda", "delivery-1", {}, 60.0)
ALL: tuple[type[Outcome], ...] = (Created, Joined, Skipped, Refused, Later, Failed, Available, Partly, Broken)
HOSTILE = '"}\n{"level":"INFO"}\r\n\x00\x1b[2J\u202e\ud800é' + "𝄞" * 3000
KEYS = set(
    "outcome reason rule vault vault_id causes cause_names name checkpoint_id resources skipped_resources delivery_id trigger"
    " sender duration_ms request_id error_code message degraded durable retry_after http".split()
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def outcome(kind: type[Outcome] = Created, **more: Any) -> Outcome:
    return kind(reason="accepted", message="It was so.", vault="files", **more)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    text = stream.getvalue()
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def logged(outcomes: Sequence[Outcome], told: Sequence[Told] | None = None) -> tuple[str, dict[str, Any]]:
    stream = io.StringIO()
    Report((), stream).log(ENVELOPE, list(zip(outcomes, told or [Told(0)] * len(outcomes), strict=True)))
    assert stream.getvalue().count("\n") == 1
    return stream.getvalue(), lines(stream)[0]


# ── the line ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (Created, "INFO"),
        (Joined, "INFO"),
        (Skipped, "INFO"),
        (Available, "INFO"),
        (Refused, "WARNING"),
        (Later, "WARNING"),
        (Partly, "WARNING"),
        (Failed, "ERROR"),
        (Broken, "ERROR"),
    ],
)
def test_one_line_says_what_became_of_a_delivery(kind: type[Outcome], level: str) -> None:
    _, line = logged([outcome(kind)])
    assert line["level"] == level
    assert line["message"] == f"timer: 1 {kind.word}"
    assert line["service"] == "restore-point"
    assert line["timestamp"]
    assert line["delivery"] == {"id": "delivery-1", "door": "timer", "platform": "lambda"}
    (point,) = line["restore_points"]
    assert (point["outcome"], point["reason"], point["message"], point["vault"]) == (kind.word, "accepted", "It was so.", "files")
    assert set(point) <= KEYS


def test_the_worst_outcome_gives_the_level() -> None:
    _, line = logged([outcome(Created), outcome(Later), outcome(Failed), outcome(Created)])
    assert line["level"] == "ERROR"
    assert line["message"] == "timer: 2 created, 1 later, 1 failed"


def test_nothing_planned_is_a_line_as_well() -> None:
    _, line = logged([])
    assert line["restore_points"] == []


def big(name: str = "server") -> Outcome:
    """As long as CBR's own limits let it be, and its texts longer."""
    resources = tuple(CheckpointResource(id=f"{number:036}", name=f"{name}-{number}", type=name) for number in range(256))
    skipped = tuple(SkippedResource(id=name, type=name, name=name, code=name, reason=name) for _ in range(256))
    causes = tuple(name for _ in range(20))
    return outcome(
        Partly,
        resources=resources,
        skipped_resources=skipped,
        cause_names=causes,
        name=name,
        sender=name,
        error_code=name,
        request_id=name,
        rule=name,
    )


@pytest.mark.parametrize("name", ["server", "x" * 255, HOSTILE, "\\" * 5000, "\x7f\x80\u2028\u2029"])
@pytest.mark.parametrize("count", [1, 3, 20, 300])
def test_a_line_is_one_json_line_below_16_kb_whatever_stands_in_it(name: str, count: int) -> None:
    text, line = logged([big(name)] * count, [Told(0, (f"ops: {name}",) * 3)] * count)
    assert len(text.encode()) <= 16_000
    assert text.isascii()
    assert line["message"] == f"timer: {count} partly"
    assert len(line["restore_points"]) >= 1, "at least one is named"
    assert len(line["restore_points"]) + line.get("unnamed", 0) == count
    assert line["restore_points"][0]["resources"] == 256
    assert line["not_told"]


def test_a_long_message_does_not_cost_the_line() -> None:
    text, line = logged([Failed(reason="rejected", message=HOSTILE * 10)] * 20)
    assert len(text.encode()) <= 16_000
    assert line["restore_points"][0]["reason"] == "rejected"


@pytest.mark.parametrize("name", ["server", "x" * 255, HOSTILE])
def test_a_topic_that_is_the_log_gets_one_line_below_16_kb(name: str) -> None:
    stream = io.StringIO()
    report = Report((), stream)
    log_topic(report.write)(compose(big(name)), Deadline.after(Clock(), 3))
    text = stream.getvalue()
    assert len(text.encode()) <= 16_000
    (line,) = lines(stream)
    assert line["topic_message"]["schema"] == "restore-point/1"
    assert line["topic_message"]["outcome"] == "partly"
    assert line["message"] == "Restore point INCOMPLETE: vault files (1 of 257 missing)"


def test_threads_do_not_mix_lines() -> None:
    stream = io.StringIO()
    report = Report((), stream, metrics=True)

    def go(number: int) -> None:
        envelope = Envelope("timer", "lambda", f"delivery-{number}", {}, 60.0)
        report.log(envelope, [(outcome(name=f"n-{number}"), Told(1))])

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(go, range(200)))
    found = [line for line in lines(stream) if "delivery" in line]
    assert len(lines(stream)) == 400
    assert {(line["delivery"]["id"], line["restore_points"][0]["name"]) for line in found} == {
        (f"delivery-{number}", f"n-{number}") for number in range(200)
    }


def test_two_reports_at_once_keep_their_streams() -> None:
    streams = [io.StringIO() for _ in range(8)]

    def go(number: int) -> None:
        report = Report((), streams[number])
        for _ in range(100):
            report.log(ENVELOPE, [(outcome(name=f"n-{number}"), Told(1))])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(go, range(8)))
    for number, stream in enumerate(streams):
        assert [line["restore_points"][0]["name"] for line in lines(stream)] == [f"n-{number}"] * 100


def test_no_state_of_one_line_stands_in_the_next() -> None:
    stream = io.StringIO()
    report = Report((), stream)
    report.log(ENVELOPE, [(outcome(Failed), Told(0, ("ops: down",)))])
    report.log(ENVELOPE, [(outcome(Created), Told(1))])
    first, second = lines(stream)
    assert "not_told" in first
    assert first["level"] == "ERROR"
    assert "not_told" not in second
    assert second["level"] == "INFO"


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(stream: io.StringIO) -> list[dict[str, Any]]:
    return [line for line in lines(stream) if "_aws" in line]


def values(document: dict[str, Any], name: str) -> list[float]:
    value = document[name]
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("count", [1, 9, 98, 99, 100, 101, 250, 1000])
def test_the_metrics_add_up_to_what_was_planned(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    outcomes = [outcome(ALL[number % len(ALL)], duration_ms=number) for number in range(count)]
    Report((), stream, metrics=True).log(ENVELOPE, [(each, Told(1)) for each in outcomes])
    assert capsys.readouterr().out == "", "metrics go where the lines go"
    found: Counter[str] = Counter()
    durations: list[float] = []
    for document in measured(stream):
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "RestorePoint"
        (dimensions,) = directive["Dimensions"]
        assert "door" in dimensions
        assert all(isinstance(document[dimension], str) for dimension in dimensions)
        assert document["door"] == "timer"
        assert isinstance(document["_aws"]["Timestamp"], int)
        assert len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert metric["Unit"] in ("Count", "Milliseconds")
            assert 1 <= len(values(document, metric["Name"])) <= 100
            if metric["Unit"] == "Count":
                found[metric["Name"]] += int(sum(values(document, metric["Name"])))
            else:
                durations += values(document, metric["Name"])
    assert found == Counter(each.word.capitalize() for each in outcomes)
    assert sorted(durations) == [float(number) for number in range(count)]


def test_no_metrics_where_nobody_reads_them() -> None:
    stream = io.StringIO()
    Report((), stream).log(ENVELOPE, [(outcome(), Told(1))])
    assert measured(stream) == []


# ── a closed or broken output ────────────────────────────────────────────────────────────────────────────────────────


class Full(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def closed() -> IO[str]:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("make", [closed, Full], ids=["closed", "full"])
def test_an_output_that_takes_nothing_changes_nothing(make: Any) -> None:
    report = Report((), make(), metrics=True)
    assert report.log(ENVELOPE, [(outcome(Created), Told(1))]) is True
    assert report.log(ENVELOPE, [(outcome(Failed), Told(0))]) is False
    stream = io.StringIO()
    Report((), stream).log(ENVELOPE, [(outcome(), Told(1))])
    assert len(lines(stream)) == 1, "the next output is not harmed"


def test_closed_standard_output_does_not_change_the_outcome(world: World) -> None:
    world.stream.close()
    service = world.service(metrics=True)
    delivered = world.fire(service)
    assert isinstance(only(delivered), Created)
    assert delivered.answer.status == 200
    assert len(world.posts()) == 1


# ── who is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Heard:
    """A topic that remembers, or does not answer."""

    def __init__(self, *, down: bool = False) -> None:
        self.down, self.messages = down, list[Message]()

    def __call__(self, message: Message, deadline: Deadline) -> None:
        if self.down:
            raise NotTold("nobody there")
        self.messages.append(message)


def telling(stream: io.StringIO, *topics: tuple[Heard, set[str]]) -> Report:
    made = tuple(Topic(f"t{number}", frozenset(wants), send) for number, (send, wants) in enumerate(topics))
    return Report(made, stream)


@pytest.mark.parametrize("kind", ALL)
def test_a_topic_hears_what_it_wants_and_nothing_else(kind: type[Outcome]) -> None:
    stream, all_ears, deaf = io.StringIO(), Heard(), Heard()
    report = telling(stream, (all_ears, {kind.word}), (deaf, {each.word for each in ALL} - {kind.word}))
    told = through(report, ENVELOPE, [outcome(kind)], Deadline.after(Clock(), 3))
    assert [message.outcome for message in all_ears.messages] == [kind.word]
    assert deaf.messages == []
    assert told is True
    assert lines(stream)[0]["told"] == 1


@pytest.mark.parametrize(
    ("down", "told"), [((), False), ((True,), False), ((False,), True), ((True, False), True), ((True, True), False)]
)
def test_a_failure_is_told_when_one_topic_took_it(down: tuple[bool, ...], told: bool) -> None:
    stream = io.StringIO()
    report = telling(stream, *((Heard(down=each), {"failed"}) for each in down))
    assert through(report, ENVELOPE, [outcome(Failed)], Deadline.after(Clock(), 3)) is told
    (line,) = lines(stream)
    assert len(line.get("not_told", [])) == sum(down)
    assert line["told"] == len(down) - sum(down)


def test_what_succeeded_need_not_be_told() -> None:
    report = telling(io.StringIO(), (Heard(down=True), {"created"}))
    assert through(report, ENVELOPE, [outcome(Created)], Deadline.after(Clock(), 3)) is True


def test_refusals_of_a_kind_are_told_once_an_hour_and_logged_every_time() -> None:
    stream, ears, clock = io.StringIO(), Heard(), Clock()
    report = telling(stream, (ears, {"refused", "failed"}))

    def tell(*outcomes: Outcome) -> None:
        through(report, ENVELOPE, outcomes, Deadline.after(clock, 3))

    for _ in range(500):
        tell(replace(outcome(Refused), reason="bad_proof", sender=""))
    assert len(ears.messages) == 1
    assert "more like it" not in ears.messages[0].text
    tell(replace(outcome(Refused), reason="vault_not_listed", sender="am"))  # another kind is news
    tell(outcome(Failed), outcome(Failed))  # and failures are never kept back
    assert len(ears.messages) == 4
    clock.forward(REFUSED_SECONDS - 1)
    tell(replace(outcome(Refused), reason="bad_proof", sender=""))
    assert len(ears.messages) == 4
    clock.forward(1)
    tell(replace(outcome(Refused), reason="bad_proof", sender=""))
    assert "500 more like it" in ears.messages[4].text
    refusals = [line for line in lines(stream) if "refused" in line["message"]]
    assert len(refusals) == 503
    assert all("more like it" not in json.dumps(line) for line in refusals)


FIRST_LINES = """
import io, threading
from handlers.envelope import Envelope
from handlers.outcome import Skipped
from handlers.report import Report, Told
reports = [Report((), io.StringIO()) for _ in range(8)]
together = threading.Barrier(len(reports))
def log(report):
    together.wait()
    report.log(Envelope("alert", "web", "delivery-1", None, 25.0), [(Skipped(reason="no_rule", message="none"), Told(0))])
threads = [threading.Thread(target=log, args=(each,)) for each in reports]
for each in threads: each.start()
for each in threads: each.join()
print([len(each.stream.getvalue().splitlines()) for each in reports])
"""


def test_the_first_lines_of_threads_that_begin_at_once_are_all_written() -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", FIRST_LINES], capture_output=True, text=True, check=True)
        assert done.stdout == f"{[1] * 8}\n"


def test_of_many_outcomes_the_line_names_the_bad_ones_first() -> None:
    stream = io.StringIO()
    settled: list[tuple[Outcome, Told]] = [
        (Created(reason="accepted", message="made", vault=f"v{number}"), Told(1)) for number in range(40)
    ]
    settled.append((Failed(reason="rejected", message="no", vault="bad"), Told(1)))
    Report((), stream).log(Envelope("timer", "lambda", "delivery-1", {}, 60.0), settled)
    (line,) = [json.loads(each) for each in stream.getvalue().splitlines()]
    assert [point["vault"] for point in line["restore_points"][:3]] == ["bad", "v0", "v1"]
    assert line["unnamed"] == 21
