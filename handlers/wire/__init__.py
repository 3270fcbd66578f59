"""Every outgoing request: one deadline over the whole call, capped answers, no redirects, and what "not sent" means.

httpx is imported when the first request is made, so a refused event does not pay for it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from handlers.errors import CallFailed, Misconfigured, NotSent, Unclear, Untrusted
from handlers.values import dataclass
from handlers.wire.reply import Reply

BODY_CAP = 1 << 20
"""Bytes of an answer that are read; a list of 1,000 backups has about half as many."""
LEAST_SECONDS = 1.0
"""Of a deadline that is short."""
IDLE_SECONDS = 4.0
"""How long an idle connection is kept, by either clock: gateways close theirs after some more, and a POST that meets a closing
connection is unclear. While a serverless instance is frozen its monotonic clock may stand still, hence both clocks."""
_GATEWAY_TROUBLE = (502, 503, 504)

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?P<host>(?=[^:/]{{1,253}}(?::|$)){_LABEL}(?:\.{_LABEL})*|\[::1\])(?::(?P<port>[0-9]{{1,5}}))?",
    re.IGNORECASE,
)
_IN_CLUSTER = rf"http://{_LABEL}(?:\.{_LABEL})*\.svc(?:\.cluster\.local)?(?::[0-9]{{1,5}})?"
_LOOPBACK = re.compile(r"127(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}")
_NUMBER = r"[0-9]+|0x[0-9a-f]*"
"""A last label like this makes the whole host an IPv4 address to inet_aton(3), however it is written."""
_PLAIN = re.compile(r"(?!.*/\.\.?(?:[/?#]|$))[!-~]+")
"""Printable, and without dot segments: httpx resolves them, so that another path would leave than the one that was signed."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
"""RFC 9110 section 5.5, without the bytes above ASCII that it calls obsolete."""


class Clock(Protocol):
    """Time as a parameter."""

    def now(self) -> datetime:
        """Wall time, UTC with zone."""

    def monotonic(self) -> float:
        """Seconds on a clock that is never set back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock by which everything must be over."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """That many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    def left(self) -> float:
        """Seconds, never negative."""
        return max(self.at - self.clock.monotonic(), 0.0)

    def short(self) -> bool:
        """Whether so little is left that nothing should be started: it could not finish."""
        return self.left() < LEAST_SECONDS

    @property
    def passed(self) -> bool:
        """Whether nothing is left."""
        return self.left() <= 0


def in_cluster(origin: str) -> bool:
    """Whether it is a service of the cluster this runs in, by the name Kubernetes gives it, over plain http as brokers are."""
    return bool(re.fullmatch(_IN_CLUSTER, origin))


class Network(Protocol):
    """What carries one request; `transport.Connections` in real life. ``users`` and ``retired`` are kept by Wire."""

    users: int
    retired: bool

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        """Status, headers and body of one answer; raises NotSent or Unclear."""

    def close(self) -> None:
        """Its connections."""


