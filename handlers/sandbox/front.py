"""From a request to its answer: finds the route, lets the caller in, asks the service, writes it all down."""

from __future__ import annotations

import json
import re
import threading
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from handlers.sandbox import problems
from handlers.sandbox.exchange import Exchange, Reply, Request, readable

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

    def match(self, request: Request) -> dict[str, str] | None:
        """Match before decoding, so that an encoded slash stays inside its segment."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        found = re.fullmatch(pattern + "/?" if self.template != "/" else pattern, request.path)
        if not found or request.method != self.method:
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}


@dataclass(frozen=True)
class Answer:
    """What goes out: ``payload`` is the body's bytes."""

    status: int
    headers: Mapping[str, str]
    payload: bytes


class Front:
    """One request at a time, whichever connection it came by: the services behind need no locks of their own."""

    def __init__(self, routes: Sequence[Route], doors: Doors, clock: Callable[[], float]) -> None:
        self.routes, self.doors, self.clock = routes, doors, clock
        self.exchanges: list[Exchange] = []
        self.busy = threading.RLock()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes | problems.Problem) -> Answer:
        """``body`` may be the reason why it could not be taken in. The exchange is on record before this returns."""
        path, _, query = target.partition("?")
        with self.busy:
            request = Request(
                at=self.clock(),
                request_id=uuid.uuid4().hex,
                method=method,
                path=path,
                query=tuple(parse_qsl(query, keep_blank_values=True)),
                headers=headers,
                body=b"" if isinstance(body, problems.Problem) else body,
            )
            try:
                if isinstance(body, problems.Problem):
                    raise body
                reply, end = self._reply(request), ""
            except problems.Problem as problem:
                reply = Reply(problem.status, problem.document(request.request_id))
                end = "\n" if problem.line_feed else ""
            payload = b"" if reply.document is None else (json.dumps(reply.document) + end).encode()
            self.exchanges.append(_exchange(request, reply.status, payload))
        return Answer(reply.status, {"X-Request-Id": request.request_id, **reply.headers}, payload)

    def _reply(self, request: Request) -> Reply:
        """The gateway looks for the route before it looks at credentials."""
        for route in self.routes:
            segments = route.match(request)
            if segments is None:
                continue
            if route.guarded:
                project_id = self.doors.enter(request).project_id
                if project_id != self.doors.project_id or segments.get("project_id", project_id) != project_id:
                    raise problems.malformed_url()
            return route.handle(replace(request, segments=segments))
        raise problems.no_such_api()


def _exchange(request: Request, status: int, payload: bytes) -> Exchange:
    return Exchange(
        at=request.at,
        method=request.method,
        path=request.path,
        query=request.query,
        body=readable(request.body),
        status=status,
        reply=readable(payload),
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
        Route("GET", "/v3/{project_id}/vaults", cbr.list_vaults),
        Route("GET", "/v3/{project_id}/vaults/{vault_id}", cbr.show_vault),
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
