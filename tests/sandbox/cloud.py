"""CBR without HTTP in front of it: its state, its routes and a clock, for what only the state can be asked to do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from handlers.sandbox import estate
from handlers.sandbox.cbr import Cbr
from handlers.sandbox.exchange import Request
from handlers.sandbox.habits import Habits
from handlers.sandbox.problems import Problem
from handlers.sandbox.routes import Route, Table, routes
from handlers.sandbox.vaults import NO_HARM, Harm, Vaults

if TYPE_CHECKING:
    from handlers.sandbox.estate import Estate

START = 1_795_417_491.304116  # 2026-11-23T07:04:51.304116Z
ERP, FILES, EMPTY, DISKS = estate.ERP_VAULT_ID, estate.FILES_VAULT_ID, estate.EMPTY_VAULT_ID, estate.DISKS_VAULT_ID
APP, DB, SHARE, MAIL = estate.ERP_APP_ID, estate.ERP_DB_ID, estate.FILES_SHARE_ID, estate.MAIL_DISK_ID


def roomy() -> Estate:
    """Vaults that never get full."""
    return replace(estate.DEFAULT, vaults=tuple(replace(vault, size_gb=10_000_000, held={}) for vault in estate.VAULTS))


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


class Cloud:
    def __init__(self, *, habits: Habits | None = None, of: Estate = estate.DEFAULT, **options: Any) -> None:
        self.now = START
        self.state = Vaults(of.project_id, of, habits=habits or Habits.well_behaved(), **options)
        self._table = Table([route for route in routes(Cbr(self.state, "http://sandbox"), _No(), _No()) if _is_cbr(route)])  # type: ignore[arg-type]

    def forward(self, seconds: float) -> None:
        self.now += seconds

    def ask(self, method: str, target: str, body: Any = None, harm: Harm = NO_HARM) -> Any:
        self.state.advance(self.now)
        path, _, query = target.partition("?")
        found = self._table.find(method, f"/v3/{estate.PROJECT_ID}{path}")
        assert found, path
        raw = b"" if body is None else json.dumps(body).encode()
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        try:
            reply = found[0].handle(Request(self.now, "r", method, path, pairs, {}, raw, found[1], harm))
        except Problem as problem:
            document = problem.document("r")
            raise Refused(problem.status, document.get("error_code", "").removeprefix("BackupService.")) from None
        return json.loads(json.dumps(reply.document))

    def create(self, vault_id: str = ERP, harm: Harm = NO_HARM, **parameters: Any) -> Any:
        body = {"checkpoint": {"vault_id": vault_id, "parameters": parameters}}
        return self.ask("POST", "/checkpoints", body, harm)["checkpoint"]

    def show(self, checkpoint: Any) -> Any:
        return self.ask("GET", f"/checkpoints/{checkpoint['id']}")["checkpoint"]

    def vault(self, vault_id: str = ERP) -> Any:
        return self.ask("GET", f"/vaults/{vault_id}")["vault"]

    def backups(self, query: str = "sort=created_at:asc,name:asc") -> list[Any]:
        return list(self.ask("GET", f"/backups?{query}")["backups"])

    def logs(self, query: str = "sort=created_at:asc") -> list[Any]:
        return list(self.ask("GET", f"/operation-logs?{query}")["operation_logs"])


class _No:
    """Stands for the services that are not asked."""

    def __getattr__(self, name: str) -> Any:
        return None


def _is_cbr(route: Route) -> bool:
    return route.template.startswith("/v3/{project_id}/")
