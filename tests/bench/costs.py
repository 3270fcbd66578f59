"""``python -m tests.bench.costs FIGURES.json``: what a million events cost, and what ends first of a large fleet or storm.

Computed from what ``python -m tests.bench --out FIGURES.json`` measured, and from the counts that the gate holds. What
is assumed stands below and is printed, too: prices of one cloud, an answer time of CBR, sizes. Other numbers: change them here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.gate.counting import table

MILLION = 1_000_000
PRICES = {
    "Lambda, arm64, a GB-second": 0.0000133334,
    "Lambda, a million requests": 0.20,
    "DynamoDB on demand, a million writes": 0.625,
    "DynamoDB on demand, a million consistent reads": 0.125,
    "SQS, a million requests": 0.40,
    "CloudWatch Logs, a GB": 0.50,
    "a core for an hour, on a cluster": 0.04,
}
"""US dollars, as AWS lists them for us-east-1, without the free tier; the last one is a guess at anybody's cluster."""
MEMORY_GB = 0.5
"""What template.yaml gives the functions."""
ANSWER_SECONDS = 0.05
"""Of CBR, each time it is asked."""
LEDGER_SECONDS = 0.005
"""Of DynamoDB, each time."""
LINE_BYTES = 1_500
"""A delivery's line with its metrics."""
PARTITION_WRITES = 1_000
"""A second, of one DynamoDB partition, and so of one cause's record (developer guide, "Best practices for partition keys")."""
FLEET, STORM = 100_000, 100_000
RATES = (1.6, 5.0, 200.0)
"""requests_per_second: under 100 a minute and user as was seen, the default, and the gateway's own limit of a whole API."""


@dataclass(frozen=True)
class Event:
    """One kind. ``own`` is seconds of CPU, ``waits`` those for others; round trips as the gate counts them."""

    name: str
    own: float
    requests: int
    reads: int
    writes: int

    @property
    def seconds(self) -> float:
        return self.own + self.requests * ANSWER_SECONDS + (self.reads + self.writes) * LEDGER_SECONDS

    @property
    def on_lambda(self) -> float:
        """Dollars a million."""
        running = self.seconds * MEMORY_GB * PRICES["Lambda, arm64, a GB-second"] * MILLION
        ledger = self.reads * PRICES["DynamoDB on demand, a million consistent reads"]
        ledger += self.writes * PRICES["DynamoDB on demand, a million writes"]
        logs = LINE_BYTES * MILLION / 1e9 * PRICES["CloudWatch Logs, a GB"]
        return PRICES["Lambda, a million requests"] + running + ledger + logs

    @property
    def on_a_cluster(self) -> float:
        """Dollars a million, of own CPU alone."""
        return self.own * MILLION / 3600 * PRICES["a core for an hour, on a cluster"]


def events(measured: Mapping[str, float]) -> list[Event]:
    """Created, joined and refused; the timer's messages are left out, for topics have prices of their own."""
    counts = table()
    names = {
        "created": "warm, memory: event → created, CPU",
        "joined": "warm, memory: event → joined, own CPU",
        "refused": "warm: refused event, log line and metrics, own CPU",
    }
    found = []
    for name, row in names.items():
        verbs, asked = counts[name]["ledger"], counts[name]["requests"]
        writes = verbs.get("put_if_absent", 0) + verbs.get("swap", 0)
        requests = sum(count for what, count in asked.items() if what != "POST notifications")
        found.append(Event(name, measured[row] / 1e6, requests, verbs.get("get", 0), writes))
    return found


def lines(measured: Mapping[str, float]) -> Iterator[str]:
    kinds = {each.name: each for each in events(measured)}
    cold = measured["cold, Lambda, byte code: init + first invocation"] / 1000
    storm = measured["storm: webhooks a second, all joining"]
    yield "| a million events | own CPU | runs for | on Lambda | of that Lambda, ledger, log | on a cluster, CPU alone |"
    yield "|---|---|---|---|---|---|"
    for each in kinds.values():
        logs = LINE_BYTES * MILLION / 1e9 * PRICES["CloudWatch Logs, a GB"]
        ledger = each.reads * PRICES["DynamoDB on demand, a million consistent reads"]
        ledger += each.writes * PRICES["DynamoDB on demand, a million writes"]
        parts = f"{each.on_lambda - logs - ledger:.2f}, {ledger:.2f}, {logs:.2f}"
        yield (
            f"| {each.name} | {each.own * MILLION:,.0f} s | {each.seconds * 1000:.0f} ms | ${each.on_lambda:.2f} | {parts} "
            f"| ${each.on_a_cluster:.2f} |"
        )
    started = cold * MEMORY_GB * PRICES["Lambda, arm64, a GB-second"] * MILLION
    yield f"| each of them a cold start beside | {cold * MILLION:,.0f} s | {cold * 1000:.0f} ms | ${started:.2f} more | | |"
    yield ""
    yield f"| {FLEET:,} vaults, a restore point each | takes | at a time | what ends first, and what helps |"
    yield "|---|---|---|---|"
    for rate in RATES:
        hours = FLEET * 2 / rate / 3600
        busy = rate / 2 * kinds["created"].seconds
        end = f"CBR's rate: {rate / 2:g} restore points a second. Several projects or users, each with a rate of its own"
        yield f"| {rate:g} requests a second | {hours:,.1f} h | {busy:.1f} runs | {end} |"
    yield ""
    second = STORM / 60
    joined = kinds["joined"]
    yield f"| {STORM:,} alerts a minute, {second:,.0f} a second | needs | what ends first, and what helps |"
    yield "|---|---|---|"
    yield f"| Lambda | {second * joined.seconds:.0f} instances at a time | {_hot(second, joined)} |"
    servers = f"{second / storm:.1f} servers of {storm:,.0f} a second"
    yield f"| Knative or a container, sqlite | {servers} | the server's CPU: more of them, with DynamoDB or Valkey |"


def _hot(second: float, joined: Event) -> str:
    """Alerts of one cause all write the same record."""
    writes = second * joined.writes
    if writes <= PARTITION_WRITES:
        return f"nothing: {writes:,.0f} writes a second"
    end = (
        f"the ledger, if all are one cause: {writes:,.0f} writes a second of one record, of which {PARTITION_WRITES:,} are let in"
    )
    return f"{end}; what is kept out is tried again. Group alerts at the sender: a thousand in one delivery are one write"


def main(file: str) -> None:
    document = json.loads(Path(file).read_text(encoding="utf-8"))
    for line in lines({each["what"]: each["ours"] for each in document["rows"]}):
        print(line)
    print("\nAssumed: " + "; ".join(f"{what} ${price:g}" for what, price in PRICES.items()), end="; ")
    answers = f"CBR answers in {ANSWER_SECONDS * 1000:g} ms, DynamoDB in {LEDGER_SECONDS * 1000:g}"
    print(f"{MEMORY_GB:g} GB; {answers}; {LINE_BYTES} bytes a line")


if __name__ == "__main__":
    main(sys.argv[1])
