"""The durable record of one planned restore point, from being wanted to being followed to its end.

``wanted → claimed → sent → done | failed``, or ``follows → done | failed``. *wanted*: nobody works on it, the watch takes it
when due. *claimed*: one run works on it until the claim's end; it may have posted. *sent*: its POST was not answered clearly.
*done*: CBR has it; while it is followed it stays due. *failed*: nothing more is tried, and it was told or (``untold``) still has
to be; the next delivery of the cause may try again. *follows*: the restore point of another cause of the same delivery settles
this one; nobody takes it up alone.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from handlers.ledger import Record
from handlers.outcome import Failed, at_time
from handlers.plan.planned import Planned
from handlers.values import dataclass, replace
from handlers.vault_backup import SkippedResource, VaultBackup

KIND = "wish"
KEPT = 400 * 86400.0
"""Seconds a wish is remembered: longer than any sender repeats, and a year of history."""
PAST = 64
"""Earlier restore points a wish knows: as many as short windows fit into the time by which clocks may differ."""

_TEXTS = "project vault rule trigger sender delivery occurred owner checkpoint_id request_id reason ended untold".split()
_NOTHING_YET: dict[str, Any] = {"checkpoint_id": "", "skipped": (), "ended": "", "made_at": 0.0, "settled_at": 0.0}
LISTED = 1000
"""Followers that a wish names; those of a larger storm know it, but it does not know them."""
State = Literal["wanted", "claimed", "sent", "done", "failed", "follows"]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Times are seconds since the epoch: ``due`` when somebody must look again, ``claim_ends`` when its holder is surely dead."""

    planned: Planned
    state: State
    wanted_at: float
    due: float | None
    leader: str = ""
    """The cause whose restore point settles this one, where it is not its own."""
    owner: str = ""
    claim_ends: float = 0.0
    checkpoint_id: str = ""
    request_id: str = ""
    reason: str = ""
    error_code: str = ""
    """CBR's, where it did not take it: what to do about a failure goes by it."""
    skipped: tuple[SkippedResource, ...] = ()
    """What CBR left out when it accepted the POST; it does not say so again."""
    ended: str = ""
    """How the restore point ended once it was followed: available, partly or broken."""
    untold: str = ""
    """The message of a failure that no topic has taken yet; the watch tells it while the wish is due."""
    perhaps: bool = False
    """Whether an earlier run may have sent something that nobody has looked for since."""
    made_at: float = 0.0
    """When CBR took it, or it was found there: from then on its window counts."""
    settled_at: float = 0.0
    """When it failed, or its end was first seen: told later, it is still said to be of then."""
    again_at: float = 0.0
    """When it was wanted once more, because its restore point had ended in error."""
    group: str = ""
    """A digest of all the causes it leads: the same group come again is settled as a whole."""
    slot: float = 0.0
    """When CBR is to be asked, where more is wanted than its rate allows; 0: at once."""
    first_slot: float = 0.0
    """The first one it had: patience counts from there, however often it has been moved since."""
    past: tuple[str, ...] = ()
    """Restore points of earlier windows of the cause, newest last: CBR lists them under the same name, and they do not count."""
    version: int = 0

    @property
    def gives_up_at(self) -> float:
        """From then on a wish CBR cannot take is failed."""
        return max(self.wanted_at, self.again_at, self.first_slot or self.slot) + self.planned.give_up_after

    @property
    def unfinished(self) -> bool:
        """Whether its restore point is being made, and its end has still to be told."""
        return self.state == "done" and not self.ended and self.due is not None

    def held(self, now: float) -> bool:
        """Whether another run may still be at work on it."""
        return self.state in ("claimed", "sent") and now < self.claim_ends

    @property
    def may_have_been_sent(self) -> bool:
        """Whether a POST of an earlier run may still turn up under the name it stands for."""
        return self.state in ("claimed", "sent")

    def settles(self, planned: Planned, now: float) -> bool:
        """Whether its restore point is one for this delivery, too: made within the window of the cause, and not broken."""
        recent = planned.window is None or now - max(self.wanted_at, self.made_at) < planned.window
        return self.state == "done" and self.ended != "broken" and recent

    def failure(self) -> Failed:
        """What a failed one came to, as it is told again."""
        at = at_time(self.settled_at) if self.settled_at else ""
        return Failed(reason=self.reason, message=self.untold, at=at, error_code=self.error_code, **self.planned.about())

    def to_record(self) -> Record:
        """As the ledger keeps it."""
        planned = self.planned
        body = {
            "state": self.state,
            "project": planned.project,
            "vault": planned.vault,
            "rule": planned.rule,
            "trigger": planned.trigger,
            "sender": planned.sender,
            "delivery": planned.delivery_id,
            "occurred": planned.occurred.isoformat(),
            "causes": planned.causes,
            "cause_names": list(planned.cause_names),
            "title": planned.title,
            "link": planned.link,
            "give_up_after": planned.give_up_after,
            "window": planned.window,
            "min_interval": planned.min_interval,
            "budget_per_hour": planned.budget_per_hour,
            "backup": planned.backup.to_dict(),
            "others": list(planned.others[:LISTED]),
            "leader": self.leader,
            "owner": self.owner,
            "claim_ends": self.claim_ends,
            "checkpoint_id": self.checkpoint_id,
            "request_id": self.request_id,
            "reason": self.reason,
            "error_code": self.error_code,
            "skipped": [each.model_dump() for each in self.skipped],
            "ended": self.ended,
            "untold": self.untold,
            "perhaps": self.perhaps,
            "made_at": self.made_at,
            "settled_at": self.settled_at,
            "again_at": self.again_at,
            "group": self.group,
            "slot": self.slot,
            "first_slot": self.first_slot,
            "past": list(self.past),
        }
        expires = self.wanted_at + KEPT
        return Record(KIND, planned.cause, self.wanted_at, self.due, json.dumps(body), expires, self.version)

    @classmethod
    def from_record(cls, record: Record) -> Wish:
        """Raises ValueError where a record was not written by us."""
        try:
            return cls._read(record, json.loads(record.body))
        except (KeyError, TypeError, RecursionError, OverflowError) as error:
            raise ValueError(f"the record is no wish ({type(error).__name__})") from error

    @classmethod
    def _read(cls, record: Record, body: dict[str, Any]) -> Wish:
        if not all(isinstance(body[key], str) for key in _TEXTS):
            raise ValueError("a text of a wish is none")
        planned = Planned(
            backup=VaultBackup.model_validate(body["backup"]),
            cause=record.key,
            occurred=datetime.fromisoformat(body["occurred"]).astimezone(UTC),
            project=body["project"],
            vault=body["vault"],
            rule=body["rule"],
            trigger=body["trigger"],
            sender=body["sender"],
            delivery_id=body["delivery"],
            causes=body["causes"],
            cause_names=tuple(map(str, body["cause_names"])),
            title=str(body.get("title", "")),
            link=str(body.get("link", "")),
            give_up_after=float(body["give_up_after"]),
            window=None if body.get("window") is None else float(body["window"]),
            min_interval=float(body.get("min_interval", 0.0)),
            budget_per_hour=None if body.get("budget_per_hour") is None else int(body["budget_per_hour"]),
            others=tuple(map(str, body.get("others", ()))),
        )
        if body["state"] not in get_args(State):
            raise ValueError("no state of a wish")
        return cls(
            planned=planned,
            state=body["state"],
            wanted_at=record.at,
            due=record.due,
            leader=str(body.get("leader", "")),
            owner=body["owner"],
            claim_ends=float(body["claim_ends"]),
            checkpoint_id=body["checkpoint_id"],
            request_id=body["request_id"],
            reason=body["reason"],
            error_code=str(body.get("error_code", "")),
            skipped=tuple(SkippedResource.model_validate(each) for each in body["skipped"]),
            ended=body["ended"],
            untold=str(body["untold"]),
            perhaps=body.get("perhaps") is True,
            made_at=float(body.get("made_at", 0.0)),
            settled_at=float(body.get("settled_at", 0.0)),
            again_at=float(body.get("again_at", 0.0)),
            group=str(body.get("group", "")),
            slot=float(body.get("slot", 0.0)),
            first_slot=float(body.get("first_slot", 0.0)),
            past=tuple(map(str, body.get("past", ()))),
            version=record.version,
        )

    def followed_by(self, cause: str) -> Wish:
        """The wish of another cause that this one's restore point settles: done as it is done."""
        planned = replace(self.planned, cause=cause, others=())
        return replace(self, planned=planned, leader=self.planned.cause, due=None, version=0)

    def claimed(self, planned: Planned, owner: str, now: float, until: float) -> Wish:
        """The same wish in the hands of ``owner``. Wanted anew where the last try had ended for good, or was another's."""
        over = self.state in ("done", "failed", "follows")
        others = tuple(dict.fromkeys((*self.planned.others, *planned.others)))
        return replace(
            self,
            planned=planned if over else replace(self.planned, others=others),
            state="claimed",
            leader="",
            wanted_at=now if over else self.wanted_at,
            owner=owner,
            claim_ends=until,
            due=until,
            again_at=0.0 if over else self.again_at,
            first_slot=0.0 if over else self.first_slot,
            group=planned.group if over else self.group,
            untold=self.untold,
            perhaps=self.may_have_been_sent or self.perhaps,
            past=self._past,
            **_NOTHING_YET,
        )

    def left_behind(self) -> Wish:
        """Its restore point, followed to its end under a key of its own, when the cause is wanted for another window before that.

        It is not taken once more if it breaks: the cause is.
        """
        planned = replace(self.planned, cause=f"{self.planned.cause} {self.checkpoint_id}", others=())
        return replace(self, planned=planned, leader="", again_at=self.made_at or self.wanted_at, version=0)

    def wanted_again(self, now: float) -> Wish:
        """The same wish, once more: its restore point ended in error, and the cause has none."""
        return replace(self, state="wanted", due=now, again_at=now, untold="", past=self._past, **_NOTHING_YET)

    @property
    def _past(self) -> tuple[str, ...]:
        return (*self.past, self.checkpoint_id)[-PAST:] if self.checkpoint_id else self.past
