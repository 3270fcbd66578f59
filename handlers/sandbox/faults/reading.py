"""How a fault is asked for.

``--fault KIND[:key=value,…]`` and ``POST /_sandbox/faults`` with ``{"kind": KIND, key: value, …}`` say the same thing. Every kind
but ``refuse`` also takes ``method``, ``path`` (a part of it), ``times`` (how often it strikes, 0 = for ever) and ``chance`` (0 to
1; the draws follow from the sandbox's seed).
"""

from __future__ import annotations

import difflib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from handlers.errors import Misconfigured
from handlers.sandbox import codes
from handlers.sandbox.faults.kinds import KINDS, Value
from handlers.sandbox.faults.states import vault_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Default = Value | tuple[Value, ...]
_COMMON: dict[str, Default] = {"method": "", "path": "", "times": 1, "chance": 1.0}
_LIMITS: dict[str, tuple[float, float]] = {
    "times": (0, 10**9),
    "chance": (0, 1),
    "seconds": (0, 10**9),
    "after": (0, 10**9),
    "limit": (0, 10**9),
    "bytes": (0, 10**8),
    "megabytes": (1, 2000),
    "percent": (0, 1000),
    "by": (-(10**6), 10**6),
}
_LONGEST_REFUSAL = 3600
_WORDS: dict[type, str] = {int: "a whole number", float: "a number", str: "a text"}


@dataclass
class Fault:
    """One fault to act out. ``struck`` counts how often it was, ``met`` how often it might have been."""

    kind: str
    method: str
    path: str
    times: int
    chance: float
    sets: dict[str, Value]
    struck: int = 0
    met: int = 0

    @property
    def group(self) -> str:
        """Network, gateway or CBR."""
        return KINDS[self.kind].group

    @property
    def before(self) -> bool:
        """Whether the service never sees the request."""
        unsaid = "before" if self.group == "gateway" or self.kind == "reset_before" else "after"
        return self.sets.get("when", unsaid) == "before"

    def number(self, key: str) -> float:
        """A number that was set, or its default."""
        return float(self.sets[key])

    def row(self) -> dict[str, Any]:
        """As the control path shows it."""
        common = {"kind": self.kind, "method": self.method, "path": self.path, "times": self.times, "chance": self.chance}
        return {**common, **self.sets, "struck": self.struck}


def read(specification: str | Mapping[str, Any], where: str) -> Fault:
    """``where`` is how the setting is called that an error names."""
    kind, given = _parts(specification)
    if not kind:
        raise Misconfigured(where, "kind is missing; --fault list shows all kinds")
    if kind not in KINDS:
        raise Misconfigured(where, f"{kind!r} is no kind of fault{_nearest(kind, KINDS)}; --fault list shows them all")
    unasked = KINDS[kind].strikes == "connections"  # there is no request yet that it could go by
    known: dict[str, Default] = {**({} if unasked else _COMMON | {"times": KINDS[kind].times}), **KINDS[kind].sets}
    for key in given:
        if key not in known:
            raise Misconfigured(where, f"{kind} has no {key!r}{_nearest(key, known)}; it takes {', '.join(known)}")
    if kind == "throttle" and str(given.get("limit", 0)) != "0":
        known["times"] = 0  # a limit stays
    values = {
        key: _value(f"{kind}:{key}", given[key], default, where) if key in given else _choices(default)[0]
        for key, default in known.items()
    }
    method, path, times, chance = (values.pop(key, _choices(default)[0]) for key, default in _COMMON.items())
    return Fault(kind, str(method).upper(), str(path), int(times), float(chance), values)


def _parts(specification: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(specification, str):
        kind, _, rest = specification.partition(":")
        pairs = [part.partition("=") for part in rest.split(",") if part.strip()]
        return kind.strip(), {key.strip(): value.strip() for key, _, value in pairs}
    given = dict(specification)
    return str(given.pop("kind", "")), given


def _choices(default: Default) -> tuple[Value, ...]:
    return default if isinstance(default, tuple) else (default,)


def _value(name: str, given: object, default: Default, where: str) -> Value:
    wanted = type(_choices(default)[0])
    try:
        if isinstance(given, bool) or not isinstance(given, (str, int, float)) or (wanted is int and isinstance(given, float)):
            raise ValueError
        value: Value = wanted(given)
    except (ValueError, OverflowError):
        raise Misconfigured(where, f"{name} must be {_WORDS[wanted]}") from None
    if isinstance(default, tuple) and value not in default:
        raise Misconfigured(where, f"{name} must be one of {', '.join(map(str, default))}")
    complaint = _complaint(name, value)
    if complaint:
        raise Misconfigured(where, f"{name} must be {complaint}")
    return value


def _complaint(name: str, value: Value) -> str:
    kind, _, key = name.partition(":")
    least, most = _LIMITS.get(key, (float("-inf"), float("inf")))
    if key in _LIMITS and not (isinstance(value, int | float) and least <= value <= most):
        return f"between {least:g} and {most:g}"
    if key == "code" and isinstance(value, int) and not 200 <= value <= 599:
        return "a status between 200 and 599"
    if key == "code" and isinstance(value, str) and not (codes.published(value) and (kind == "error" or "." not in value)):
        return "a published code, such as 6125"
    if name == "refuse:seconds" and not 0 < float(value) <= _LONGEST_REFUSAL:
        return f"more than 0 and at most {_LONGEST_REFUSAL}: meanwhile nobody can take it back"
    if name == "frozen:status":
        return vault_state(str(value))
    if key == "status" and isinstance(value, int) and value and not 400 <= value <= 599:
        return "a status between 400 and 599"
    if key == "to" and not _on_loopback(str(value)):
        return "an address on loopback, such as http://127.0.0.1:8080/"
    return ""


def _on_loopback(url: str) -> bool:
    """A sandbox leads nobody astray."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _nearest(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""
