"""Every logger at DEBUG, as somebody who looks for a fault sets it."""

from __future__ import annotations

import logging
import sys


def loud() -> None:
    """Everything that logs says all it knows, on standard error."""
    logging.basicConfig(level=logging.DEBUG, format="%(name)s %(levelname)s %(message)s", stream=sys.stderr)
    for name in ("httpx", "httpcore", "asyncio", "valkey"):
        logging.getLogger(name).setLevel(logging.DEBUG)
