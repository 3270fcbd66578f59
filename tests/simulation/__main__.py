"""``python -m tests.simulation [SEEDS] [FIRST]``: so many stories (10,000) on all cores, what they reached, how long it took.

Fails at the first breach, with the shortest story that shows it; and where some fault never struck or some line of the protocol
was never reached: then the stories have not tried what they claim to try.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.hunt import Told, tell
from tests.simulation.ports import FAULTS
from tests.simulation.reach import Line, executable, reached, source

PORTION = 100


def portion(seeds: range) -> tuple[Told, Counter[Line]]:
    """What one process tells."""
    with reached() as lines:
        told = tell(seeds)
    return told, lines


def main(seeds: int = 10_000, first: int = 0) -> int:
    """Exit code 0 when all of it holds and all of it was tried."""
    began, whole, lines = time.monotonic(), Told(), Counter[Line]()
    portions = [range(start, min(start + PORTION, first + seeds)) for start in range(first, first + seeds, PORTION)]
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for told, reached_there in workers.map(portion, portions):
            whole.add(told)
            lines.update(reached_there)
            if told.breach:
                print(told.breach)
                workers.shutdown(cancel_futures=True)
                return 1
    _show("faults", whole.struck)
    _show("outcomes", whole.outcomes)
    _show("lines of the protocol", Counter({source(line): lines[line] for line in sorted(executable())}))
    missed = [f"fault {fault}" for fault in FAULTS if not whole.struck[fault]]
    missed += [f"line {source(line)}" for line in sorted(executable() - set(lines))]
    print(
        f"{whole.seeds:,} stories, {whole.choices:,} choices ({whole.fewest} in the shortest), {whole.deliveries:,} runs, "
        f"{whole.restore_points:,} restore points, no breach; {time.monotonic() - began:.0f} s"
    )
    for each in missed:
        print(f"never tried: {each}")
    return 1 if missed else 0


def _show(title: str, counted: Counter[str]) -> None:
    print(f"{title}:")
    for name, count in counted.most_common():
        print(f"{count:11,}  {name}")


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
