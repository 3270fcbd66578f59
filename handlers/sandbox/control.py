"""``/_sandbox``: the faults, habits and state of a sandbox while it runs. No proof is asked for: it is on loopback only.

    GET    /_sandbox/faults           all of them, with how often each has struck
    POST   /_sandbox/faults           one, or a list of them: {"kind": "reset_after", "times": 2, "method": "POST"}
    DELETE /_sandbox/faults           none any more
    GET    /_sandbox/habits           see `habits`
    POST   /_sandbox/habits           any of them: {"list_lag": 60}
    POST   /_sandbox/state            {"fill": {"vault_id", "percent"}}, {"status": {"vault_id", "status"}},
                                      {"protect_status": {"resource_id", "status"}}, {"foreign": {"vault_id", "seconds"}},
                                      {"resource_state": {"resource_id", "state"}}: any of these, all or none; names do for ids,
                                      and `faults.states` has the words
    POST   /_sandbox/tokens/expire    every token there is
    GET    /_sandbox/record           counts, restore points and the newest exchanges (?exchanges=100)

Nothing that passes here is counted or recorded, and no fault strikes it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from handlers.errors import Misconfigured
from handlers.sandbox import problems
from handlers.sandbox.exchange import Reply, Request, readable
from handlers.sandbox.habits import Habits

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.sandbox.faults import Faults

PREFIX = "/_sandbox"
_SHOWN = 100


class Control:
    """``record`` gives a document, given how many exchanges it shall hold."""

    def __init__(
        self,
        faults: Faults,
        habits: Habits,
        record: Callable[[int], dict[str, Any]],
        change: Callable[[dict[str, Any], float], object],
        expire: Callable[[], object],
    ) -> None:
        self._faults, self._habits, self._change, self._expire, self._record = faults, habits, change, expire, record

    def answer(self, request: Request) -> Reply:
        """A page in a browser is nobody who may ask: it names its origin, or a host that only a name server knows as ours."""
        if "origin" in request.headers:
            return Reply(403, {"error": "not from a page in a browser"})
        if not _is_here(request.headers.get("host")):
            return Reply(403, {"error": "by a loopback address or as localhost only"})
        path = request.path.removeprefix(PREFIX).rstrip("/")
        handle = self._routes.get(f"{request.method} {path}")
        if handle is None:
            return Reply(404, {"error": f"no such thing; there are {', '.join(self._routes)}, each after {PREFIX}"})
        try:
            return Reply(200, handle(self, request))
        except Misconfigured as problem:
            return Reply(400, {"error": problem.message, "setting": problem.setting})
        except problems.Problem as problem:
            return Reply(problem.status, problem.document(request.request_id))

    def _show_faults(self, _: Request) -> Any:
        return {"faults": self._faults.rows()}

    def _add_faults(self, request: Request) -> Any:
        given = readable(request.body)
        asked = given if isinstance(given, list) else [given]
        if not all(isinstance(each, dict | str) for each in asked):
            raise Misconfigured("faults", 'must be one {"kind": …} or a list of them')
        self._faults.add(*asked)
        return self._show_faults(request)

    def _clear_faults(self, request: Request) -> Any:
        self._faults.clear()
        return self._show_faults(request)

    def _show_habits(self, _: Request) -> Any:
        return asdict(self._habits)

    def _set_habits(self, request: Request) -> Any:
        given = _object(request, "habits")
        checked = {name: _habit(name, value) for name, value in given.items()}
        for name, value in checked.items():
            setattr(self._habits, name, value)
        return self._show_habits(request)

    def _set_state(self, request: Request) -> Any:
        self._change(_object(request, "state"), request.at)
        return {}

    def _expire_tokens(self, _: Request) -> Any:
        self._expire()
        return {}

    def _show_record(self, request: Request) -> Any:
        shown = dict(request.query).get("exchanges", str(_SHOWN))
        if not re.fullmatch(r"[0-9]{1,9}", shown):
            raise Misconfigured("exchanges", "must be a whole number")
        return self._record(int(shown))

    _routes: dict[str, Callable[[Control, Request], Any]] = {  # noqa: RUF012 - never changed
        "GET /faults": _show_faults,
        "POST /faults": _add_faults,
        "DELETE /faults": _clear_faults,
        "GET /habits": _show_habits,
        "POST /habits": _set_habits,
        "POST /state": _set_state,
        "POST /tokens/expire": _expire_tokens,
        "GET /record": _show_record,
    }


def _is_here(host: str | None) -> bool:
    """Whatever the port. Who sends none is no browser."""
    if host is None:
        return True
    found = re.fullmatch(r"(localhost|[0-9.]+)(:[0-9]*)?|\[([0-9a-f:.]+)\](:[0-9]*)?", host.lower())
    if not found:
        return False
    name = found[1] or found[3]
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _object(request: Request, name: str) -> dict[str, Any]:
    given = readable(request.body)
    if not isinstance(given, dict):
        raise Misconfigured(name, "must be an object")
    return given


_HINTS = get_type_hints(Habits)


def _habit(name: str, value: object) -> object:
    known = [field.name for field in fields(Habits)]
    if name not in known:
        raise Misconfigured(name, f"is no habit; there are {', '.join(known)}")
    wanted = _HINTS[name]
    choices = get_args(wanted)
    if choices:
        fits = value in choices
    elif wanted is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10**9
    else:
        fits = isinstance(value, bool)
    if not fits:
        described = "one of " + ", ".join(choices) if choices else {float: "a number of seconds", bool: "true or false"}[wanted]
        raise Misconfigured(name, f"must be {described}")
    return value
