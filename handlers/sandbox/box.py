"""The sandbox as a Python object: starts, stops, tells where it is and what arrived."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from handlers.errors import Misconfigured
from handlers.sandbox import place
from handlers.sandbox.cbr import Cbr
from handlers.sandbox.control import Control
from handlers.sandbox.description import Description
from handlers.sandbox.doors import MOST_ISSUED, Doors
from handlers.sandbox.estate import DEFAULT
from handlers.sandbox.faults import Faults, is_create
from handlers.sandbox.faults.backups import Misbehaviour
from handlers.sandbox.front import Front
from handlers.sandbox.habits import Habits
from handlers.sandbox.identity import Identity
from handlers.sandbox.platforms import refuse_where_services_run
from handlers.sandbox.record import KEPT, KEPT_NAMES, Counts, Record
from handlers.sandbox.routes import Route, Table, routes
from handlers.sandbox.saving import Part, Saver
from handlers.sandbox.server import Server
from handlers.sandbox.topics import KEPT_MESSAGES, Topics
from handlers.sandbox.vaults import Vaults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from handlers.sandbox.estate import Estate
    from handlers.sandbox.exchange import Answer, Exchange


class Sandbox:
    """CBR, IAM and SMN on one loopback port, with the vaults of ``estate``.

    ``speed`` divides the time a backup takes (60 seconds for a first one, 20 for a later one), nothing else. ``clock`` gives
    seconds since 1970 and is the only time the services know. ``port`` 0 takes a free one. Out of itself it behaves as badly as
    CBR may (see `habits`); ``well_behaved`` is for tests about something else. ``seed`` decides everything that looks like
    chance. ``keep`` bounds what is remembered: so many restore points, exchanges, messages. ``state`` is a file that outlives the
    object. ``faults`` are specifications such as ``"reset_after:method=POST"``; more with ``faults.add``.
    """

    def __init__(
        self,
        port: int = 0,
        speed: float = 1.0,
        clock: Callable[[], float] = time.time,
        *,
        host: str = "127.0.0.1",
        estate: Estate = DEFAULT,
        well_behaved: bool = False,
        seed: int = 0,
        keep: int | None = None,
        state: str | os.PathLike[str] | None = None,
        faults: Iterable[str | Mapping[str, Any]] = (),
    ) -> None:
        if not speed > 0:
            raise Misconfigured("speed", "must be greater than 0")
        if keep is not None and keep < 1:
            raise Misconfigured("keep", "must be 1 or more")
        self._address, self._clock, self._estate = (host, port), clock, estate
        self._server: Server | None = None
        self.habits = Habits.well_behaved() if well_behaved else Habits()
        self._vaults = Vaults(estate.project_id, estate, speed=speed, habits=self.habits, seed=seed, keep=keep)
        self._doors = Doors(estate.project_id, estate.keys, user_id=estate.account.user_id, seed=seed, most=_issued(keep))
        self._topics = Topics(estate.topic_urns, region=estate.region, seed=seed, keep=keep or KEPT_MESSAGES)
        self._front = Front(self._doors, clock, seed)
        self._front.table = self._table("http://127.0.0.1")
        self._front.record = Record(keep or KEPT, keep or KEPT_NAMES)
        self.faults = self._front.faults = Faults(seed, self._refuse)
        self.faults.add(*faults)
        misbehaviour = Misbehaviour(self._vaults, self.habits, self.faults)
        self._vaults.when_late = self._front.record.applied_later
        self._front.advance, self._front.misbehave = self._vaults.advance, misbehaviour.handle
        self._front.control = Control(
            self.faults, self.habits, self._recorded, misbehaviour.change, self._doors.expire_all
        ).answer
        self._saver = self._saving(state) if state is not None else None
        self.topic_urn = estate.topic_urns[0] if estate.topic_urns else ""

    def start(self) -> Self:
        """Refuse to be part of a deployment: its credentials are public and its restore points hold nothing."""
        refuse_where_services_run(os.environ)
        server = Server(*self._address)
        try:
            if self._saver:
                self._saver.start()
        except Misconfigured:
            server.stop()
            raise
        self._front.table = self._table(server.endpoint)
        server.start(self._front)
        self._server = server
        self.faults.resume()
        return self

    def stop(self) -> None:
        """Within a second, idle connections included; then what is new is written down. Records can still be read."""
        if self._server:
            self._server.stop()
            self._server = None
        if self._saver:
            self._saver.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:PORT``; there is none before `start`."""
        if self._server is None:
            raise RuntimeError("the sandbox has not been started")
        return self._server.endpoint

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Without any socket, before `start` or after: header names are lower case, `Answer.wire` tells what the network does."""
        return self._front.answer(method, target, headers, body)

    def settings(self) -> dict[str, Any]:
        """The document of ``restore-point sandbox --json``."""
        return place.settings(self.endpoint, self._estate, self._vaults)

    @property
    def ahead(self) -> float:
        """By how many seconds what is remembered lies ahead of the clock: a state can be from a later time."""
        with self._front.busy:
            return max(0.0, place.newest(self._vaults) - self._clock())

    def environment(self) -> dict[str, str]:
        """Variables the official SDKs read; they write the region in capitals, with ``_`` for ``-``."""
        region = self._estate.region.replace("-", "_").upper()
        access_key, key = next(iter(self._estate.keys.items()))
        return {
            "HUAWEICLOUD_SDK_AK": access_key,
            "HUAWEICLOUD_SDK_SK": key.secret,
            "HUAWEICLOUD_SDK_PROJECT_ID": self._estate.project_id,
            f"HUAWEICLOUD_SDK_REGION_CBR_{region}": self.endpoint,
            f"HUAWEICLOUD_SDK_REGION_SMN_{region}": self.endpoint,
            "HUAWEICLOUD_SDK_IAM_ENDPOINT": self.endpoint,
        }

    @property
    def counts(self) -> Counts:
        """Exact for everything that ever arrived, where `exchanges` holds the newest."""
        with self._front.busy:
            return replace(self._front.record.counts, names=Counter(self._front.record.counts.names))

    @property
    def exchanges(self) -> list[Exchange]:
        """What has really arrived so far, in order: the newest 10,000, or as many as ``keep`` says."""
        with self._front.busy:
            return list(self._front.record)

    def posts(self) -> list[Exchange]:
        """The attempts to create a checkpoint, refused ones included."""
        return [seen for seen in self.exchanges if is_create(seen.method, seen.path)]

    def restore_points(self) -> list[dict[str, Any]]:
        """As CBR itself sees them now, oldest first; ``resources`` are the ids of those being or having been backed up.

        ``created_at`` is in seconds since 1970.
        """
        with self._front.busy:
            now = self._clock()
            self._vaults.advance(now)
            return [
                {
                    "id": taken.id,
                    "name": taken.name,
                    "vault_id": taken.vault.id,
                    "status": taken.status(now, self.habits.partial),
                    "created_at": taken.created_at,
                    "resources": [backup.resource.id for backup in taken.backups],
                }
                for taken in self._vaults.checkpoints.values()
            ]

    @property
    def published(self) -> list[dict[str, Any]]:
        """The messages topics have taken, oldest first."""
        with self._front.busy:
            return [dict(message) for message in self._topics.published]

    def _table(self, endpoint: str) -> Table:
        identity = Identity(self._estate.account, self._doors, endpoint)
        description = Route("GET", "/openapi.json", Description(endpoint).show, guarded=False)
        return Table((*routes(Cbr(self._vaults, endpoint), identity, self._topics), description))

    def _saving(self, path: str | os.PathLike[str]) -> Saver:
        parts: dict[str, Part] = {
            "vaults": self._vaults,
            "doors": self._doors,
            "topics": self._topics,
            "counts": self._front.record.counts,
        }
        about = {"project_id": self._estate.project_id}
        saver = Saver(path, parts, about, lock=self._front.busy, changed=lambda: self._front.changes)
        saver.restore()
        return saver

    def _refuse(self, seconds: float | None) -> bool:
        """None listens again. There is nobody to tell before the start."""
        if self._server is None:
            return False
        if seconds is None:
            self._server.listen()
        else:
            self._server.refuse(seconds)
        return True

    def _recorded(self, most: int) -> dict[str, Any]:
        """The document of ``GET /_sandbox/record``."""
        newest = self.exchanges[-most:] if most else []
        shown = [
            {
                "at": seen.at,
                "method": seen.method,
                "path": seen.path,
                "status": seen.status,
                "done": seen.done,
                "fault": seen.fault,
                "body": seen.body,
                "reply": seen.reply,
            }
            for seen in newest
        ]
        return {"counts": self.counts.save(), "restore_points": self.restore_points(), "exchanges": shown}


def _issued(keep: int | None) -> int:
    """How many tokens: with fewer than a hundred, clients that work at the same time would put each other out."""
    return MOST_ISSUED if keep is None else max(keep, 100)
