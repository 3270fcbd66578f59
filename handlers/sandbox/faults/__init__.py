"""What goes wrong, when, and how often: seeded, so that the same requests meet the same faults again.

    kinds      the table of everything that can be asked for
    reading    how it is asked for
    answers    what becomes of an answer
    backups    what becomes of the vaults

At most one fault of each group strikes one request, the one that was asked for first. Those of the network strike whatever
arrives whole; those of the gateway whoever was let in, on a route there is; those of CBR what it would have answered itself.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from handlers.sandbox.faults.kinds import KINDS
from handlers.sandbox.faults.reading import Fault, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handlers.sandbox.exchange import Request

__all__ = ["KINDS", "Fault", "Faults", "read"]

_THROTTLE_SECONDS = 60.0


class Faults:
    """``refuse`` is called with seconds when nobody is to listen, with None when somebody is again; says whether it could."""

    def __init__(self, seed: int = 0, refuse: Callable[[float | None], bool] | None = None) -> None:
        self._seed, self._refuse = seed, refuse
        self._all: tuple[Fault, ...] = ()
        self._windows: dict[tuple[int, str], tuple[float, int]] = {}

    def add(self, *specifications: str | Mapping[str, Any], where: str = "faults") -> None:
        """All of them, or none if one of them cannot be read."""
        added = tuple(read(each, where) for each in specifications)
        self._all += added
        self.resume()

    def resume(self) -> None:
        """Refuse connections from now on, if that was asked for and has not been done: also called when a server starts."""
        for fault in self._all:
            if fault.kind == "refuse" and not fault.struck and self._refuse and self._refuse(fault.number("seconds")):
                fault.struck = 1

    def clear(self) -> None:
        """Nothing goes wrong any more, except for what the state keeps (full, frozen)."""
        self._all = ()
        self._windows.clear()
        if self._refuse:
            self._refuse(None)

    def rows(self) -> list[dict[str, Any]]:
        """In the order of their coming, with how often each has struck."""
        return [fault.row() for fault in self._all]

    def strike(self, group: str, request: Request, user: str = "") -> Fault | None:
        """The fault of this group that strikes this request, counted as struck."""
        for place, fault in enumerate(self._all):
            if fault.group != group or not _fits(fault, request) or (fault.times and fault.struck >= fault.times):
                continue
            if fault.kind == "throttle" and not self._over(fault, (place, user), request.at):
                continue
            fault.met += 1
            if self._draw(place, fault.met) < fault.chance:
                fault.struck += 1
                return fault
        return None

    def draw(self, *about: object) -> float:
        """A number from 0 to 1 that follows from the seed and what it is about."""
        text = "/".join(map(str, (self._seed, *about)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48

    def _draw(self, place: int, met: int) -> float:
        return self.draw("fault", place, met)

    def _over(self, fault: Fault, whose: tuple[int, str], now: float) -> bool:
        """Count by user in windows of a minute that begin with their first request."""
        began, count = self._windows.get(whose, (now, 0))
        if not began <= now < began + _THROTTLE_SECONDS:
            began, count = now, 0
        self._windows[whose] = (began, count + 1)
        return count >= fault.number("limit")


def _fits(fault: Fault, request: Request) -> bool:
    if (fault.method and fault.method != request.method) or fault.path not in request.path or fault.kind == "refuse":
        return False
    match KINDS[fault.kind].strikes if "project_id" in request.segments else KINDS[fault.kind].group:
        case "CBR":  # IAM's calls are about no project
            return fault.kind == "error" and _by_iam(str(fault.sets["code"]), request.path)
        case "create":
            return is_create(request.method, request.path)
        case "list":
            return request.method == "GET" and request.path.rstrip("/").endswith(("/backups", "/operation-logs", "/vaults"))
        case "cbr":
            return _of_cbr(request.path)
        case "coded":
            return _speaks(str(fault.sets["code"]), request.path)
        case _:
            return True


def _by_iam(code: str, path: str) -> bool:
    return code.startswith("IAM.") and path.startswith(("/v3/auth/", "/v3.0/", "/v3/projects"))


def _speaks(code: str, path: str) -> bool:
    """Without a prefix a code is CBR's; the gateway's may come from anything about a project."""
    match code.rpartition(".")[0]:
        case "" | "BackupService":
            return _of_cbr(path)
        case "SMN":
            return path.startswith("/v2/")
        case "IAM":
            return False
        case _:
            return True


def _of_cbr(path: str) -> bool:
    """All services share one host here, and ``/cbr`` before a path says which of two is meant."""
    return path.removeprefix("/cbr").startswith("/v3/") and not path.startswith("/v3/auth/")


def is_create(method: str, path: str) -> bool:
    """An attempt to create a checkpoint, whatever comes of it."""
    return method == "POST" and path.rstrip("/").endswith("/checkpoints") and _of_cbr(path)
