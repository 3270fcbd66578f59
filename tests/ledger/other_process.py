"""Processes that the ledger's tests start, each on the ledger of its environment: ``python other_process.py VERB …``."""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from handlers.clock import SystemClock
from handlers.envelope import Envelope
from handlers.errors import LedgerDown
from handlers.ledger import Ledger, Record, open_ledger
from handlers.service import Service
from handlers.settings import load
from handlers.settings.ledger import find_ledger

Given = TypeVar("Given")
DEGRADED = "degraded"


def wish(number: int, body: str = '{"state":"wanted"}') -> Record:
    at = time.time()
    return Record("wish", f"cause-{number:04}", at, at, body, at + 3600)


def goes_to(ledger: Ledger, key: str, owner: str) -> bool:
    """Whether the wish is this owner's, after going for it. Asked again after a LedgerDown it finds its own claim."""
    standing, mine = ledger.get("wish", key), json.dumps({"owner": owner})
    if standing and "wanted" in standing.body and ledger.swap(replace(standing, body=mine)):
        return True
    return standing is not None and standing.body == mine


def insist(work: Callable[[], Given]) -> Given:
    """On a machine that is busy with other things a store may be too slow for once."""
    ends = time.monotonic() + 30
    while True:
        try:
            return work()
        except LedgerDown:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


def claim(ledger: Ledger, owner: str, wishes: str) -> None:
    """Goes for every wish like any delivery does, in its own order, and prints the ones it won."""
    print("ready", flush=True)
    sys.stdin.readline()
    won = []
    numbers = list(range(int(wishes)))
    if int(owner) % 2:
        numbers.reverse()
    for number in numbers:
        insist(lambda number=number: ledger.put_if_absent(wish(number)))  # type: ignore[misc]
        if insist(lambda number=number: goes_to(ledger, f"cause-{number:04}", owner)):  # type: ignore[misc]
            won.append(f"cause-{number:04}")
    print(json.dumps(won))


def write(ledger: Ledger, first: str) -> None:
    """Writes until killed, and says which record has been promised to be there."""
    number = int(first)
    while True:
        ledger.put_if_absent(wish(number))
        ledger.swap(replace(wish(number, "claimed" * 500), version=1))
        print(number, flush=True)
        number += 1


def fill(ledger: Ledger, limit: str) -> None:
    """A disk that takes no more (here: files of at most ``limit`` bytes), then one that does again."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    stored = 0
    try:
        while True:
            ledger.put_if_absent(wish(stored, "x" * 20_000))
            stored += 1
    except LedgerDown as down:
        print(json.dumps({"stored": stored, "said": str(down)}))
    try:
        ledger.get("wish", "cause-0000")
    except LedgerDown as down:
        print(json.dumps({"said": str(down)}))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ledger.put_if_absent(wish(9999, "room again"))
    readable = [number for number in range(stored) if ledger.get("wish", f"cause-{number:04}")]
    print(json.dumps({"readable": len(readable), "again": ledger.get("wish", "cause-9999") is not None}))


def deliver(ledger: Ledger, events: str, owner: str, seconds: str) -> None:
    """Every event of a file of ``[door, document]``, through a service over the rules of its environment.

    Prints how many ended how, and DEGRADED at once for each that did without the ledger. Its deliveries are named after the owner
    and take at most so many seconds each. Owners keep to one order but for the tens, which each of them shuffles: so they are not
    far from one another, and meet all the time.
    """
    wanted, chance = json.loads(Path(events).read_text(encoding="utf-8")), random.Random(owner)
    for first in range(0, len(wanted), 10):
        ten = wanted[first : first + 10]
        wanted[first : first + 10] = chance.sample(ten, len(ten))
    ended: Counter[str] = Counter()
    with (
        Path(os.devnull).open("w", encoding="utf-8") as no_log,
        closing(Service(load(), stream=no_log, ledger=ledger)) as service,
    ):
        print("ready", flush=True)
        sys.stdin.readline()
        for number, (door, document) in enumerate(wanted):
            found = service.handle(Envelope(door, "lambda", f"{owner}-{number}", document, float(seconds)))
            ended.update(f"{each.word} {each.reason}" for each in found.outcomes)
            if any(each.degraded for each in found.outcomes):
                print(DEGRADED, flush=True)
    print(json.dumps(ended))


VERBS: dict[str, Callable[..., None]] = {"claim": claim, "write": write, "fill": fill, "deliver": deliver}

if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    where, access = find_ledger(os.environ)
    opened = open_ledger(where, time.time, SystemClock(), access)
    VERBS[verb](opened, *arguments)
    opened.close()
