"""Every interleaving of the deliveries of ONE cause against a CBR without idempotency keys, as a transition system.

A delivery claims, looks, sends at most one POST, and ends. Around it: CBR applies what it got now, late or never; its lists lag;
its backups end when they like; platforms kill; the network loses requests and answers; CBR's own policy keeps the vault busy;
the gateway throttles. Times are modelled by what they mean: a long lease ends when its holder is dead and CBR has settled, a
short one at the holder's death. `explore` visits every reachable state and says whether two restore points can come of one
cause, and whether some state has none and no way left to one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What deliveries do, what CBR does, and how often each fault may strike."""

    posts: int = 2
    """POSTs one delivery may send."""
    lists: bool = True
    """It looks before every POST."""
    settle_retry: bool = False
    """It waits out lag and late applies before it looks again after an unclear POST."""
    settle_start: bool = False
    """... and before its first look."""
    claim: str = ""
    """"" none, "long": outlives kill and settling, "short": ends with the holder, "lapses": may end under a living holder."""
    serial: bool = False
    """The platform runs one delivery at a time."""
    sweep: bool = False
    """A watch takes up what is recorded and not done, whenever nobody holds the claim."""
    memory: bool = True
    """A claim that is given back leaves its wish behind; without, it is as though nobody had ever asked."""
    cbr_lock: bool = True
    """CBR refuses while a backup of the vault runs."""
    slow_backup: bool = False
    """... and that backup outlives lag, late applies and every gap between look and POST."""
    deliveries: int = 2
    redeliveries: int = 1
    crashes: int = 1
    losses: int = 1
    """Requests lost before CBR."""
    timeouts: int = 2
    """Answers lost after CBR."""
    foreign: int = 0
    """Backups CBR's own policy begins."""
    throttled: int = 0
    """POSTs the gateway refuses for their rate."""
    not_sent: int = 0
    """POSTs of which provably no byte left."""


class Run(NamedTuple):
    """One delivery. ``fate`` is that of its POST: flying, done, busy or lost; ``unclear``: it has given one up."""

    step: str = "start"
    sent: int = 0
    fate: str = ""
    unclear: bool = False
    holds: bool = False
    who: int = 0
    swept: bool = False


_FAULTS = ("redeliveries", "crashes", "losses", "timeouts", "foreign", "throttled", "not_sent")


class State(NamedTuple):
    """``orphans`` are flying POSTs nobody waits for; ``claim``: free, held, dead (its holder is) or done; ``wish``: recorded."""

    runs: tuple[Run, ...]
    orphans: int = 0
    made: int = 0
    seen: int = 0
    busy: bool = False
    claim: str = "free"
    wish: bool = False
    born: int = 0
    redeliveries: int = 0
    crashes: int = 0
    losses: int = 0
    timeouts: int = 0
    foreign: int = 0
    throttled: int = 0
    not_sent: int = 0

    @property
    def flying(self) -> bool:
        """Whether CBR may still apply something."""
        return self.orphans > 0 or any(run.fate == "flying" for run in self.runs)

    @property
    def settled(self) -> bool:
        """Whether CBR shows everything it has, and has everything it will have."""
        return not self.flying and self.seen == self.made


def begin(rules: Protocol) -> State:
    """All deliveries on their way, nothing done."""
    faults = {name: getattr(rules, name) for name in _FAULTS}
    return State(tuple(Run(who=who) for who in range(rules.deliveries)), born=rules.deliveries, **faults)


def moves(state: State, rules: Protocol) -> Iterator[tuple[str, State]]:
    """Everything that may happen next, each with a name: the delivery's number, or what CBR does."""
    yield from _cbr(state, rules)
    yield from _watch(state, rules)
    for run in state.runs:
        if state.crashes:
            yield f"d{run.who} crashes", _ended(state._replace(crashes=state.crashes - 1), run, "crashed", rules)
        yield from _STEPS[run.step](state, run, rules)


# ── CBR and the watch ──


def _cbr(state: State, rules: Protocol) -> Iterator[tuple[str, State]]:
    for run in (each for each in state.runs if each.fate == "flying"):
        for name, fate, after in _applied(state, rules):
            yield f"{name} d{run.who}'s POST", _with(after, run, run._replace(fate=fate))
    if state.orphans:
        for name, _, after in _applied(state, rules):
            yield f"{name} an orphan", after._replace(orphans=after.orphans - 1)
    if state.seen < state.made:
        yield "the list catches up", state._replace(seen=state.made)
    gap = any(run.step in ("post", "wait") for run in state.runs)
    if state.busy and not (rules.slow_backup and (gap or not state.settled)):
        yield "the backup ends", state._replace(busy=False)
    if state.foreign and not state.busy:
        yield "a foreign backup begins", state._replace(busy=True, foreign=state.foreign - 1)


def _applied(state: State, rules: Protocol) -> Iterator[tuple[str, str, State]]:
    if rules.cbr_lock and state.busy:
        yield "CBR refuses", "busy", state
    else:
        yield "CBR applies", "done", state._replace(made=state.made + 1, busy=True)
    if state.losses:
        yield "the network loses", "lost", state._replace(losses=state.losses - 1)


def _watch(state: State, rules: Protocol) -> Iterator[tuple[str, State]]:
    ends = {"long": state.claim == "dead" and state.settled, "short": state.claim == "dead", "lapses": True}
    if state.claim in ("held", "dead") and rules.claim and ends[rules.claim]:
        freed = tuple(run._replace(holds=False) for run in state.runs)
        yield "the claim ends", state._replace(runs=freed, claim="free")
    if rules.sweep and state.wish and state.claim == "free" and not any(run.swept for run in state.runs):
        run = Run(who=state.born, swept=True)
        yield f"the watch takes it up as d{run.who}", state._replace(runs=(*state.runs, run), born=state.born + 1)


