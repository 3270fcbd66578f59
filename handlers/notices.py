"""What is told once while it lasts, whoever sees it and however often: a vault that is overdue, a storm, a ledger that is down.

A notice is a record of the ledger (kind ``notice``), so that all instances tell it once between them; one that no topic took is
told by the watch as soon as one does. While the ledger is down each process remembers for itself.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from handlers.dispatch import trouble_in
from handlers.envelope import Envelope
from handlers.errors import LedgerDown
from handlers.ledger import Ledger, Record, body_of
from handlers.message import compose
from handlers.outbox import Outbox
from handlers.outcome import Available, Broken, Duplicate, Failed, Healed, Missed, Outcome, Overdue, Partly, Skipped, Warned
from handlers.report import Settled, Told
from handlers.trigger import Alert, Lost, Trigger
from handlers.values import dataclass, replace
from handlers.wire import Clock

KIND = "notice"
KEPT = 400 * 86400.0
DAY = 86400.0
"""A state that lasts is told again every day."""
HOUR = 3600.0
"""Warnings that deliveries give rise to come once an hour, however many deliveries there are."""
RETRY_SECONDS = 60.0
TELL_SECONDS = 60.0
"""How long telling may take before the watch thinks that whoever wanted to tell is dead."""
_WORDS = {each.word: each for each in (Available, Partly, Broken, Overdue, Missed, Duplicate, Warned, Healed)}
_KEPT_FIELDS = (
    *"reason message at title link rule vault vault_id project project_id region".split(),
    *"trigger sender causes checkpoint_id name delivery_id request_id error_code".split(),
)

STORM = 200
"""Firing alerts in one delivery; more are told as a storm."""
LEDGER = "ledger"
"""The key under which a process remembers that it told of the ledger."""


class ToldHere:
    """What this process told by itself, and when; outlives deliveries."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._told: dict[str, float] = {}

    def first(self, key: str, now: float, again: float) -> bool:
        """Whether it is to be told now, which counts as told."""
        with self._changing:
            if now - self._told.get(key, float("-inf")) < again:
                return False
            self._told[key] = now
            return True

    def forget(self, key: str) -> bool:
        """Whether it had been told."""
        with self._changing:
            return self._told.pop(key, None) is not None


@dataclass(frozen=True)
class Notices:
    """``publish`` tells an outcome at once and says who got it; ``opened`` gives the ledger, where one is needed."""

    opened: Callable[[], Ledger]
    clock: Clock
    outbox: Outbox
    here: ToldHere

    def publish(self, outcome: Outcome) -> Told:
        """To all topics that want it. What some of them missed is kept for them; what all missed is the caller's."""
        return self.outbox.tell(outcome)

    def open(self, key: str, notice: Outcome, again: float = DAY) -> Settled:
        """Tell it, unless that was done less than ``again`` seconds ago by anybody."""
        now, notice = self._now(), self.outbox.dated(notice)
        body = json.dumps({"word": notice.word, "told_at": now} | {name: getattr(notice, name) for name in _KEPT_FIELDS})
        mine = Record(KIND, key, now, now + TELL_SECONDS, body, now + KEPT)
        try:
            standing = self.opened().put_if_absent(mine)
            if standing is not None and now - _told_at(standing) < again:
                return []
            stored = self.opened().swap(replace(mine, version=standing.version)) if standing else replace(mine, version=1)
        except LedgerDown:
            return self.open_here(key, notice, again)
        return self._tell(stored, notice) if stored else []

    def close(self, key: str, notice: Healed) -> Settled:
        """What was told under this key is over: say so, if anybody had heard of it. Raises LedgerDown."""
        standing = self.opened().get(KIND, key)
        if standing is None or not _told_at(standing):
            return []
        dated = self.outbox.dated(notice)
        healed = {name: getattr(dated, name) for name in _KEPT_FIELDS}
        body = json.dumps({"word": notice.word, "told_at": 0.0} | healed)
        heard = standing.due is None
        stored = self.opened().swap(replace(standing, due=self._now() + TELL_SECONDS if heard else None, body=body))
        return self._tell(stored, dated) if stored and heard else []

    def unsent(self, record: Record) -> Settled:
        """A notice that is due: whoever was to tell it could not, or is dead. Raises LedgerDown."""
        try:
            found = body_of(record)
            notice = _WORDS[found["word"]](**{name: found[name] for name in _KEPT_FIELDS if name in found})
            compose(notice)
        except (ValueError, KeyError, TypeError, AttributeError):  # not written by us
            self.opened().swap(replace(record, due=None))
            return []
        mine = self.opened().swap(replace(record, due=self._now() + TELL_SECONDS))
        return self._tell(mine, notice) if mine else []

    def open_here(self, key: str, notice: Outcome, again: float = HOUR) -> Settled:
        """Tell what concerns this process alone, or cannot be written down: unless it did so less than ``again`` seconds ago."""
        if not self.here.first(key, self._now(), again):
            return []
        told = self.publish(notice)
        if unheard(told):
            self.here.forget(key)
        return [(notice, told)]

    def close_here(self, key: str, notice: Healed) -> Settled:
        """What this process told by itself is over."""
        return [(notice, self.publish(notice))] if self.here.forget(key) else []

    def of_delivery(self, envelope: Envelope, sender: str, triggers: Sequence[Trigger], outcomes: Sequence[Outcome]) -> Settled:
        """What a delivery shows beside its outcomes, once an hour."""
        settled = Settled()
        for key, warned in _noticed(envelope, sender, triggers, outcomes):
            settled += self.open(key, warned, HOUR)
        if degraded := sum(each.degraded for each in outcomes):
            vaults = ", ".join(sorted({each.vault or each.vault_id for each in outcomes if each.degraded})[:5])
            message = (
                f"The ledger could not be used for {degraded} restore points (vaults {vaults}): they rest on looking at CBR "
                "alone (degraded). A second one of a cause is possible, min_interval does not hold, and no watch follows them. "
                "See whether RESTORE_POINT_LEDGER can be reached and is whole: restore-point check."
            )
            about: dict[str, Any] = {"trigger": envelope.door, "sender": sender, "delivery_id": envelope.delivery_id}
            settled += self.open_here(LEDGER, Warned(reason="degraded", message=message, **about))
        elif any(each.word in ("created", "joined") for each in outcomes):
            settled += self.ledger_works(envelope)
        return settled

    def ledger_works(self, envelope: Envelope) -> Settled:
        """Said where this process had told that it does not."""
        again = "The ledger can be used again: restore points rest on it and on looking, as they should."
        return self.close_here(
            LEDGER, Healed(reason="ledger", message=again, delivery_id=envelope.delivery_id, trigger=envelope.door)
        )

    def ledger_fails(self, envelope: Envelope, problem: LedgerDown) -> Settled:
        """A sweep that could not go on."""
        message = f"The watch could not use the ledger, so not everything was looked after: {problem}. See restore-point check."
        down = Failed(reason="ledger_down", message=message, delivery_id=envelope.delivery_id, trigger="watch")
        return self.open_here(LEDGER, down) or [(down, Told(0, before=True))]

    def _tell(self, mine: Record, notice: Outcome) -> Settled:
        """Told before it is recorded as told: a run killed in between tells it twice rather than never."""
        told = self.publish(notice)
        with suppress(LedgerDown):
            self.opened().swap(replace(mine, due=self._now() + RETRY_SECONDS if unheard(told) else None))
        return [(notice, told)]

    def _now(self) -> float:
        return self.clock.now().timestamp()


