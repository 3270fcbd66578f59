"""A cloud of as many vaults as a test has causes, the rules over them, and the events that name them.

Backups are over at once here, for CBR's refusal of a second one while the first is running would hide a second POST.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers.sandbox import Sandbox, estate
from handlers.sandbox.estate import Estate
from handlers.sandbox.vaults import Disk, Resource, Vault

INSTANT = 1_000_000.0
BEARERS = {"am": "example-token-of-am-opens-nothing", "mon": "example-token-of-mon-opens-nothing"}
HEAD = """\
[projects.cloud]
requests_per_second = 200
[topics.ops]
kind = "log"
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:BEARER_AM"
[senders.mon]
dialect = "simple"
proof = "bearer"
secret = "env:BEARER_MON"
[senders.local]
dialect = "alertmanager"
proof = "platform"
"""
ALERTS = """
[[rules]]
name = "of-{sender}"
sender = "{sender}"
vaults = {vaults}
by = ["alertname", "host"]
window = "1h"
"""
TIMER = """
[timers.{name}]
source = "{schedule}"
[[rules]]
name = "of-{name}"
timer = "{name}"
vaults = ["{name}"]
"""


class Moving:
    """The machine's time, and ahead of it by as much as a test says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def text(self) -> str:
        """For RESTORE_POINT_NOW."""
        return datetime.fromtimestamp(self(), UTC).isoformat()


def vault_id(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"vault {number}"))


def vault_name(number: int) -> str:
    return f"vault-{number:04}"


def schedule(number: int) -> str:
    return f"arn:aws:scheduler:eu-central-1:123456789012:schedule/default/{vault_name(number)}"


def _vault(number: int) -> Vault:
    disk_id, name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"disk {number}")), f"disk-{number:04}"
    resource = Resource(disk_id, name, "OS::Cinder::Volume", (Disk(disk_id, name, size_gb=10, used_gb=1),))
    founded = estate.VAULTS[0].created_at
    return Vault(vault_id(number), vault_name(number), "disk", 1000, (resource,), founded)


def cloud(vaults: int) -> Estate:
    """The default one, with these vaults of one disk each in the place of its own."""
    return replace(estate.DEFAULT, vaults=tuple(map(_vault, range(vaults))), unbound=())


def sandbox_of(vaults: int, clock: Moving, faults: Sequence[str] = ()) -> Sandbox:
    """One that behaves as badly as CBR may: what it accepted is in no list for up to two seconds, so looking is not enough."""
    return Sandbox(clock=clock, speed=INSTANT, estate=cloud(vaults), faults=faults)


def environ_of(sandbox: Sandbox, folder: Path, rules: str) -> dict[str, str]:
    """What a service needs, but for a ledger."""
    (folder / "rules.toml").write_text(rules, encoding="utf-8")
    secrets = {f"BEARER_{name.upper()}": value for name, value in BEARERS.items()}
    return sandbox.environment() | secrets | {"RESTORE_POINT_RULES": str(folder / "rules.toml")}


def rules_of(vaults: int, *, timers: int = 0, min_interval: str = "") -> str:
    """Every alert sender may have every vault backed up; the first ``timers`` vaults have a schedule each, besides."""
    more = f'min_interval = "{min_interval}"\n' if min_interval else ""
    tables = [f'[vaults.{vault_name(each)}]\nid = "{vault_id(each)}"\n{more}' for each in range(vaults)]
    names = [vault_name(each) for each in range(vaults)]
    alerts = [ALERTS.format(sender=sender, vaults=names) for sender in ("am", "mon", "local")]
    fired = [TIMER.format(name=vault_name(each), schedule=schedule(each)) for each in range(timers)]
    return "\n".join([HEAD, *tables, *alerts, *fired])


def labels_of(cause: int, vault: int) -> dict[str, str]:
    return {"alertname": "DiskFailing", "host": f"host-{cause:04}", "vault_id": vault_id(vault)}


def alertmanager(labels: dict[str, str], starts_at: str, number: int) -> dict[str, Any]:
    """The webhook of delivery ``number``: the labels say what it is about, the rest differs each time."""
    alert = {"status": "firing", "labels": labels, "annotations": {"summary": f"told {number}"}, "startsAt": starts_at}
    return {"version": "4", "status": "firing", "groupKey": f"{number}", "groupLabels": {}, "alerts": [alert]}


def simple(labels: dict[str, str], starts_at: str, number: int) -> dict[str, Any]:
    return {"status": "firing", "labels": labels, "id": f"{number}", "title": f"told {number}", "starts_at": starts_at}
