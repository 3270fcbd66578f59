"""Who we are: signed requests or a token, renewed at most once per call. An access key locks after five bad tries."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from handlers.credentials import AccessKey, GivenToken, Handed, Password, Secret
from handlers.errors import Rejected, Unauthorized, Unclear
from handlers.meaning import meaning
from handlers.settings import Access
from handlers.signing import sign
from handlers.values import dataclass, replace
from handlers.wire import Clock, Deadline, Wire
from handlers.wire.reply import Reply

AGENT = "cbr-restore-point"
RENEW_BEFORE = timedelta(minutes=5)
"""A token is renewed this long before its end; IAM tokens live 24 hours (IAM API reference)."""

_PART = 24
"""Characters of a token, key or signature that are too many to be shown."""


@dataclass(frozen=True)
class Outgoing:
    """A request as it will be sent, but for the headers that prove who sends it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    deadline: Deadline


class Identity(Protocol):
    """How requests prove who sends them."""

    def prove(self, request: Outgoing) -> dict[str, str]:
        """The headers to add to this one request; may call IAM."""
        ...

    def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401 to these headers: forget what can be made anew. False: there is nothing to, repeating is pointless."""
        ...


@dataclass(frozen=True)
class Session:
    """Requests to Huawei Cloud services in one identity."""

    wire: Wire
    identity: Identity

    def request(self, method: str, url: str, deadline: Deadline, *, body: bytes = b"") -> Reply:
        """One call, whatever it is answered. A 401 is repeated once, with a renewed token: it proves nothing was executed."""
        reply, proof = self._once(method, url, deadline, body)
        # A malformed id in a path is answered 401, too; no new token helps there.
        if reply.status == 401 and b"Malformed request url" not in reply.body and self.identity.renew(proof):
            reply, proof = self._once(method, url, deadline, body)
        return reply if reply.status == 200 else _without(proof, reply)

    def _once(self, method: str, url: str, deadline: Deadline, body: bytes) -> tuple[Reply, Mapping[str, str]]:
        headers = {"Accept": "application/json", "User-Agent": AGENT}
        if body:
            headers["Content-Type"] = "application/json;charset=utf-8"
        proof = self.identity.prove(Outgoing(method, url, headers, body, deadline))
        return self.wire.request(method, url, headers=headers | proof, body=body, deadline=deadline), proof


def _without(proof: Mapping[str, str], reply: Reply) -> Reply:
    """An error answer without what proved us: gateways repeat an access key or a whole header, in their texts and in headers."""
    told = (value for name, value in proof.items() if name.lower() != "x-sdk-date")  # which tells how far a clock is off
    words = {word for value in told for word in (value, *re.split(r"[ ,=;]+", value)) if not word.startswith("SDK-HMAC-")}
    return _struck(reply, words)


def _struck(reply: Reply, words: Iterable[str]) -> Reply:
    """The answer with these words, and what JSON makes of them, struck out wherever they stand, in whole or in part."""
    body, headers = reply.body.decode("latin-1"), dict(reply.headers)
    for word in sorted((each for each in words if len(each) >= 12), key=len, reverse=True):
        for form in {word, json.dumps(word)[1:-1]}:
            known = form.encode().decode("latin-1")
            body, headers = _without_parts(body, known), {name: _without_parts(text, known) for name, text in headers.items()}
    return replace(reply, body=body.encode("latin-1"), headers=headers)


def _without_parts(text: str, word: str) -> str:
    """The text with each stretch of it struck out that stands in the word: a gateway cuts a long token off wherever it likes."""
    text, half = text.replace(word, "***"), _PART // 2
    if not any(word[place : place + half] in text for place in range(0, len(word) - half + 1, half)):
        return text  # a stretch of _PART would hold one of these
    parts = {word[place : place + _PART] for place in range(len(word) - _PART + 1)}
    kept, place = list[str](), 0
    while place < len(text):
        end = place
        while text[end : end + _PART] in parts:
            end += 1
        struck = end > place
        kept.append("***" if struck else text[place])
        place = end + _PART - 1 if struck else place + 1
    return "".join(kept)


@dataclass(frozen=True)
class Signed:
    """AK/SK or temporary keys: every request is signed, nothing is fetched and nothing can be renewed."""

    keys: AccessKey | Handed
    clock: Clock

    def prove(self, request: Outgoing) -> dict[str, str]:
        """SDK-HMAC-SHA256 over the request as it will be sent."""
        keys = self.keys.keys if isinstance(self.keys, Handed) else self.keys
        return sign(
            request.method,
            request.url,
            request.headers,
            request.body,
            access_key=keys.access_key,
            secret_key=keys.secret_key.reveal(),
            security_token=keys.security_token.reveal() if keys.security_token else "",
            now=self.clock.now(),
        )

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Keys are what they are."""
        return False