# ── a delivery ──


def _start(state: State, run: Run, rules: Protocol) -> Iterator[tuple[str, State]]:
    if rules.serial and any(each.step != "start" for each in state.runs):
        return
    if rules.settle_start and not state.settled:
        return
    after = "look" if rules.lists else "post"
    if not rules.claim:
        yield f"d{run.who} starts", _with(state, run, run._replace(step=after))
    elif state.claim == "free":
        yield f"d{run.who} claims", _with(state._replace(claim="held", wish=True), run, run._replace(step=after, holds=True))
    else:
        yield f"d{run.who} finds a claim", _ended(state, run, "joined" if state.claim == "done" else "later", rules)


def _look(state: State, run: Run, rules: Protocol) -> Iterator[tuple[str, State]]:
    if state.seen:
        yield f"d{run.who} looks: there", _ended(state, run, "joined", rules)
    else:
        yield f"d{run.who} looks: none", _with(state, run, run._replace(step="post"))


def _post(state: State, run: Run, rules: Protocol) -> Iterator[tuple[str, State]]:
    yield f"d{run.who} POSTs", _with(state, run, run._replace(step="wait", sent=run.sent + 1, fate="flying"))
    if state.throttled:
        yield f"d{run.who} is throttled", _ended(state._replace(throttled=state.throttled - 1), run, "later", rules)
    if state.not_sent:
        yield f"d{run.who} cannot send", _ended(state._replace(not_sent=state.not_sent - 1), run, "later", rules)


def _wait(state: State, run: Run, rules: Protocol) -> Iterator[tuple[str, State]]:
    if run.fate == "done":
        yield f"d{run.who} gets 200", _ended(state, run, "created", rules)
    if run.fate == "busy":
        yield f"d{run.who} gets busy", _ended(state, run, "joined" if state.seen else "later", rules)
    gave_up = run._replace(step="unclear", unclear=True, fate="")
    if run.fate == "lost":
        yield f"d{run.who} hears nothing", _with(state, run, gave_up)
    elif state.timeouts:
        orphans = state.orphans + (run.fate == "flying")
        yield f"d{run.who} times out", _with(state._replace(timeouts=state.timeouts - 1, orphans=orphans), run, gave_up)


def _unclear(state: State, run: Run, rules: Protocol) -> Iterator[tuple[str, State]]:
    if run.sent >= rules.posts:
        yield f"d{run.who} gives up", _ended(state, run, "later", rules)
    elif not rules.settle_retry or state.settled:
        yield f"d{run.who} tries again", _with(state, run, run._replace(step="look" if rules.lists else "post"))


_STEPS = {"start": _start, "look": _look, "post": _post, "wait": _wait, "unclear": _unclear}


def _with(state: State, run: Run, changed: Run) -> State:
    return state._replace(runs=tuple(changed if each is run else each for each in state.runs))


def _ended(state: State, run: Run, how: str, rules: Protocol) -> State:
    """A delivery is over: what becomes of its claim and its flying POST, and whether the platform brings it again."""
    claim, wish = state.claim, state.wish
    if run.holds:
        if how in ("created", "joined"):
            claim = "done"
            wish = False
        elif how == "crashed" or run.unclear:
            claim = "dead"
        else:
            claim, wish = "free", rules.memory
    runs = tuple(each for each in state.runs if each is not run)
    born, redeliveries = state.born, state.redeliveries
    if how in ("later", "crashed") and redeliveries and not run.swept:
        runs, born, redeliveries = (*runs, Run(who=born)), born + 1, redeliveries - 1
    orphans = state.orphans + (run.fate == "flying")
    return state._replace(runs=runs, claim=claim, wish=wish, born=born, redeliveries=redeliveries, orphans=orphans)


# ── all of it ──


@dataclass(frozen=True, slots=True)
class Explored:
    """How many states were seen, and a way to two restore points, or else to none for ever, where there is one."""

    states: int
    two: tuple[str, ...] | None
    none: tuple[str, ...] | None


def explore(rules: Protocol) -> Explored:
    """Breadth first, so that the ways found are the shortest."""
    first = canonical(begin(rules))
    came: dict[State, tuple[State, str] | None] = {first: None}
    before: dict[State, list[State]] = {}
    queue = deque([first])
    while queue:
        state = queue.popleft()
        if state.made > 1:
            return Explored(len(came), _way(came, state), None)
        for name, reached in moves(state, rules):
            after = canonical(reached)
            before.setdefault(after, []).append(state)
            if after not in came:
                came[after] = (state, name)
                queue.append(after)
    hopeful = _hopeful(came, before)
    lost = next((state for state in came if state not in hopeful), None)
    return Explored(len(came), None, _way(came, lost) if lost else None)


def _hopeful(came: Iterable[State], before: Mapping[State, list[State]]) -> set[State]:
    """The states that have a restore point, or a way to one."""
    hopeful = {state for state in came if state.made}
    queue = deque(hopeful)
    while queue:
        for state in before.get(queue.popleft(), ()):
            if state not in hopeful:
                hopeful.add(state)
                queue.append(state)
    return hopeful


def canonical(state: State) -> State:
    """States that differ only in the names of deliveries are one."""
    return state._replace(runs=tuple(sorted(run._replace(who=0) for run in state.runs)), born=0)


def _way(came: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    names = []
    while (step := came[state]) is not None:
        state, name = step
        names.append(name)
    return tuple(reversed(names))
