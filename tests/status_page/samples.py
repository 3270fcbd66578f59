"""Overviews as they may be: nothing, one vault, a few of every kind, five hundred, and one whose words are all hostile."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from handlers.overview import Expected, Left, OpenNotice, Overview, Point, PointState, Problem, VaultView, Waiting
from handlers.overview.growth import NO_END, Fill
from handlers.plan.planned import span

NOW = datetime(2026, 11, 27, 16, 40, tzinfo=UTC)
DAY = 86400.0
MAX_AGE = 26 * 3600.0
BUSY = Left(
    "erp-db",
    "BackupService.6302",
    "Resource does not exist. It does not exist any more: take it out of the vault and of the rule.",
)


def point(days: float, state: PointState = "good", *left: Left, asked: str = "timer nightly, rule nightly-erp") -> Point:
    at = NOW - timedelta(days=days)
    identity = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{days} {state}"))
    holds = () if state == "failed" else ("erp-app", "erp-db")[: 1 if left else 2]
    return Point(checkpoint_id=identity, name=f"rp-{days}", at=at, state=state, holds=holds, left_out=left, asked=asked)


def nights(*missing: int, since: float = 0.611) -> tuple[Point, ...]:
    return tuple(point(night + since) for night in range(7) if night not in missing)


def vault(name: str, *problems: Problem, **more: object) -> VaultView:
    fill = more.pop("fill", Fill(138 * 1024, 500, 340))
    points = more.get("points", nights())
    assert isinstance(points, tuple)
    good = next((each for each in points if each.state == "good"), None)
    about: dict[str, object] = {
        "vault_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "project": "default",
        "rules": ("nightly-erp",),
        "max_age": MAX_AGE,
        "age": (NOW - good.at).total_seconds() if good else None,
        "points": points,
        "resources": 2,
        "timers": (NIGHTLY,),
    }
    return VaultView(name=name, problems=problems, fill=fill, **(about | more))  # type: ignore[arg-type]


NIGHTLY = Expected(
    name="nightly", last=NOW - timedelta(days=0.62), came=True, next=NOW - timedelta(days=0.62) + timedelta(hours=24)
)
HOURLY = Expected(
    name="hourly", last=NOW - timedelta(hours=5), came=True, next=NOW - timedelta(hours=4), missed=True
)  # fmt: skip


def overview(*vaults: VaultView, **more: object) -> Overview:
    about: dict[str, object] = {"at": NOW, "timers": (NIGHTLY,), "ledger": "dynamodb:restore-points"}
    return Overview(vaults=vaults, **(about | more))  # type: ignore[arg-type]


def nothing() -> Overview:
    return overview(timers=())


def one() -> Overview:
    return overview(vault("erp"))


def overdue() -> VaultView:
    why = (
        f"Vault billing has no good restore point younger than {span(MAX_AGE)} (max_age) of any of its resources: billing-db "
        "(its last is of 20261124T020000Z). Take one now: restore-point take billing."
    )
    old = (point(0.61, "failed"), point(1.61, "failed"), *nights(0, 1))
    return vault("billing", Problem("overdue", why), Problem("failed", "The newest restore point failed."), points=old)


def few() -> Overview:
    waiting = Waiting(
        word="later",
        reason="busy",
        asked="alert am, rule disk-failing",
        says="CBR could not take it yet (busy), tried again at 2026-11-27 16:41 UTC; given up 2026-11-27 21:40 UTC",
        since=NOW - timedelta(minutes=20),
        due=NOW + timedelta(minutes=1),
        gives_up=NOW + timedelta(hours=5),
    )
    why = f"The newest restore point of vault files, 2026-11-27 02:00 UTC, is without: erp-db: {BUSY.why}"
    missed = "Timer hourly did not come: it came last for 2026-11-27 11:40 UTC. See whether its schedule is enabled."
    filling = Fill(880 * 1024, 1000, 500)
    vaults = (
        overdue(),
        vault("mail", Problem("missed", missed), timers=(HOURLY, NIGHTLY), points=tuple(point(0.2 + n / 12) for n in range(80))),
        vault("files", Problem("partly", why), points=(point(0.611, "partial", BUSY), *nights(0)), max_age=2 * DAY),
        vault("archive", Problem("filling", filling.sentence), fill=filling),
        vault("erp", points=(point(0.01, "running"), *nights()), waiting=(waiting,)),
        vault("lab", max_age=None, timers=(), notes=("No max_age in the rules: nobody is told.",)),
    )
    told = OpenNotice(word="broken", vault="billing", message="Restore point 1 ended in error.", told=NOW, heard=False)
    return overview(*vaults, timers=(HOURLY, NIGHTLY), notices=(told,), notes=(f"Rule nightly-erp: {NO_END}",))


def many(count: int = 500) -> Overview:
    wrong = [overdue(), *few().vaults[1:3]]
    return overview(*wrong, *(vault(f"customer-{number:03}-database-servers") for number in range(count - len(wrong))))


HOSTILE = '<script>fetch("https://evil.example/")</script><img src=//evil.example/x onerror=alert(1)>"\'&\u202e\x1b[31m'


def hostile() -> Overview:
    left = Left(HOSTILE, HOSTILE, HOSTILE)
    bad = vault(
        HOSTILE,
        Problem("overdue", HOSTILE),
        points=(point(0.5, "partial", left, asked=HOSTILE),),
        notes=(HOSTILE,),
        project=HOSTILE,
        vault_id=HOSTILE,
        timers=(Expected(name=HOSTILE, last=NOW, came=True, next=NOW + timedelta(hours=3)),),
        waiting=(Waiting(word="later", reason=HOSTILE, asked=HOSTILE, says=HOSTILE, since=NOW, due=NOW, gives_up=NOW),),
    )
    told = OpenNotice(word=HOSTILE, vault=HOSTILE, message=HOSTILE, told=NOW, heard=True)
    return overview(bad, notices=(told,), unknown=(HOSTILE,), notes=(HOSTILE,), ledger=HOSTILE)