@dataclass(frozen=True)
class Given:
    """A token from outside, used until it ends."""

    token: Secret

    def prove(self, request: Outgoing) -> dict[str, str]:
        """The token as it is."""
        return {"X-Auth-Token": self.token.reveal()}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Nobody here can make another one."""
        return False


class Token:
    """A token made by ``issue`` when it is needed; one thread makes it, the others wait for it."""

    def __init__(self, issue: Callable[[Deadline], tuple[str, datetime]], clock: Clock) -> None:
        self._issue, self._clock = issue, clock
        self._making = threading.Lock()
        self._token, self._ends = "", datetime.min.replace(tzinfo=UTC)

    def prove(self, request: Outgoing) -> dict[str, str]:
        """The kept token, or a new one where it ends within five minutes."""
        with self._making:
            if self._clock.now() + RENEW_BEFORE >= self._ends:
                self._token, self._ends = self._issue(request.deadline)
            return {"X-Auth-Token": self._token}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """The next request makes a new one, unless another thread has made one since."""
        with self._making:
            if refused.get("X-Auth-Token") == self._token:
                self._ends = datetime.min.replace(tzinfo=UTC)
        return True


def open_session(access: Access, wire: Wire, clock: Clock) -> Session:
    """The session of a project: its own credentials, or the agency it acts as."""
    scope = {"project": {"id": access.project_id} if access.project_id else {"name": access.project_name}}
    own: Identity
    match access.credentials:
        case AccessKey() | Handed():
            own = Signed(access.credentials, clock)
        case GivenToken():
            own = Given(access.credentials.token)
        case Password(user=user, password=password, domain=domain):
            who = {"name": user, "password": password, "domain": {"name": domain}}
            by_name = scope if access.project_id else {"project": {"name": access.project_name, "domain": {"name": domain}}}

            def by_password(deadline: Deadline) -> tuple[str, datetime]:
                user = who | {"password": password.reveal()}
                identity = {"methods": ["password"], "password": {"user": user}}
                return _issue(wire, access.iam, identity, by_name, deadline, clock.now, secret=password.reveal())

            own = Token(by_password, clock)
    if not access.agency:
        return Session(wire, own)
    session = Session(wire, own)

    def by_agency(deadline: Deadline) -> tuple[str, datetime]:
        role = {"domain_name": access.agency_domain, "agency_name": access.agency}
        return _issue(session, access.iam, {"methods": ["assume_role"], "assume_role": role}, scope, deadline, clock.now)

    return Session(wire, Token(by_agency, clock))


def find_project(session: Session, access: Access, deadline: Deadline, now: datetime) -> str:
    """The id of the region's project, as the official SDK finds it. Raises CallFailed."""
    from urllib.parse import quote

    reply = session.request("GET", f"{access.iam}/v3/projects?name={quote(access.project_name, safe='')}", deadline)
    if reply.status != 200:
        raise meaning(reply.status, reply.headers, reply.body, now=now)
    try:
        ids = [each["id"] for each in json.loads(reply.body)["projects"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unclear("IAM answered the project lookup with something unreadable", request_id=reply.request_id) from None
    if len(ids) != 1:
        raise Rejected(
            f"IAM knows {len(ids)} projects named {access.project_name}: write project_id into [projects.{access.name}]",
            status=200,
            request_id=reply.request_id,
        )
    return str(ids[0])


def _issue(
    by: Wire | Session,
    iam: str,
    identity: Mapping[str, Any],
    scope: Mapping[str, Any],
    deadline: Deadline,
    now: Callable[[], datetime],
    secret: str = "",
) -> tuple[str, datetime]:
    """A token and its end: POST /v3/auth/tokens, answered 201 with the token in X-Subject-Token (IAM API reference)."""
    url = f"{iam}/v3/auth/tokens?nocatalog=true"
    body = json.dumps({"auth": {"identity": identity, "scope": scope}}).encode()
    if isinstance(by, Session):
        reply = by.request("POST", url, deadline, body=body)
    else:
        headers = {"Accept": "application/json", "Content-Type": "application/json;charset=utf-8", "User-Agent": AGENT}
        reply = by.request("POST", url, headers=headers, body=body, deadline=deadline)
    if reply.status != 201:
        told = _struck(reply, [secret])
        raise meaning(told.status, told.headers, told.body, now=now())
    try:
        ends = datetime.fromisoformat(json.loads(reply.body)["token"]["expires_at"])
    except (ValueError, KeyError, TypeError, RecursionError):
        ends = now()
    token = reply.headers.get("x-subject-token", "")
    if not token:
        raise Unauthorized("IAM answered without a token", status=reply.status, request_id=reply.request_id)
    return token, ends if ends.tzinfo else ends.replace(tzinfo=UTC)
