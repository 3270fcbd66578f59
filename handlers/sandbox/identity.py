"""IAM: tokens for a password, an agency or an access key, and the projects of the one account there is."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems
from handlers.sandbox.doors import Token
from handlers.sandbox.exchange import Reply, Request
from handlers.sandbox.replies import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.sandbox.doors import Doors

TOKEN_SECONDS = 24 * 3600
_TOKEN_BYTES = 1500  # real ones are signed CMS texts of thousands of characters
Wire = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """``project_name`` is the region's name, as that of every account's default project."""

    region: str
    project_id: str
    project_name: str
    domain_id: str
    domain_name: str
    user_id: str
    username: str
    password: str
    agency: str

    @property
    def domain(self) -> Wire:
        """As it stands inside users and projects."""
        return {"id": self.domain_id, "name": self.domain_name}

    @property
    def project(self) -> Wire:
        """As it stands inside a token."""
        return {"id": self.project_id, "name": self.project_name, "domain": self.domain}


class Identity:
    """One method per route."""

    def __init__(self, account: Account, doors: Doors, endpoint: str) -> None:
        self.account, self.doors, self.endpoint = account, doors, endpoint

    def version(self, _: Request) -> Reply:
        """The version document of ``/v3`` that openstacksdk expects before it asks for a token (recorded)."""
        links = [{"rel": "self", "href": f"{self.endpoint}/v3/"}]
        return Reply(200, {"version": {"id": "v3.6", "status": "stable", "links": links}})

    def create_token(self, request: Request) -> Reply:
        """201; the token itself is the header ``X-Subject-Token``."""
        auth = _object(_json(request), "auth")
        identity = _object(auth, "identity")
        methods = identity.get("methods")
        proofs: dict[str, Callable[[Request, Wire], Wire]] = {
            "password": self._by_password,
            "assume_role": self._by_agency,
            "hw_ak_sk": self._by_access_key,
        }
        if not isinstance(methods, list) or methods not in [[name] for name in proofs]:
            raise problems.iam(400, "The authentication method is not supported.")
        who = proofs[methods[0]](request, _object(identity, methods[0]))
        scope = self._scope(auth.get("scope"))
        catalog: Wire = {} if any(name == "nocatalog" for name, _ in request.query) else {"catalog": self._catalog()}
        document = {
            "methods": methods,
            "issued_at": moment(request.at) + "Z",
            "expires_at": moment(request.at + TOKEN_SECONDS) + "Z",
            **who,
            **scope,
            "roles": [{"id": "0", "name": "te_admin"}],
            **catalog,
        }
        text = "MII" + base64.b64encode(secrets.token_bytes(_TOKEN_BYTES), b"+-").decode()
        project_id = str(scope.get("project", {}).get("id", ""))
        self.doors.tokens[text] = Token(text, request.at + TOKEN_SECONDS, project_id, document)
        return Reply(201, {"token": document}, {"X-Subject-Token": text})

    def show_token(self, request: Request) -> Reply:
        """Also answers HEAD, whose body the server leaves out."""
        self._admit(request)
        token = self.doors.tokens.get(request.headers.get("x-subject-token", ""))
        if token is None or request.at >= token.expires_at:
            raise problems.iam(404, "Could not find token.")
        return Reply(200, {"token": token.document}, {"X-Subject-Token": token.text})

    def list_projects(self, request: Request) -> Reply:
        """The official SDKs look up the project id of a region here, and want exactly one answer."""
        self._admit(request)
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
        return Reply(200, {"projects": found, "links": {"self": f"{self.endpoint}{request.path}"}})

    def _admit(self, request: Request) -> None:
        """IAM words a refusal in its own way."""
        try:
            self.doors.project_of(request)
        except problems.Problem:
            raise problems.iam_unauthenticated() from None

    def _by_password(self, _: Request, proof: Wire) -> Wire:
        """By user id, or by name and domain."""
        account, user = self.account, _object(proof, "user")
        known = user.get("id") == account.user_id or (
            user.get("name") == account.username and self._is_domain(_object(user, "domain"))
        )
        if not (_same(user.get("password"), account.password) and known):
            raise problems.iam_wrong_password()
        return self._user()

    def _by_agency(self, request: Request, proof: Wire) -> Wire:
        """``agency_name`` in the documents, ``xrole_name`` in OTC's example and in the Go clients."""
        self._admit(request)
        account, name = self.account, proof.get("agency_name", proof.get("xrole_name"))
        domain = {"id": proof.get("domain_id"), "name": proof.get("domain_name")}
        if name != account.agency or not self._is_domain(domain):
            raise problems.iam(404, "Could not find agency.")
        user = self._user()["user"]
        assumed = {"user": user, "domain": account.domain}
        agent = {"id": account.user_id, "name": f"{account.domain_name}/{account.agency}", "domain": account.domain}
        return {"user": agent, "assumed_by": assumed}

    def _by_access_key(self, _: Request, proof: Wire) -> Wire:
        """Not in the official documents; many public programs use it."""
        access, secret = _object(proof, "access").get("key"), _object(proof, "secret").get("key")
        key = self.doors.keys.get(access) if isinstance(access, str) else None
        if key is None or key.security_token or not _same(secret, key.secret):
            raise problems.iam_unauthenticated()
        return self._user()

    def _user(self) -> Wire:
        account = self.account
        user = {"id": account.user_id, "name": account.username, "domain": account.domain, "password_expires_at": ""}
        return {"user": user}

    def _scope(self, scope: Any) -> Wire:
        """A project wins over a domain; without a scope the token is the domain's."""
        scope = scope if isinstance(scope, dict) else {}
        if "project" not in scope:
            if "domain" in scope and not self._is_domain(_object(scope, "domain")):
                raise problems.iam_unauthenticated()
            return {"domain": self.account.domain}
        project = _object(scope, "project")
        domain_fits = "domain" not in project or self._is_domain(_object(project, "domain"))
        if self.account.project_id == project.get("id") or (self.account.project_name == project.get("name") and domain_fits):
            return {"project": self.account.project}
        raise problems.iam_unauthenticated()

    def _is_domain(self, given: Wire) -> bool:
        return given.get("id") == self.account.domain_id or given.get("name") == self.account.domain_name

    def _catalog(self) -> list[Wire]:
        """openstacksdk and otcextensions find CBR by the entry of type ``cbr``."""
        account, project_id = self.account, self.account.project_id
        urls = {
            "iam": ("identity", "*", f"{self.endpoint}/v3"),
            "cbr": ("cbr", account.region, f"{self.endpoint}/v3/{project_id}"),
            "smn": ("smn", account.region, f"{self.endpoint}/v2/{project_id}/notifications"),
        }
        return [
            {
                "id": name,
                "name": name,
                "type": kind,
                "endpoints": [
                    {"id": name, "interface": "public", "region": region, "region_id": region, "url": url},
                ],
            }
            for name, (kind, region, url) in urls.items()
        ]


def _json(request: Request) -> Wire:
    try:
        parsed = json.loads(request.body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise problems.iam(400, "The request body is invalid.")
    return parsed


def _object(parent: Wire, key: str) -> Wire:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise problems.iam(400, f"The request body is invalid: {key} is missing.")
    return value


def _same(given: object, secret: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(_bytes(given), _bytes(secret))


def _bytes(text: str) -> bytes:
    """JSON can carry half of a surrogate pair, which plain UTF-8 refuses."""
    return text.encode("utf-8", "surrogatepass")
