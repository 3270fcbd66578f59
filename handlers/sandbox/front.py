"""From a request to its answer: finds the route, lets the caller in, asks the service, writes it all down."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from handlers.sandbox import problems
from handlers.sandbox.exchange import Answer, Exchange, Reply, Request
from handlers.sandbox.faults import Fault, Faults, answers, is_create
from handlers.sandbox.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handlers.sandbox.cbr import Cbr
    from handlers.sandbox.doors import Doors
    from handlers.sandbox.identity import Identity
    from handlers.sandbox.topics import Topics


@dataclass(frozen=True)
class Route:
    """``template`` names its variable segments in braces; one called ``project_id`` must be the caller's own project."""

    method: str
    template: str
    handle: Callable[[Request], Reply]
    guarded: bool = True


class Table:
    """The routes by method and number of segments: one look-up per request, however many there are."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes: dict[tuple[str, int], list[tuple[Route, list[str]]]] = {}
        for route in routes:
            steps = route.template.split("/")
            self._routes.setdefault((route.method, len(steps)), []).append((route, steps))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Match before decoding, so that an encoded slash stays inside its segment; one slash too many at the end is none."""
        given = path.split("/")
        if len(given) > 2 and not given[-1] and given[-2]:
            given.pop()
        for route, steps in self._routes.get((method, len(given)), ()):
            if all(step == piece or (step[:1] == "{" and piece) for step, piece in zip(steps, given, strict=True)):
                return route, {step[1:-1]: unquote(piece) for step, piece in zip(steps, given, strict=True) if step[:1] == "{"}
        return None


@dataclass(slots=True)
class Way:
    """What is known of an exchange while it is under way: see `Exchange`."""

    faults: list[str] = field(default_factory=list)
    done: int = 0


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
        self.changes = 0  # grows with every request that may have changed something

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes | problems.Problem) -> Answer:
        """``body`` may be the reason why it could not be taken in. The exchange is on record before this returns."""
        path, _, query = target.partition("?")
        whole = b"" if isinstance(body, problems.Problem) else body
        with self.busy:
            found = self.table.find(method, path)
            request = Request(
                at=self.clock(),
                request_id=self._request_id(),
                method=method,
                path=path,
                query=tuple(parse_qsl(query, keep_blank_values=True, errors="surrogateescape")) if query else (),
                headers=headers,
                body=whole,
                segments=found[1] if found else {},
            )
            self.changes += method not in _READING
            if path.startswith(_CONTROL) and self.control:
                return _answer(request, self.control(request))
            self.advance(request.at)
            way = Way()
            if isinstance(body, problems.Problem):
                answer = answers.of_problem(body, request.request_id)
                way.done = answer.status
            else:
                answer = self._through_the_network(request, found[0] if found else None, way)
            self.record.add(_exchange(request, answer, way), creates=is_create(method, path))
        return answer

    def _request_id(self) -> str:
        """Follows from the seed and how many requests there have been, so that a run can be repeated to the letter."""
        return blake2b(f"{self.seed}/{self.record.counts.requests}".encode(), digest_size=16).hexdigest()

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
            fault = self.faults.strike("gateway", request, self._enter(request) if route.guarded else "")
            if fault is None:
                return _answer(request, self._ask(request, route, way))
            way.faults.append(fault.kind)
            if not fault.before:
                self._ask(request, route, way)
            return answers.by_gateway(fault, request)
        except problems.Problem as problem:
            way.done = way.done or problem.status
            return answers.of_problem(problem, request.request_id)

    def _enter(self, request: Request) -> str:
        """Which user it is: throttling goes by users, whatever they prove themselves with."""
        caller = self.doors.enter(request)
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
    headers = {"X-Request-Id": request.request_id, **reply.headers}
    if reply.document is None:
        return Answer(reply.status, headers, b"", reply.wire)
    text = json.dumps(reply.document) + ("\n" if reply.line_feed else "")
    return Answer(reply.status, {"Content-Type": "application/json", **headers}, text.encode(), reply.wire)


def _exchange(request: Request, answer: Answer, way: Way) -> Exchange:
    unsent = answer.wire is not None and answer.wire.kind in _UNSENT
    return Exchange(
        at=request.at,
        method=request.method,
        path=request.path,
        query=request.query,
        sent=request.body,
        status=0 if unsent else answer.status,
        answered=b"" if unsent else answer.payload,
        fault="+".join(way.faults),
        done=way.done,
    )


