"""One measured process: bare httpx or the real entry function. Prints what it measured itself as its last line."""

import os
import sys
import time


class Context:
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def event(at: float) -> dict[str, object]:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return {
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": when,
        "resources": [os.environ["BENCH_SCHEDULE"]],
        "detail": {},
    }


def target() -> tuple[str, dict[str, str], bytes]:
    """Where the floor's requests go: the token is made before the clock starts, bare httpx signs nothing."""
    region = next(value for name, value in os.environ.items() if name.startswith("HUAWEICLOUD_SDK_REGION_CBR_"))
    project = os.environ["HUAWEICLOUD_SDK_PROJECT_ID"]
    body = b'{"checkpoint": {"vault_id": "%s"}}' % os.environ["BENCH_VAULT"].encode()
    return f"{region}/v3/{project}", {"Content-Type": "application/json"}, body


def signed(method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    from datetime import UTC, datetime

    from handlers.signing import sign

    keys = {"access_key": os.environ["HUAWEICLOUD_SDK_AK"], "secret_key": os.environ["HUAWEICLOUD_SDK_SK"]}
    return headers | sign(method, url, headers, body, now=datetime.now(UTC), **keys)


def cold_floor(_: str) -> None:
    import httpx

    url, headers, body = target()
    with httpx.Client(trust_env=False, verify=False) as client:
        client.post(f"{url}/checkpoints", content=body, headers=signed("POST", f"{url}/checkpoints", headers, body))
    print("done")


def cold(nanoseconds: str) -> None:
    from handlers.aws_lambda import timer

    timer(event(int(nanoseconds) / 1e9 - (int(nanoseconds) // 1000) % 20_000_000), Context())  # a scheduled time of its own
    print("done")


def warm_floor(events: str) -> None:
    import json

    import httpx

    url, headers, body = target()
    pair, get = [], []
    with httpx.Client(trust_env=False, verify=False) as client:
        for _ in range(int(events)):
            look = f"{url}/backups?vault_id={os.environ['BENCH_VAULT']}&sort=created_at%3Adesc&limit=100&offset=0"
            first, second = signed("GET", look, {}, b""), signed("POST", f"{url}/checkpoints", headers, body)
            started = time.perf_counter()
            client.get(look, headers=first)
            middle = time.perf_counter()
            client.post(f"{url}/checkpoints", content=body, headers=second)
            pair.append(time.perf_counter() - started)
            get.append(middle - started)
    print(json.dumps({"pair": sorted(pair)[len(pair) // 2] * 1000, "get": sorted(get)[len(get) // 2] * 1000}))


def warm(events: str) -> None:
    import json

    from handlers.aws_lambda import timer

    found: dict[str, list[float]] = {"created": [], "joined": []}
    base = time.time() - 300 * 86400
    for number in range(int(events)):
        for expected in ("created", "joined"):
            document = event(base + number * 60)
            started = time.perf_counter()
            answer = timer(document, Context())
            found[expected].append(time.perf_counter() - started)
            if answer["outcomes"][0]["outcome"] != expected:
                raise SystemExit(f"expected {expected}: {answer}")
    print(json.dumps({word: sorted(times)[len(times) // 2] * 1000 for word, times in found.items()}))


{"cold": cold, "cold_floor": cold_floor, "warm": warm, "warm_floor": warm_floor}[sys.argv[1]](sys.argv[2])
