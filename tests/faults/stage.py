"""Where one row of the fault tables is played: a cloud, a ledger, deliveries, then a watch that sweeps until nothing is due.

A fault is a function of a Stage. It sets the fault up and delivers; what the deliveries ended as is noted here, what CBR and the
topic got is read from the sandbox's own record.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from handlers.envelope import Door as DoorName
from handlers.envelope import Envelope
from handlers.errors import Misconfigured
from handlers.ledger import Closed
from handlers.outcome import Outcome
from handlers.sandbox import estate
from handlers.service import Delivered, Service
from handlers.vault_backup import CheckpointParam, VaultBackup
from handlers.wire import Deadline
from tests.faults.clocks import Running
from tests.scripted import START, TOPIC, Door, World, world_in

OURS = re.compile(r"-[0-9a-f]{16}$")
"""How the names end that this product gives: by the cause. Everybody else's here do not."""
POST = "method=POST,path=checkpoints"
"""The part of a sandbox fault that makes it strike attempts to create."""
SIDE_WORDS = ("warning", "healed", "overdue", "missed", "duplicate")
"""What is told beside the ends of a restore point: compared where a row says what is told."""
SWEEPS = 900

ALERTS = """\
[vaults.files]
id = "{files}"
{vault}
[senders.am]
dialect = "alertmanager"
proof = "platform"
{sender}
{topics}
[[rules]]
name = "disks"
sender = "am"
vaults = ["files"]
by = ["alertname", "host"]
{more}
"""


