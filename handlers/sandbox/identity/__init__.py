"""IAM: tokens and temporary keys for a password, a token, an access key or an agency, and the one project there is."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from handlers.sandbox import problems
from handlers.sandbox.exchange import Reply, Request
from handlers.sandbox.identity import temporary
from handlers.sandbox.identity.account import Account, Wire
from handlers.sandbox.identity.proofs import METHODS, Proofs
from handlers.sandbox.identity.reading import Body
from handlers.sandbox.replies import moment

if TYPE_CHECKING:
    from handlers.sandbox.doors import Doors, Token

__all__ = ["Account", "Identity"]

TOKEN_SECONDS = 24 * 3600
_TOKEN_BYTES = 1500  # real ones are signed CMS texts of thousands of characters


class Identity:
    """One method per route. IAM lets callers in by itself, because it refuses them in words of its own."""

    def __init__(self, account: Account, doors: Doors, endpoint: str) -> None:
        self.account, self.doors, self.endpoint = account, doors, endpoint
        self.proofs = Proofs(account, doors)
        for text in account.tokens:
            document = {"methods": ["password"], "user": account.user, "project": account.project}
            doors.issue_token(text, account.project_id, document, now=0, expires_at=None)

    def version(self, _: Request) -> Reply:
        """The version document of ``/v3`` that openstacksdk expects before it asks for a token (recorded)."""
        links = [{"rel": "self", "href": f"{self.endpoint}/v3/"}]
        return Reply(200, {"version": {"id": "v3.6", "status": "stable", "links": links}})

    def create_token(self, request: Request) -> Reply:
        """201; the token itself is the header ``X-Subject-Token``."""
        body = Body(request)
        method = body.method(METHODS)
        proven = self.proofs.check(request, body, method)
        scope = self._scope(body)
        lifetime_end = request.at + TOKEN_SECONDS
        expires_at = lifetime_end if proven.expires_at is None else min(proven.expires_at, lifetime_end)
        document = {
            "methods": list(body.identity["methods"]),
            "issued_at": moment(request.at) + "Z",
            "expires_at": moment(expires_at) + "Z",
            **proven.who,
            **scope,
            "roles": [{"id": "0", "name": "te_admin"}],
        }
        text = "MII" + base64.b64encode(self.doors.fresh(_TOKEN_BYTES), b"+-").decode()
        project_id = str(scope.get("project", {}).get("id", ""))
        self.doors.issue_token(text, project_id, document, now=request.at, expires_at=expires_at)
        return self._told(201, self.doors.tokens[text], request)

    def show_token(self, request: Request) -> Reply:
        """Also answers HEAD, whose body the server leaves out."""
        return self._told(200, self._subject(request), request)

    def revoke_token(self, request: Request) -> Reply:
        """204; also one's own."""
        self.doors.revoke(self._subject(request).text)
        return Reply(204)

    def create_temporary_key(self, request: Request) -> Reply:
        """201 with everything in the body."""
        expires_at = request.at + temporary.wanted_seconds(request, self.account, self.proofs)
        access_key, key = self.doors.issue_key(now=request.at, expires_at=expires_at)
        credential = {
            "access": access_key,
            "secret": key.secret,
            "securitytoken": key.security_token,
            "expires_at": moment(expires_at) + "Z",
        }
        return Reply(201, {"credential": credential})

    def list_projects(self, request: Request) -> Reply:
        """The official SDKs look up the project id of a region here, and want exactly one answer."""
        self.proofs.admit(request)
        account, names = self.account, [value for name, value in request.query if name == "name"]
        row = {
            "id": account.project_id,
            "name": account.project_name,
            "domain_id": account.domain_id,
            "parent_id": account.domain_id,
            "enabled": True,
            "is_domain": False,
            "description": "",
            "links": {"self": f"{self.endpoint}/v3/projects/{account.project_id}"},
        }
        found = [row] if not names or account.project_name in names else []
        return Reply(200, {"projects": found, "links": self._links(request)})

    def show_catalog(self, request: Request) -> Reply:
        """What the caller's token would carry."""
        project = bool(self.proofs.admit(request).project_id)
        return Reply(200, {"catalog": self.account.catalog(self.endpoint, project=project), "links": self._links(request)})

    def _links(self, request: Request) -> Wire:
        return {"self": f"{self.endpoint}{request.path}"}

    def _subject(self, request: Request) -> Token:
        """The token a call is about; the one it comes with is another matter."""
        self.proofs.admit(request)
        token = self.doors.token(request.headers.get("x-subject-token", ""), request.at)
        if token is None:
            raise problems.iam(404, "Could not find token.")
        return token

    def _told(self, status: int, token: Token, request: Request) -> Reply:
        """With the catalog, unless ``nocatalog`` stands in the query, whatever its value."""
        document = token.document
        if not any(name == "nocatalog" for name, _ in request.query):
            document = document | {"catalog": self.account.catalog(self.endpoint, project=bool(token.project_id))}
        return Reply(status, {"token": document}, {"X-Subject-Token": token.text})

    def _scope(self, body: Body) -> Wire:
        """A project wins over a domain; without a scope the token is the domain's."""
        account, scope = self.account, body.auth.get("scope")
        scope = scope if isinstance(scope, dict) else {}
        if "project" not in scope:
            if "domain" in scope and not account.is_domain(body.object(scope, "domain")):
                raise problems.iam_unauthenticated()
            return {"domain": account.domain}
        project = body.object(scope, "project")
        domain_fits = "domain" not in project or account.is_domain(body.object(project, "domain"))
        if account.project_id == project.get("id") or (account.project_name == project.get("name") and domain_fits):
            return {"project": account.project}
        raise problems.iam_unauthenticated()
