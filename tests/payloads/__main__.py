"""Counts what the real documents are read as, and says where that is not what the table says: ``python -m tests.payloads``."""

from __future__ import annotations

import sys
from collections import Counter

from tests.payloads.test_payloads import EVENTS, FOLDER, came_to


def main() -> int:
    if not FOLDER:
        print("RESTORE_POINT_PAYLOADS is not set")
        return 2
    other = [row for row in EVENTS if came_to(row) != row["arrivals"]]
    for row in other:
        print("not as the table says:", row["file"], row["platform"], row["door"], row["dialect"])
    arrivals = [arrival for row in EVENTS for arrival in row["arrivals"]]
    refused = Counter(each["refused"] for each in arrivals if "refused" in each)
    read = Counter(one.get("state", one["kind"]) for each in arrivals for one in each.get("triggers", ()))
    files = len({row["file"] for row in EVENTS})
    print(f"{files} real documents in {len(EVENTS)} arrivals, {len(other)} not as the table says, none raised")
    print("read as:", ", ".join(f"{count} {what}" for what, count in read.most_common()))
    print("refused:", ", ".join(f"{count} {why}" for why, count in refused.most_common()))
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