def routes(cbr: Cbr, identity: Identity, topics: Topics) -> tuple[Route, ...]:
    """Every route there is. IAM lets callers in by itself, because it refuses them in words of its own."""
    smn = "/v2/{project_id}/notifications"

    def version(request: Request) -> Reply:
        """One host serves what are two in the cloud, and both have a ``/v3``.

        openstacksdk asks with ``Accept: application/json`` (recorded) and needs IAM's document; the SDKs of CBR never ask,
        and whoever looks with any other ``Accept`` gets CBR's.
        """
        wants_json = "application/json" in request.headers.get("accept", "")
        return identity.version(request) if wants_json else cbr.versions(request)

    def open_to_all(method: str, template: str, handle: Callable[[Request], Reply]) -> Route:
        return Route(method, template, handle, guarded=False)

    services = (
        open_to_all("GET", "/", cbr.versions),
        open_to_all("GET", "/v3", version),
        open_to_all("POST", "/v3/auth/tokens", identity.create_token),
        open_to_all("GET", "/v3/auth/tokens", identity.show_token),
        open_to_all("HEAD", "/v3/auth/tokens", identity.show_token),
        open_to_all("DELETE", "/v3/auth/tokens", identity.revoke_token),
        open_to_all("POST", "/v3.0/OS-CREDENTIAL/securitytokens", identity.create_temporary_key),
        open_to_all("GET", "/v3/auth/catalog", identity.show_catalog),
        open_to_all("GET", "/v3/projects", identity.list_projects),
        open_to_all("GET", "/v3/auth/projects", identity.list_projects),
        Route("POST", "/v3/{project_id}/checkpoints", cbr.create_checkpoint),
        Route("GET", "/v3/{project_id}/checkpoints/{checkpoint_id}", cbr.show_checkpoint),
        Route("GET", "/v3/{project_id}/backups", cbr.list_backups),
        Route("GET", "/v3/{project_id}/backups/{backup_id}", cbr.show_backup),
        Route("DELETE", "/v3/{project_id}/backups/{backup_id}", cbr.delete_backup),
        Route("GET", "/v3/{project_id}/vaults", cbr.list_vaults),
        Route("POST", "/v3/{project_id}/vaults", cbr.create_vault),
        Route("GET", "/v3/{project_id}/vaults/{vault_id}", cbr.show_vault),
        Route("PUT", "/v3/{project_id}/vaults/{vault_id}", cbr.update_vault),
        Route("DELETE", "/v3/{project_id}/vaults/{vault_id}", cbr.delete_vault),
        Route("POST", "/v3/{project_id}/vaults/{vault_id}/addresources", cbr.add_resources),
        Route("POST", "/v3/{project_id}/vaults/{vault_id}/removeresources", cbr.remove_resources),
        Route("GET", "/v3/{project_id}/operation-logs", cbr.list_operation_logs),
        Route("GET", "/v3/{project_id}/operation-logs/{operation_log_id}", cbr.show_operation_log),
        Route("POST", f"{smn}/topics", topics.create),
        Route("GET", f"{smn}/topics", topics.list),
        Route("GET", f"{smn}/topics/{{topic_urn}}", topics.show),
        Route("DELETE", f"{smn}/topics/{{topic_urn}}", topics.delete),
        Route("GET", f"{smn}/topics/{{topic_urn}}/attributes", topics.show_attributes),
        Route("POST", f"{smn}/topics/{{topic_urn}}/publish", topics.publish),
        Route("POST", f"{smn}/message_template", topics.create_template),
        Route("GET", f"{smn}/message_template", topics.list_templates),
        Route("GET", f"{smn}/message_template/{{message_template_id}}", topics.show_template),
        Route("DELETE", f"{smn}/message_template/{{message_template_id}}", topics.delete_template),
    )
    # one host serves what are two in the cloud; where a catalog tells them apart by a path, CBR's is /cbr (recorded)
    return (*services, *(replace(route, template=f"/cbr{route.template}") for route in services if _is_cbr(route.template)))


def _is_cbr(template: str) -> bool:
    return template.startswith("/v3/{project_id}/")
