"""``python -m tests.bench.ledgers``: what each verb costs on each ledger, in microseconds and as a ratio to memory, in turns.

redis-server runs without AOF and with ``appendfsync always``. DynamoDB is the emulator, and most of the time is its own: it says
what signing, HTTP and decoding cost at most, not what AWS takes. A back end that is not there is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.ledger import Ledger, Record
from tests.ledger.servers import Emulator, Place, Redis, open_at

BODY = json.dumps({"wish": "x" * 1200})
"""About as long as a wish's."""
STANDING = 100
"""Records that stand in each ledger, ten of them due."""
VERBS = ("put", "get", "swap", "due", "since", "put+swap+swap")


@contextmanager
def ledgers(folder: Path) -> Iterator[dict[str, Ledger]]:
    with ExitStack() as stack:

        def at(make: Callable[[], Redis | Emulator]) -> Place:
            process = make()
            stack.callback(process.stop)
            process.start()
            return process.place()

        places: dict[str, Callable[[], Place]] = {
            "memory": lambda: {"RESTORE_POINT_LEDGER": "memory"},
            "sqlite": lambda: {"RESTORE_POINT_LEDGER": f"sqlite:{folder / 'ledger.db'}"},
            "valkey": lambda: at(lambda: Redis("appendonly no")),
            "valkey, fsync": lambda: at(Redis),
            "dynamodb": lambda: at(Emulator),
        }
        opened = {}
        for name, place in places.items():
            try:
                opened[name] = open_at(place(), time.time)
            except pytest.skip.Exception as reason:
                print(f"{name}: left out, {reason}")
            else:
                stack.callback(opened[name].close)
        yield opened


def wish(key: str, due: float | None = None) -> Record:
    now = time.time()
    return Record("wish", key, now, due, BODY, now + 3600)


def timed(ledger: Ledger, number: int) -> dict[str, float]:
    """Microseconds of each verb, once."""
    found, record = {}, wish(f"{number}")
    began = time.perf_counter()
    ledger.put_if_absent(record)
    found["put"] = time.perf_counter()
    ledger.swap(replace(record, version=1))
    found["swap"] = time.perf_counter()
    ledger.swap(replace(record, version=2))
    found["put+swap+swap"] = time.perf_counter()
    ledger.get("wish", record.key)
    found["get"] = time.perf_counter()
    ledger.due(record.at, 10)
    found["due"] = time.perf_counter()
    ledger.since("standing", 0.0)
    found["since"] = time.perf_counter()
    whole = found["put+swap+swap"] - began
    spans: dict[str, float] = {}
    for verb, ended in found.items():
        spans[verb], began = (ended - began) * 1e6, ended
    return spans | {"put+swap+swap": whole * 1e6}


def measured(rounds: int) -> dict[str, dict[str, float]]:
    """Medians by ledger and verb."""
    with tempfile.TemporaryDirectory() as folder, ledgers(Path(folder)) as opened:
        for ledger in opened.values():
            for number in range(STANDING):
                standing = wish(f"standing {number}", time.time() - 60 if number % 10 == 0 else None)
                ledger.put_if_absent(replace(standing, kind="standing"))
        spans: dict[str, dict[str, list[float]]] = {name: {verb: [] for verb in VERBS} for name in opened}
        for number in range(-10, rounds):
            for name, ledger in opened.items():
                for verb, span in timed(ledger, number).items():
                    if number >= 0:  # the first ones connect, load scripts and warm caches
                        spans[name][verb].append(span)
    return {name: {verb: statistics.median(each) for verb, each in verbs.items()} for name, verbs in spans.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="of each verb on each ledger (default: 300)")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    arguments = parser.parse_args()
    figures = measured(arguments.rounds)
    print(f"{'µs (ratio to memory)':22}" + "".join(f"{name:>20}" for name in figures))
    for verb in VERBS:
        cells = (f"{each[verb]:.0f} ({each[verb] / figures['memory'][verb]:.0f}x)" for each in figures.values())
        print(f"{verb:22}" + "".join(f"{cell:>20}" for cell in cells))
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
