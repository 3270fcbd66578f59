"""How senders prove who they are, as the rules file says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Literal

from handlers.documents import Strict
from handlers.models import AfterValidator, BeforeValidator, Chosen, Field, StrictStr
from handlers.rules.words import Duration, checked_reference

Proof = Literal["basic", "bearer", "hmac", "oidc", "platform", "smn", "sns"]
"""What a sender is known by: a secret it sends, one it signs with, keys its cloud signs with, or what the platform says."""
WITH_SECRET = ("basic", "bearer", "hmac")
WITH_LIBRARY = ("oidc", "smn", "sns")
"""Proofs that need the extra ``verify``: RSA and certificates are no code of ours."""

_HEADER = r"[A-Za-z0-9][A-Za-z0-9-]{0,63}"
_SIGNED = r"(?:\{(?:id|timestamp|body)\}|[!-z|~]){1,64}"


def _header(value: str) -> str:
    if not re.fullmatch(_HEADER, value):
        raise ValueError("must be the name of a header, such as X-Signature")
    return value


def _signed(value: str) -> str:
    if not re.fullmatch(_SIGNED, value) or value.count("{body}") != 1:
        raise ValueError('must be made of {body}, {timestamp}, {id} and what stands between them, such as "{timestamp}:{body}"')
    return value


def _moment(value: object) -> datetime:
    """TOML has times; without a zone nobody would know which."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be a time with its zone, such as 2026-12-31T00:00:00Z, without quotes")
    return value.astimezone(UTC)


Header = Annotated[StrictStr, AfterValidator(_header)]


class Retiring(Strict):
    """A secret that is being replaced: it is accepted until then, and no longer."""

    secret: Annotated[StrictStr, AfterValidator(checked_reference)]
    until: Annotated[datetime, BeforeValidator(_moment)]


class Scheme(Strict):
    """How a body is signed: HMAC over ``signed`` with the sender's secret, in ``header``."""

    header: Header
    algorithm: Literal["sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[StrictStr, Field(max_length=32)] = ""
    """What stands before the digest: a version, or the algorithm's name."""
    separator: Literal["", ",", " "] = ""
    """Between several signatures in one header, as there are while the sender changes its secret."""
    signed: Annotated[StrictStr, AfterValidator(_signed)] = "{body}"
    timestamp_header: Header | None = None
    """Where the time of sending stands, in seconds since 1970. It must be signed, too."""
    id_header: Header | None = None
    """Where the delivery's own id stands. It must be signed, too."""
    window: Annotated[Duration, Field(le=3600.0)] = 300.0
    """How far the time of sending may lie before or after now. An hour at most: so long a recorded request is good."""
    key: Literal["text", "base64"] = "text"
    """Whether the secret is the key itself, or base64 of it (after ``whsec_``, if that is there)."""

    def _faults(self) -> Iterator[tuple[str, str]]:
        for word, header in (("timestamp", self.timestamp_header), ("id", self.id_header)):
            if (header is None) == (f"{{{word}}}" in self.signed):
                yield f"{word}_header", f"goes with {{{word}}} in `signed`: what is not signed proves nothing"
        if (self.separator and self.separator in self.prefix) or self.prefix.startswith(" "):
            yield "prefix", "holds the separator, or begins with a blank: no signature would ever be found"


_SCHEMES: dict[str, dict[str, str]] = {
    "github": {"header": "X-Hub-Signature-256", "prefix": "sha256="},
    "grafana": {"header": "X-Grafana-Alerting-Signature"},
    "grafana-timestamp": {
        "header": "X-Grafana-Alerting-Signature", "timestamp_header": "X-Grafana-Alerting-Timestamp",
        "signed": "{timestamp}:{body}",
    },
    "pagerduty": {"header": "X-PagerDuty-Signature", "prefix": "v1=", "separator": ","},
    "sentry": {"header": "Sentry-Hook-Signature"},
    "standard-webhooks": {
        "header": "webhook-signature", "encoding": "base64", "prefix": "v1,", "separator": " ", "key": "base64",
        "timestamp_header": "webhook-timestamp", "id_header": "webhook-id", "signed": "{id}.{timestamp}.{body}",
    },
}  # fmt: skip
"""Those that senders use, by the senders' documentation. Grafana's header for the time has the name that is set there."""


@cache
def scheme_named(name: str) -> Scheme:
    """One of those, made when a sender has it."""
    return Scheme.model_validate(_SCHEMES[name])


SchemeName = Literal["github", "grafana", "grafana-timestamp", "pagerduty", "sentry", "standard-webhooks"]
AnyScheme = Annotated[
    SchemeName | Scheme, Chosen(lambda value: "[name]" if isinstance(value, str) else "[table]", ("[name]", "[table]"))
]
"""By name or in full: what is wrong in a table is said of the table, not that it is no name."""


GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs"


class Token(Strict):
    """An OpenID Connect token (a JWT in ``Authorization: Bearer``), as Google's Pub/Sub, Scheduler and Eventarc send it."""

    issuer: Annotated[StrictStr, Field(min_length=1, max_length=512)] = "https://accounts.google.com"
    audience: Annotated[StrictStr, Field(min_length=1, max_length=1024)]
    """For whom the token was made: exactly what is set at the sender."""
    email: Annotated[StrictStr, Field(min_length=3, max_length=320)] | None = None
    """The service account it speaks for; its address must be verified."""
    subject: Annotated[StrictStr, Field(min_length=1, max_length=512)] | None = None
    """Whom the token is about (``sub``), where the issuer names nobody's address. One of the two is required."""
    keys: Annotated[StrictStr, Field(min_length=1, max_length=1024)] = GOOGLE_KEYS
    """The issuer's public keys (a JWK set): an https URL, or ``file:/path``. Never what a token itself names."""

    def _faults(self) -> Iterator[tuple[str, str]]:
        if self.email is None and self.subject is None:
            yield "email", "is required, or `subject`: without it the token of anybody whom this issuer knows would do"
        if self.keys == GOOGLE_KEYS and self.issuer not in ("https://accounts.google.com", "accounts.google.com"):
            yield "keys", "is required with an issuer other than Google: where its public keys are"
        if not re.fullmatch(r"file:/.+|https://[^/?#@\s]+/[!-~]*|http://127\.0\.0\.1:[0-9]+/[!-~]*", self.keys):
            yield "keys", "must be an https URL or file:/path"
