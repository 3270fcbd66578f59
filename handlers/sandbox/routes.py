"""Every route there is, and how one is found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handlers.sandbox.cbr import Cbr
    from handlers.sandbox.exchange import Reply, Request
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
