"""Looks at everything: the vaults at CBR (GET only), the wishes, looks, timers and notices in the ledger (nothing is written).

What cannot be had is said; the rest is shown all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from handlers.advice import of_failure
from handlers.cbr import Backup, Cbr, Vault
from handlers.errors import CallFailed, LedgerDown
from handlers.inventory import Inventory
from handlers.lanes import in_lanes
from handlers.ledger import Ledger, Record, body_of
from handlers.notices import KIND as NOTICE
from handlers.outbox import KIND as MESSAGE
from handlers.overview import GRAVITY, SPAN_SECONDS, Expected, OpenNotice, Overview, VaultView
from handlers.overview.asked import Asked, answers, moment, read_wishes
from handlers.overview.growth import NO_END, without_end
from handlers.overview.vaults import Gathered
from handlers.restore_point.wish import KIND as WISH
from handlers.rules import Rules
from handlers.timetable import came_last
from handlers.values import dataclass, field, replace
from handlers.watch.ages import GOOD, Seen
from handlers.watch.listed import Listed, looked_after, wanted_resources
from handlers.watch.vaults import KIND as LOOK
from handlers.wire import Clock, Deadline

CALL_SECONDS = 20.0
"""For one project's list of vaults, and for one vault's backups."""
CALLS = 2
"""A vault needs, at most."""

Found = TypeVar("Found")


@dataclass()
class Gathering:
    """``opened`` gives the ledger, which may be down. ``rates`` are the projects' requests_per_second."""

    rules: Rules
    cbrs: Mapping[str, Cbr]
    inventory: Inventory
    opened: Callable[[], Ledger]
    clock: Clock
    rates: Mapping[str, float]
    ledger: str = ""
    unknown: list[str] = field(default_factory=list)
    _down: bool = False

    def look(self, only: Sequence[Listed] = ()) -> Overview:
        """All that is looked after; or these vaults alone."""
        now = self.clock.now()
        listed = {each.vault.id: each for each in only} or self._listed()
        wishes = self._asked(now)
        looks = {record.key: record for record in self._since(LOOK, 0.0)}
        timers = self._timers(now)
        held, failures = self._vaults({each.project for each in listed.values()})
        lasts = CALL_SECONDS + CALLS * sum(1 / self.rates.get(each.project, 1.0) for each in listed.values())
        deadline = Deadline.after(self.clock, lasts)

        def view(each: Listed) -> VaultView:
            gathered = Gathered(
                listed=each,
                now=now,
                seen=Seen.read(looks[each.vault.id]) if each.vault.id in looks else Seen(),
                asked=wishes[each.vault.id],
                timers=tuple(timer for name, timer in timers.items() if self._brings(name, each)),
                wanted=wanted_resources(self.rules, each),
                failure=failures.get(each.project),
            )
            return (gathered if gathered.failure else self._at_cbr(gathered, held.get(each.vault.id), deadline)).view()

        views = in_lanes(view, list(listed.values()))
        return Overview(
            at=now,
            vaults=tuple(sorted(views, key=_urgency)),
            timers=tuple(timers[name] for name in timers if not only or any(self._brings(name, each) for each in only)),
            notices=tuple(self._notices(now, listed)),
            unknown=tuple(self.unknown),
            notes=tuple(f"Rule {name}: {NO_END}" for name in without_end(self.rules) if not only or _lists(only, name)),
            ledger=self.ledger,
        )

    def _listed(self) -> dict[str, Listed]:
        found, problems = looked_after(self.rules, self.cbrs, self.inventory, Deadline.after(self.clock, CALL_SECONDS))
        for each in problems:
            why = f"could not be looked up in project {each.project} ({each.failure.said})"
            self.unknown.append(f"Which vaults carry the tags of rule {each.rule} {why}.")
        return found

    def _vaults(self, projects: set[str]) -> tuple[dict[str, Vault], dict[str, CallFailed]]:
        """Of each project in one list: a project that cannot be asked for it is not asked for every vault."""
        held, failures = dict[str, Vault](), dict[str, CallFailed]()
        for project in sorted(projects):
            try:
                found = self.inventory.vaults(project, Deadline.after(self.clock, CALL_SECONDS))
                held |= {each.id: each for each in found}
            except CallFailed as failure:
                failures[project] = failure
                now = of_failure(failure.code, failure.message)
                self.unknown.append(f"CBR of project {project} could not be asked ({failure.said}). {now}".rstrip())
        return held, failures

    def _at_cbr(self, gathered: Gathered, vault: Vault | None, deadline: Deadline) -> Gathered:
        """With what CBR lists of the span; and of all time, where none of that is good."""
        listed, cbr = gathered.listed, self.cbrs[gathered.listed.project]
        since = gathered.now - timedelta(seconds=max(listed.vault.max_age or 0.0, SPAN_SECONDS))
        try:
            vault = vault or cbr.vault(listed.vault.id, deadline)
            backups = cbr.backups(deadline, vault_id=listed.vault.id, since=since)
            if not any(each.status in GOOD for each in backups):
                since = datetime.fromtimestamp(0.0, UTC)
                backups = _newest_good(cbr.backups(deadline, vault_id=listed.vault.id), backups)
        except CallFailed as failure:
            return replace(gathered, failure=failure)
        return replace(gathered, vault=vault, backups=backups, since=since.timestamp())

    def _asked(self, now: datetime) -> defaultdict[str, list[Asked]]:
        """Wishes by vault id, the newest first."""
        wait = max((rule.give_up_after for rule in self.rules.rules), default=0.0)
        since = now.timestamp() - max(wait, SPAN_SECONDS)
        wishes, unreadable = read_wishes(self._since(WISH, since))
        if unreadable:
            self.unknown.append(f"The ledger holds {unreadable} wishes that cannot be read: restore-point history.")
        found: defaultdict[str, list[Asked]] = defaultdict(list)
        for each in reversed(answers(wishes)):
            found[each.wish.planned.backup.vault_id].append(each)
        return found

    def _timers(self, now: datetime) -> dict[str, Expected]:
        used = {rule.timer for rule in self.rules.rules if rule.timer}
        return {name: self._expected(name, now) for name in self.rules.timers if name in used}

    def _expected(self, name: str, now: datetime) -> Expected:
        """Missed where the watch would say so: when its grace has passed, too."""
        timer = self.rules.timers[name]
        never: tuple[float | None, bool] = (None, False)
        at, came = self._read(lambda ledger: came_last(ledger, name), never)
        last = moment(at)
        if timer.every is None or last is None:
            return Expected(name=name, last=last, came=came, next=None)
        due = last + timedelta(seconds=timer.every)
        return Expected(name=name, last=last, came=came, next=due, missed=now > due + timedelta(seconds=timer.grace))

    def _brings(self, timer: str, listed: Listed) -> bool:
        return any(rule.timer == timer and rule.name in listed.rules for rule in self.rules.rules)

    def _notices(self, now: datetime, listed: Mapping[str, Listed]) -> list[OpenNotice]:
        """What was told lately and is not over, the newest first."""
        found = [notice for record in self._since(NOTICE, 0.0) if (notice := _open(record, listed))]
        found += [kept for record in self._since(MESSAGE, 0.0) if record.due is not None and (kept := _kept(record, listed))]
        oldest = now - timedelta(seconds=SPAN_SECONDS)
        return sorted((each for each in found if each.told > oldest), key=lambda each: each.told, reverse=True)

    def _since(self, kind: str, time: float) -> list[Record]:
        nothing: list[Record] = []
        return self._read(lambda ledger: ledger.since(kind, time), nothing)

    def _read(self, what: Callable[[Ledger], Found], otherwise: Found) -> Found:
        """A ledger that is down is asked once, and said to be down once."""
        if self._down:
            return otherwise
        try:
            return what(self.opened())
        except LedgerDown as problem:
            self._down = True
            self.unknown.append(f"The ledger could not be read, so wishes, timers and notices are not known: {problem}.")
            return otherwise


