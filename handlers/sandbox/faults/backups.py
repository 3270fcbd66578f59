"""CBR's own faults: what goes wrong in the vaults, or in what is told about them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handlers.sandbox import asking, problems
from handlers.sandbox.exchange import Reply, Wire
from handlers.sandbox.faults import states
from handlers.sandbox.faults.answers import rewritten
from handlers.sandbox.vaults import Harm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from handlers.sandbox.exchange import Request
    from handlers.sandbox.faults import Faults
    from handlers.sandbox.faults.reading import Fault
    from handlers.sandbox.front import Way
    from handlers.sandbox.habits import Habits
    from handlers.sandbox.vaults import Vaults
    from handlers.sandbox.vaults.points import Which


class Misbehaviour:
    """Handles a request in the way of a fault."""

    def __init__(self, vaults: Vaults, habits: Habits, faults: Faults) -> None:
        self._vaults, self._habits, self._faults = vaults, habits, faults

    def handle(self, fault: Fault, request: Request, handle: Callable[[Request], Reply], way: Way) -> Reply:
        """``way.done`` is set as soon as the service has done its work."""
        match fault.kind:
            case "busy":
                raise problems.by_code(str(fault.sets["code"]))
            case "error":
                if not fault.before:
                    way.done = handle(request).status
                raise _problem(fault)
            case "late_apply":
                return self._late(fault, request)
            case "foreign" | "full" | "frozen":
                self._prepare(fault, request)
            case "skip" | "fail" | "slow":
                request = replace(request, harm=self._harm(fault, request))
        with self._other_habits(fault):
            reply = handle(request)
        way.done = reply.status
        return replace(reply, document=rewritten(fault, reply.document))

    def change(self, asked: Mapping[str, Any], now: float) -> None:
        """``POST /_sandbox/state``: all of it, or nothing if any of it cannot be."""
        for change in states.prepare(asked, self._vaults, now):
            change()

    def _late(self, fault: Fault, request: Request) -> Reply:
        """What would be refused now is refused: it is what was taken in that gets lost on the way."""
        asked = asking.read(request.document())
        self._vaults.later(asked, request.at + fault.number("after"), Harm())
        timeout = problems.bad_request(504)
        wire = None if fault.sets["answer"] == "504" else Wire(str(fault.sets["answer"]))
        return Reply(timeout.status, timeout.document(request.request_id), wire=wire, line_feed=timeout.line_feed)

    def _prepare(self, fault: Fault, request: Request) -> None:
        vault_id = asking.read(request.document()).vault_id
        match fault.kind:
            case "foreign":
                self._vaults.foreign(vault_id, request.at, fault.number("seconds"))
            case "full":
                self._vaults.fill(vault_id, fault.number("percent"))
            case _:
                self._vaults.set_status(vault_id, str(fault.sets["status"]))

    def _harm(self, fault: Fault, request: Request) -> Harm:
        if fault.kind == "slow":
            return Harm(seconds=fault.number("seconds"))
        which: Which = "all" if fault.sets["which"] == "all" else frozenset({self._one(fault, request)})
        if fault.kind == "skip":
            return Harm(skip=which, skip_code=str(fault.sets["code"]))
        timeout = fault.sets["log"] == "timeout"
        return Harm(fail=which, fail_code=str(fault.sets["code"]), fail_after=fault.number("after"), timeout=timeout)

    def _one(self, fault: Fault, request: Request) -> str:
        """A resource of the asked ones, by seed."""
        asked = asking.read(request.document())
        held = [resource.id for resource in self._vaults.vault(asked.vault_id).resources]
        wanted = [each for each in held if asked.resource_ids is None or each in asked.resource_ids] or [""]
        return wanted[int(self._faults.draw("one", fault.kind, fault.met) * len(wanted))]

    @contextmanager
    def _other_habits(self, fault: Fault) -> Iterator[None]:
        """For one request."""
        name, value = {
            "list_lag": ("list_lag", fault.sets.get("seconds")),
            "fuzzy_name": ("name_filter", fault.sets.get("mode")),
            "hide_full": ("hide_full", True),
        }.get(fault.kind, ("", None))
        if not name:
            yield
            return
        before = getattr(self._habits, name)
        setattr(self._habits, name, value)
        try:
            yield
        finally:
            setattr(self._habits, name, before)


def _problem(fault: Fault) -> problems.Problem:
    code, status = str(fault.sets["code"]), int(fault.sets["status"])
    if code == "APIGW.0201" and status and not fault.sets["message"]:
        return problems.bad_request(status)  # the text goes with the status
    problem = problems.by_code(code, str(fault.sets["message"]))
    problem.status = status or problem.status
    return problem