def _told_at(record: Record) -> float:
    """When a notice that is open was told; 0 for one that is closed, or was not written by us."""
    try:
        return float(body_of(record)["told_at"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0.0


def unheard(told: Told) -> bool:
    """Whether topics wanted it and none took it. One is enough: the others would hear it twice, or for ever."""
    return bool(told.problems) and not told.sent


def _noticed(
    envelope: Envelope, sender: str, triggers: Sequence[Trigger], outcomes: Sequence[Outcome]
) -> Iterator[tuple[str, Warned]]:
    """What a delivery shows that no single outcome says, each with its key."""
    about: dict[str, Any] = {"sender": sender, "trigger": envelope.door, "delivery_id": envelope.delivery_id}
    firing = sum(isinstance(each, Alert) and each.status == "firing" for each in triggers)
    if firing > STORM:
        made = sum(each.word in ("created", "joined", "later") for each in outcomes)
        rules = ", ".join(sorted({each.rule for each in outcomes if each.rule})[:5]) or "none"
        message = (
            f"{firing} firing alerts came in one delivery from {sender} (rules: {rules}). Restore points made or waited for "
            f"because of them: {made}. If they are one incident, group them at the sender, or name fewer labels in `by`."
        )
        yield f"storm {sender}", Warned(reason="storm", message=message, causes=firing, **about)
    if lost := sum(each.count for each in triggers if isinstance(each, Lost)):
        message = (
            f"Sender {sender} left {lost} alerts out of a message, so what they wanted is not known here: raise its limit "
            "(max_alerts of Alertmanager's webhook_config), or group less together."
        )
        yield f"truncated {sender}", Warned(reason="truncated", message=message, causes=lost, **about)
    if sender and (loops := sum(each.causes for each in outcomes if each.reason == "loop" and each.trigger == "alert")):
        message = (
            f"{loops} alerts of {sender} are about backups (a namespace label of SYS.CBR or RestorePoint), so they ask for none: "
            "restore points because of them would feed themselves. Keep them from this receiver."
        )
        yield f"loop {sender}", Warned(reason="loop", message=message, causes=loops, **about)
    for each in outcomes:
        if each.reason in ("wrong_answer", "handshake"):
            said: dict[str, Any] = {"reason": each.reason, "message": each.message, "vault": each.vault, "link": each.link}
            yield f"{each.reason} {each.vault_id or sender} {each.link[:200]}".strip(), Warned(**said, **about)
    if trouble := trouble_in(outcomes):
        why = f"{trouble}. Nothing is lost: the watch makes what it was to bring, later than it was said."
        yield "queue", Warned(reason="queue_down", message=why, **about)
    for rule in sorted({each.rule for each in outcomes if isinstance(each, Skipped) and each.reason == "budget"}):
        first = next(each for each in outcomes if each.rule == rule and each.reason == "budget")
        message = (
            f"Rule {rule} has used up its budget_per_hour, so a restore point of vault {first.vault} was skipped; more may be, "
            f"each of them logged. Raise the budget if this is no storm; restore-point take {first.vault} makes one now."
        )
        yield f"budget {rule}", Warned(reason="budget", message=message, rule=rule, vault=first.vault, **about)