def _newest_good(every: Sequence[Backup], recent: Sequence[Backup]) -> list[Backup]:
    """The recent ones, and the newest good one of each resource, however old."""
    newest: dict[str, Backup] = {}
    for each in sorted(every, key=lambda each: each.created_at):
        if each.status in GOOD and not each.parent_id:
            newest[each.resource_id] = each
    return [*recent, *newest.values()]


def _urgency(view: VaultView) -> tuple[int, float, str]:
    """The worst first, then what has used up most of its max_age."""
    worst = GRAVITY.index(view.problems[0].word) if view.problems else len(GRAVITY)
    used = (view.age or 0.0) / view.max_age if view.max_age else 0.0
    return worst, -used, view.name


def _lists(only: Sequence[Listed], rule: str) -> bool:
    return any(rule in each.rules for each in only)


def _open(record: Record, listed: Mapping[str, Listed]) -> OpenNotice | None:
    """None for what is over, or was not written by us, or is about a vault that is not looked at here."""
    try:
        body = body_of(record)
        told = moment(float(body["told_at"]))
        vault, vault_id, message, word = (str(body.get(key, "")) for key in ("vault", "vault_id", "message", "word"))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    if told is None or word in ("healed", "available") or (vault_id and vault_id not in listed):
        return None
    return OpenNotice(word=word, vault=vault, message=message, told=told, heard=record.due is None)


def _kept(record: Record, listed: Mapping[str, Listed]) -> OpenNotice | None:
    """A message that waits for a topic."""
    try:
        outcome, told = body_of(record)["outcome"], moment(record.at)
        vault, vault_id, message, word = (str(outcome.get(key, "")) for key in ("vault", "vault_id", "message", "outcome"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if told is None or (vault_id and vault_id not in listed):
        return None
    return OpenNotice(word=word, vault=vault, message=message, told=told, heard=False)
