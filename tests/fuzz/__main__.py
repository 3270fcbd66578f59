"""``python -m tests.fuzz [SECONDS] [SEED]``: hunts through every target by turns for so long (60), from that seed on (0).

Ends with 1 at the first fault, with the smallest input that shows it: give the same seed again to see it again.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter

from jwt.warnings import InsecureKeyLengthWarning

from tests.fuzz.corpus import corpus
from tests.fuzz.hunting import TARGETS, hunt

ROUND = 200
"""Inputs to a target before the next has its turn."""


def main(seconds: float, start: int) -> int:
    """Exit code 0 when nothing was found."""
    began, done, number = time.monotonic(), Counter[str](), start
    print(f"{len(corpus())} documents to begin with")
    while time.monotonic() - began < seconds:
        for name in TARGETS:
            try:
                hunt(name, ROUND, number)
            except Exception:
                print(f"{name}, seed {number}:")
                raise
            done[name] += ROUND
        number += 1
    print(f"nothing found in {sum(done.values())} inputs, {time.monotonic() - began:.0f} s, seeds {start} to {number - 1}")
    return 0


if __name__ == "__main__":
    words = sys.argv[1:3]
    warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)  # of keys whose bytes were changed
    sys.exit(main(float(words[0]) if words else 60.0, int(words[1]) if len(words) > 1 else 0))
