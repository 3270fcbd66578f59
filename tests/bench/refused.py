"""``python -m tests.bench.refused``: what a request of the largest size costs that is refused.

A megabyte of each kind (no proof, no JSON, alerts that cannot be read, many scalars, a wrong signature, base64) through the
real entry functions, twenty times: own CPU time of each, and by how much the process's peak of memory grew. The rules are at most
50 ms and 64 MB. The floor is ``json.loads`` of the same body in the same process; a body that is never parsed has none.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handlers.envelope import BODY_CAP
from handlers.sandbox import Sandbox

TIMES = 20
MOST_MS, MOST_MB = 50.0, 64.0
TOKEN = "token-of-the-bench-0123456789abcdef"
RULES = """
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:BENCH_TOKEN"
[senders.signed]
dialect = "simple"
proof = "hmac"
scheme = "github"
secret = "env:BENCH_TOKEN"
"""


class Context:
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def padded(start: bytes, each: bytes, end: bytes) -> bytes:
    return start + each * ((BODY_CAP - len(start) - len(end)) // len(each)) + end


BODIES = {
    "no proof": ("am", "wrong", b"x" * BODY_CAP),
    "no JSON": ("am", TOKEN, b"x" * BODY_CAP),
    "one long text": ("am", TOKEN, padded(b'{"alerts": "', b"x", b'"}')),
    "numbers, no alerts": ("am", TOKEN, padded(b'{"alerts": [', b"0,", b"0]}")),
    "empty alerts": ("am", TOKEN, padded(b'{"alerts": [', b"{},", b"{}]}")),
    "keys": ("am", TOKEN, b"{" + b",".join(b'"k%d":0' % each for each in range(80_000)) + b"}"),
    "objects, as many as may be": ("am", TOKEN, b'{"alerts": [' + b"{}," * 99_000 + b"{}]}"),
    "long numbers": ("am", TOKEN, padded(b'{"alerts": [', b"1234567890123456,", b"0]}")),
    "numbers and an escaped sign": ("am", TOKEN, padded(b'{"a": "\\ud83d\\ude00", "alerts": [', b"0,", b"0]}")),
    "escaped signs": ("am", TOKEN, padded(b'{"alerts": "', b"\\ud83d\\ude00", b'"}')),
    "unreadable alerts": ("am", TOKEN, padded(b'{"alerts": [', b'{"status": "firing", "labels": 7, "startsAt": 1},', b"0]}")),
    "brackets": ("am", TOKEN, b"[" * BODY_CAP),
    "a wrong signature": ("signed", "", padded(b'{"status": "', b"x", b'"}')),
}


def event(sender: str, token: str, body: bytes, *, coded: bool) -> dict[str, Any]:
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {token}",
        "x-hub-signature-256": "sha256=" + "0" * 64,
    }
    request = {"requestContext": {"http": {"method": "POST"}}, "rawPath": f"/alert/{sender}", "headers": headers}
    text = base64.b64encode(body).decode() if coded else body.decode()
    return {"version": "2.0", **request, "body": text, "isBase64Encoded": coded}


def measured(act: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of CPU (the median), and MB by which the peak grew."""
    before, took = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
    for _ in range(TIMES):
        began = time.process_time()
        act()
        took.append((time.process_time() - began) * 1000)
    return statistics.median(took), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def floor(body: bytes) -> float:
    began = time.process_time()
    with contextlib.suppress(ValueError, RecursionError):
        json.loads(body)
    return (time.process_time() - began) * 1000


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, Sandbox(well_behaved=True) as sandbox:
        rules = Path(folder) / "rules.toml"
        rules.write_text(RULES, encoding="utf-8")
        own = {"BENCH_TOKEN": TOKEN, "RESTORE_POINT_RULES": str(rules), "RESTORE_POINT_LEDGER": "memory"}
        os.environ |= sandbox.environment() | own
        from handlers import aws_lambda

        with contextlib.redirect_stdout(io.StringIO()):
            aws_lambda.alert(event("am", TOKEN, b"{}", coded=False), Context())  # what is built once is not a request's
        worst = True
        print(f"{'refused at the cap':32} {'floor':>9} {'CPU':>9} {'memory':>9}")
        for name, (sender, token, body) in BODIES.items():
            for coded in (False, True):
                given = event(sender, token, body, coded=coded)

                def act(given: dict[str, Any] = given) -> None:
                    with contextlib.redirect_stdout(io.StringIO()):
                        answer = aws_lambda.alert(given, Context())
                    assert 400 <= answer["statusCode"] < 500, answer

                took, grew = measured(act)
                worst = worst and took <= MOST_MS and grew <= MOST_MB
                kind = f"{name}{', base64' if coded else ''}"
                print(f"{kind:32} {floor(body):>7.1f}ms {took:>7.1f}ms {grew:>7.1f}MB")
        assert not sandbox.exchanges
    print("within 50 ms and 64 MB" if worst else "BEYOND 50 ms or 64 MB")
    return 0 if worst else 1


if __name__ == "__main__":
    sys.exit(main())
