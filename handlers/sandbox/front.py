"""From a request to its answer: finds the route, lets the caller in, asks the service, writes it all down."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from handlers.sandbox import moments, problems
from handlers.sandbox.exchange import Answer, Exchange, Reply, Request
from handlers.sandbox.faults import Fault, Faults, answers, is_create
from handlers.sandbox.record import Record
from handlers.sandbox.routes import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handlers.sandbox.doors import Doors
    from handlers.sandbox.routes import Route


@dataclass(slots=True)
class Way:
    """What is known of an exchange while it is under way: see `Exchange`. ``known`` says that its caller was let in."""

    faults: list[str] = field(default_factory=list)
    done: int = 0
    known: bool = False


class Front:
    """One request at a time, whichever connection it came by: the services behind need no locks of their own.

    ``advance`` is told the time before every request, ``control`` answers what begins with ``/_sandbox``, and ``misbehave``
    handles a request in the way of one of CBR's own faults.
    """

    def __init__(self, doors: Doors, clock: Callable[[], float], seed: int = 0) -> None:
        self.doors, self.clock, self.seed = doors, clock, seed
        self.table = Table(())
        self.faults, self.record = Faults(), Record()
        self.advance: Callable[[float], object] = float
        self.control: Callable[[Request], Reply] | None = None
        self.misbehave: Callable[[Fault, Request, Callable[[Request], Reply], Way], Reply] | None = None
        self.busy = threading.RLock()
        self.changes = 0  # grows with every request: they are counted, and a refused one may lock a key
        self._controlled = 0

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes | problems.Problem) -> Answer:
        """``body`` may be the reason why it could not be taken in. The exchange is on record before this returns."""
        path, _, query = target.partition("?")
        whole = b"" if isinstance(body, problems.Problem) else body
        with self.busy:
            found = self.table.find(method, path)
            controls = path.startswith(_CONTROL) and self.control is not None
            self.changes += not (controls and method in _READING)
            request = Request(
                at=self.clock(),
                request_id=self._request_id(controls=controls),
                method=method,
                path=path,
                query=tuple(parse_qsl(query, keep_blank_values=True, errors="surrogateescape")) if query else (),
                headers=headers,
                body=whole,
                segments=found[1] if found else {},
                target=target,
            )
            problem = body if isinstance(body, problems.Problem) else None
            if controls:
                return self._by_control(request, problem)
            way = Way()
            answer = self._surely(request, found[0] if found else None, way, problem)
            self.record.add(_exchange(request, answer, way), creates=is_create(method, path), known=way.known)
        return answer

    def _request_id(self, *, controls: bool) -> str:
        """Follows from the seed and how many requests there have been, so that a run can be repeated to the letter.

        What the control path is asked changes none of the services' ids, and shares none with them.
        """
        self._controlled += controls
        about = f"control/{self._controlled}" if controls else f"{self.record.counts.requests}"
        return blake2b(f"{self.seed}/{about}".encode(), digest_size=16).hexdigest()

    def _by_control(self, request: Request, problem: problems.Problem | None) -> Answer:
        """Nothing is done for a request that HTTP refuses."""
        if problem or not self.control:
            return answers.of_problem(problem or problems.no_such_api(), request.request_id)
        try:
            return _answer(request, self.control(request))
        except Exception:  # noqa: BLE001 - as for the services
            return answers.of_problem(problems.by_code("APIGW.0601"), request.request_id)

    def _surely(self, request: Request, route: Route | None, way: Way, problem: problems.Problem | None) -> Answer:
        """Whatever goes wrong in here has an answer and its place in the record, with what had been done until then."""
        try:
            self.advance(request.at)
            if problem is None:
                return self._through_the_network(request, route, way).fit()
        except Exception:  # noqa: BLE001 - a service that fails is a 500 of the gateway's, as in the cloud
            problem = problems.by_code("APIGW.0601")
        way.done = way.done or problem.status
        return answers.of_problem(problem, request.request_id)

    def _through_the_network(self, request: Request, route: Route | None, way: Way) -> Answer:
        fault = self.faults.strike("network", request)
        if fault is None:
            return self._through_the_gateway(request, route, way)
        way.faults.append(fault.kind)
        if fault.before:
            return answers.by_network(fault, Answer(0, {"X-Request-Id": request.request_id}, b""))
        return answers.by_network(fault, self._through_the_gateway(request, route, way))

    def _through_the_gateway(self, request: Request, route: Route | None, way: Way) -> Answer:
        """It looks for the route before it looks at credentials, and counts by user only whom it has let in."""
        try:
            if route is None:
                raise problems.no_such_api()
            fault = self.faults.strike("gateway", request, self._enter(request, way) if route.guarded else "")
            if fault is None:
                return _answer(request, self._ask(request, route, way))
            way.faults.append(fault.kind)
            if not fault.before:
                self._ask(request, route, way)
            return answers.by_gateway(fault, request)
        except problems.Problem as problem:
            way.done = way.done or problem.status
            return answers.of_problem(problem, request.request_id)

    def _enter(self, request: Request, way: Way) -> str:
        """Which user it is: throttling goes by users, whatever they prove themselves with."""
        caller = self.doors.enter(request)
        way.known = True
        project_id = caller.project_id
        if project_id != self.doors.project_id or request.segments.get("project_id", project_id) != project_id:
            raise problems.malformed_url()
        return caller.user_id

    def _ask(self, request: Request, route: Route, way: Way) -> Reply:
        fault = self.faults.strike("CBR", request) if self.misbehave else None
        if fault and self.misbehave:
            way.faults.append(fault.kind)
            return self.misbehave(fault, request, route.handle, way)
        reply = route.handle(request)
        way.done = reply.status
        return reply


_CONTROL = "/_sandbox"
_READING = frozenset({"GET", "HEAD"})
_UNSENT = frozenset({"reset", "hang"})


def _answer(request: Request, reply: Reply) -> Answer:
    headers = {"Date": moments.http_date(request.at), "X-Request-Id": request.request_id, **reply.headers}
    if reply.document is None:
        return Answer(reply.status, headers, b"", reply.wire)
    text = json.dumps(reply.document) + ("\n" if reply.line_feed else "")
    return Answer(reply.status, {"Content-Type": "application/json", **headers}, text.encode(), reply.wire)


def _exchange(request: Request, answer: Answer, way: Way) -> Exchange:
    unsent = answer.wire is not None and answer.wire.kind in _UNSENT
    return Exchange(
        at=request.at,
        method=request.method,
        target=request.target,
        sent=request.body,
        status=0 if unsent else answer.status,
        answered=b"" if unsent else answer.payload,
        fault="+".join(way.faults),
        done=way.done,
    )