class Wire:
    """The only way out. Connects to ``origins`` (``https://host[:port]``; http for loopback) and to nothing else.

    ``body_cap`` bytes of an answer are read. ``plain`` says which origins may be asked in plain http beside loopback: such as are
    sent no secret. ``network`` makes what carries requests: sockets, but in a simulation.
    """

    def __init__(
        self,
        origins: Iterable[str],
        clock: Clock,
        *,
        ca_file: str = "",
        body_cap: int = BODY_CAP,
        network: Callable[[frozenset[str]], Network] | None = None,
        plain: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._origins = frozenset(origin if plain(origin) else _checked(origin) for origin in origins)
        self._clock, self._ca_file, self._body_cap = clock, ca_file, body_cap
        self._network = network or self._sockets
        self._building = threading.Lock()
        self._connections: Network | None = None
        self._last_used = 0.0

    def request(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", deadline: Deadline) -> Reply:
        """Any HTTP answer is a Reply. Raises NotSent when no byte left this machine, Unclear when no whole answer came.

        Repeated once, inside the deadline: what was not sent (unless the name on the certificate is wrong), and a GET that
        ended unclear or at a gateway in trouble. A POST that may have left is never repeated.
        """
        self._checked_request(url, headers)
        for last in (False, True):
            try:
                reply = self._once(method, url, headers, body, deadline)
            except CallFailed as failure:
                if last or not _repeatable(failure, method) or deadline.passed:
                    raise
            else:
                if last or method != "GET" or reply.status not in _GATEWAY_TROUBLE or deadline.passed:
                    return reply
        raise AssertionError("the second round always returns or raises")

    def close(self) -> None:
        """Idle connections, and busy ones as soon as they are idle; the next request opens new ones."""
        with self._building:
            self._retire()

    def _checked_request(self, url: str, headers: Mapping[str, str]) -> None:
        """Nothing that two parsers could read differently passes: the URL begins with an origin, letter for letter."""
        if not any(url == origin or url.startswith((origin + "/", origin + "?")) for origin in self._origins):
            raise NotSent("the request was for a host that is not configured, so nothing was sent")
        if not _PLAIN.fullmatch(url):
            raise NotSent("the URL of the request is malformed, so nothing was sent")
        if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers.items()):
            raise ValueError("a header holds a line break or something else no header may hold")

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline) -> Reply:
        if deadline.passed:
            raise NotSent("no time was left to send the request")
        connections = self._take()
        try:
            status, raw, content = connections.exchange(method, url, headers, body, deadline)
        finally:
            self._give_back(connections)
        kept: dict[str, str] = {}
        for name, value in raw:
            kept.setdefault(name.lower(), value)
        return Reply(status, kept, content)

    def _sockets(self, origins: frozenset[str]) -> Network:
        from handlers.wire.transport import Connections

        return Connections(origins, self._ca_file, self._body_cap)

    def _take(self) -> Network:
        """The connections, built at first use and retired after a freeze: when neither a call began nor one ended for so
        long, every idle connection has been idle for at least as long."""
        with self._building:
            now = self._clock.now().timestamp()
            if abs(now - self._last_used) > IDLE_SECONDS:
                self._retire()
            if self._connections is None:
                self._connections = self._network(self._origins)
            self._connections.users += 1
            self._last_used = now
            return self._connections

    def _give_back(self, connections: Network) -> None:
        with self._building:
            connections.users -= 1
            if connections.retired and not connections.users:
                connections.close()
            self._last_used = self._clock.now().timestamp()

    def _retire(self) -> None:
        if self._connections is not None:
            self._connections.retired = True
            if not self._connections.users:
                self._connections.close()
            self._connections = None


class Pace:
    """At most so many calls a second over all threads: CBR publishes no rate, and a gateway refuses what is over its own.

    A second's worth may go at once, so that one restore point (a look and a POST) never waits; then calls are evenly spaced.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_second, self._gap, self._clock = per_second, 1.0 / per_second, clock
        self._ahead = max(1.0 - self._gap, 0.0)
        self._deciding = threading.Lock()
        self._booked = float("-inf")

    def slower(self, share: float) -> Pace:
        """One of its own, at a share of the rate."""
        return Pace(self._per_second * share, self._clock)

    def wait(self, deadline: Deadline) -> None:
        """Until it is this call's turn; raises NotSent when that would be after the deadline."""
        with self._deciding:
            now = self._clock.monotonic()
            booked = max(now, self._booked)
            turn = max(now, booked - self._ahead)
            if turn > deadline.at:
                raise NotSent("the run's time is over before its turn at the project's requests_per_second")
            self._booked = booked + self._gap
        if turn > now:
            self._clock.sleep(turn - now)


def _repeatable(failure: CallFailed, method: str) -> bool:
    if isinstance(failure, NotSent):
        return not isinstance(failure, Untrusted)
    return isinstance(failure, Unclear) and method == "GET"


def _checked(origin: str) -> str:
    if not (parts := _ORIGIN.fullmatch(origin)):
        raise Misconfigured("endpoint", "must be an origin such as https://host, without path, query or user")
    scheme, host, port = parts["scheme"], parts["host"].lower(), parts["port"]
    if port and not 0 < int(port) < 1 << 16:
        raise Misconfigured("endpoint", "has a port that does not exist")
    loopback = host in ("localhost", "[::1]") or bool(_LOOPBACK.fullmatch(host))
    if not loopback and (host.startswith("[") or re.fullmatch(_NUMBER, host.rpartition(".")[2])):
        raise Misconfigured("endpoint", "must name its host: an address is for loopback only")
    if scheme != "https" and not loopback:
        raise Misconfigured("endpoint", "must begin with https:// (plain http is for loopback only)")
    return origin
