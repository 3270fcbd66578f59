"""``python -m tests.simulation [SEEDS] [FIRST]``: that many stories (10,000) on all cores, what they reached, and how long it took."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.hunt import Told, tell

PORTION = 100


def main(seeds: int = 10_000, first: int = 0) -> int:
    began, whole = time.monotonic(), Told()
    portions = [range(start, min(start + PORTION, first + seeds)) for start in range(first, first + seeds, PORTION)]
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for told in workers.map(tell, portions):
            for name in ("seeds", "choices", "deliveries", "restore_points"):
                setattr(whole, name, getattr(whole, name) + getattr(told, name))
            whole.fewest = min(whole.fewest, told.fewest)
            whole.struck.update(told.struck)
            whole.outcomes.update(told.outcomes)
            if told.breach:
                print(told.breach)
                workers.shutdown(cancel_futures=True)
                return 1
    for title, counted in (("faults", whole.struck), ("outcomes", whole.outcomes)):
        print(f"{title}:")
        for name, count in counted.most_common():
            print(f"{count:9,}  {name}")
    print(
        f"{whole.seeds:,} stories, {whole.choices:,} choices ({whole.fewest} in the shortest), {whole.deliveries:,} runs, "
        f"{whole.restore_points:,} restore points, no breach; {time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