class Stage:
    """``ends``, ``after``, ``told`` … stand in the row's own words. The way leads past the door once it is asked for."""

    def __init__(self, world: World) -> None:
        self.world, self.ends, self.after = world, list[str](), list[str]()
        self.outcomes: list[Outcome] = []
        self.delivered: Delivered | None = None
        self.answer: int | None = None
        self.failures: int | None = None
        self.lasting = False
        """The fault goes on while the watch sweeps."""
        self.over = 0
        """Attempts to create, when the deliveries were over."""
        self.sweep_seconds = 60.0
        self.later: Callable[[], object] = lambda: None
        """Done between the deliveries and the watch."""
        self.closing: list[Callable[[], object]] = []
        """Done when the row is over."""
        self._opened: Service | None = None
        self._behind_door = self._password = False
        self._more: dict[str, str] = {}

    # ── what there is ──

    @property
    def door(self) -> Door:
        assert self._behind_door or self._opened is None, "the service was built already"
        self._behind_door = True
        return self.world.door

    def strike(self, *faults: str) -> None:
        """The sandbox misbehaves."""
        self.world.sandbox.faults.add(*faults)

    def with_password(self) -> None:
        self._password = True

    def environ(self, **more: str) -> dict[str, str]:
        self._more |= more
        made = self.world.password() if self._password else self.world.environ()
        if not self._behind_door:
            made = {name: value.replace(self.world.door.endpoint, self.world.sandbox.endpoint) for name, value in made.items()}
        return made | self._more

    def cbr_at(self, origin: str, **more: str) -> None:
        """CBR alone stands elsewhere; topics and IAM stay where they are."""
        self.service = self.world.service(self.environ() | {"HUAWEICLOUD_SDK_REGION_CBR_SANDBOX_1": origin} | more)

    @property
    def service(self) -> Service:
        if self._opened is None:
            self._opened = self.world.service(self.environ())
        return self._opened

    @service.setter
    def service(self, made: Service) -> None:
        self._opened = made

    def in_real_time(self) -> None:
        """Deadlines run by the machine's clock, for answers that come, but slowly."""
        self.service = Service(self.world.settings(self.environ()), Running(self.world.clock), stream=self.world.stream)
        self.closing.append(self.service.close)

    def renew(self) -> Service:
        """A cold start, by the shortest way: past no door."""
        self._behind_door, self._opened = False, None
        return self.service

    def lose_ledger(self) -> None:
        """The file is gone; what it held is known to CBR alone."""
        self.service.close()
        for file in self.world.folder.glob("ledger.sqlite3*"):
            file.unlink()
        self._opened = None

    def alert_rules(self, vault: str = "", more: str = 'window = "2h"', sender: str = "", topics: str = TOPIC) -> None:
        text = ALERTS.format(files=estate.FILES_VAULT_ID, vault=vault, more=more, sender=sender, topics=topics)
        (self.world.folder / "rules.toml").write_text(text, encoding="utf-8")

    def edit_rules(self, change: Callable[[str], str]) -> None:
        file = self.world.folder / "rules.toml"
        file.write_text(change(file.read_text("utf-8")), encoding="utf-8")

    def occupy(self, vault: str = estate.FILES_VAULT_ID, *resources: str) -> None:
        """Somebody else's backup begins."""
        parameters = CheckpointParam(name="policy-run", resources=resources) if resources else CheckpointParam(name="policy-run")
        asked = VaultBackup(vault_id=vault, parameters=parameters)
        there = self.world.environ()
        straight = {name: value.replace(self.world.door.endpoint, self.world.sandbox.endpoint) for name, value in there.items()}
        service = self.world.service(straight | {"RESTORE_POINT_LEDGER": "memory"})
        service.cbrs["default"].create(asked, Deadline.after(self.world.clock, 30))
        service.close()

    # ── deliveries ──

    def deliver(self, door: DoorName, document: Any, seconds: float = 60.0, platform: Any = "lambda") -> Outcome:
        """One delivery; its last outcome."""
        number = len(self.ends) + 1
        return self.note(self.service.handle(Envelope(door, platform, f"delivery-{number}", document, seconds)))

    def fire(self, at: datetime = START, seconds: float = 60.0) -> Outcome:
        return self.note(self.world.fire(self.service, at, seconds))

    def alert(self, *hosts: str, status: str = "firing", **group: Any) -> Outcome:
        """A group with an alert of each host."""
        alerts = [{"status": status, "labels": {"alertname": "DiskFailing", "host": host}} for host in hosts]
        return self.deliver("alert", {"alerts": alerts, **group})

    def note(self, delivered: Delivered) -> Outcome:
        self.delivered, self.answer = delivered, delivered.answer.status
        self.ends += said(delivered.outcomes)
        self.outcomes += delivered.outcomes
        return delivered.outcomes[-1]

    def note_documents(self, outcomes: Iterable[dict[str, Any]]) -> None:
        """What another process told of its outcomes."""
        self.ends += [f"{each['outcome']} {each['reason']}" for each in outcomes if each["outcome"] not in SIDE_WORDS]

    def starts(self) -> None:
        """A start that may be refused."""
        try:
            self.service  # noqa: B018 - building it is what is tried
        except Misconfigured:
            self.ends.append("misconfigured")

    # ── the watch, and what was recorded ──

    def settle(self) -> None:
        """Unless it is lasting the fault ends; then the watch sweeps until no wish is due any more."""
        self.over = len(self.posts())
        self.later()
        if not self.lasting:
            self.check_struck()
            self.world.door.calm()
            self.world.sandbox.faults.clear()
        if (self.answer, self.ends) == (None, ["misconfigured"]):
            return
        with contextlib.suppress(NothingKept):
            for _ in range(SWEEPS):
                due = self._due()
                if not due:
                    return
                self.world.clock.forward(max(1.0, min(due) - self.world.clock() + 1.0))
                swept = self.world.sweep(self.service, self.sweep_seconds)
                self.after += [each for each in said(swept.outcomes) if not each.startswith("later ")]
            raise AssertionError(f"still due after {SWEEPS} sweeps: {self.after[-5:]}")

    def check_struck(self) -> None:
        """A fault that never struck proves nothing."""
        missed = [each for each in self.world.sandbox.faults.rows() if not each["struck"]]
        assert (missed, self.world.door.unmet()) == ([], [])

    def _due(self) -> list[float]:
        ledger = self.service.tools.ledger
        if isinstance(ledger, Closed):
            raise NothingKept
        return [record.due for record in ledger.since("wish", 0) if record.due is not None]

    def posts(self) -> list[Any]:
        """Attempts of ours to create, as CBR recorded them."""
        return [post for post in self.world.posts() if OURS.search(_name(post.body))]

    def points(self) -> list[dict[str, Any]]:
        """Restore points of ours that hold something and are not in error."""
        made = [each for each in self.world.sandbox.restore_points() if OURS.search(each["name"]) and each["resources"]]
        return [each for each in made if each["status"] != "error"]

    def told(self) -> list[str]:
        """The words that reached the topic."""
        texts = [message["message"] for message in self.world.sandbox.published]
        return [found[1] for text in texts if (found := re.search(r"^Outcome: (\w+) ", text, re.MULTILINE))]

    def tokens(self) -> int:
        asked = [each for each in self.world.sandbox.exchanges if each.method == "POST" and "/auth/tokens" in each.target]
        return len(asked)


class NothingKept(Exception):
    """There is no ledger in which anything could be due."""


def said(outcomes: Iterable[Outcome]) -> list[str]:
    return [f"{each.word} {each.reason}" for each in outcomes if each.word not in SIDE_WORDS]


def _name(body: Any) -> str:
    for key in ("checkpoint", "parameters", "name"):
        body = body.get(key) if isinstance(body, dict) else None
    return body if isinstance(body, str) else ""


@contextlib.contextmanager
def stage_in(folder: Path, at: datetime = START) -> Iterator[Stage]:
    with world_in(folder, at) as world, contextlib.ExitStack() as stack:
        stage = Stage(world)
        stack.callback(lambda: [close() for close in stage.closing])
        yield stage
