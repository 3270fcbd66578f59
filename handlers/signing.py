"""SDK-HMAC-SHA256, how Huawei Cloud and Open Telekom Cloud have requests signed, in both forms; and AWS's Signature Version 4.

The SDKs sign in the ``Access=`` form with the secret key itself. Terraform's OTC provider still signs in the older
``Credential=`` form, with a fourth line to sign and a key derived from day, region and service; we never send that one,
but a server has to understand it. Both forms share the algorithm's name and the canonical request. AWS's is their ancestor and
differs in every detail: no slash is added to the path, spaces within a header's value are folded, the key is always derived.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

ALGORITHM = "SDK-HMAC-SHA256"
AWS_ALGORITHM = "AWS4-HMAC-SHA256"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
CONTENT_HASH_HEADER = "x-sdk-content-sha256"  # a client may send the hash itself, or the text UNSIGNED-PAYLOAD
_DEFAULT_PORTS = {"http": 80, "https": 443}


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    access_key: str,
    secret_key: str,
    now: datetime,
    security_token: str = "",
) -> dict[str, str]:
    """Return the headers to add: ``X-Sdk-Date``, ``X-Security-Token`` for temporary keys, ``Authorization``.

    Everything in ``headers`` is signed, so send exactly these values and the bytes of ``body``; only names with ``_``
    are left out, as the official SDKs do. ``now`` must know its zone: more than 15 minutes of error are refused. Build
    the query of ``url`` with `query_string`, so that what is sent is what was signed.
    """
    if now.tzinfo is None:
        raise ValueError("now must carry a time zone")
    date = now.astimezone(UTC).strftime(DATE_FORMAT)
    added = {"X-Sdk-Date": date} | ({"X-Security-Token": security_token} if security_token else {})
    parts = urlsplit(url)
    values = {name.lower(): value for name, value in headers.items() if "_" not in name}
    values.pop("authorization", None)
    values = {"host": _host(url)} | values | {name.lower(): value for name, value in added.items()}
    names = sorted(values)
    hashed = values.get(CONTENT_HASH_HEADER) or payload_hash(body)
    query = parse_qsl(parts.query, keep_blank_values=True)
    text = string_to_sign(date, canonical_request(method, parts.path, query, values, names, hashed))
    proof = signature(secret_key, text)
    authorization = f"{ALGORITHM} Access={access_key}, SignedHeaders={';'.join(names)}, Signature={proof}"
    return added | {"Authorization": authorization}


def sign_aws(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    access_key: str,
    secret_key: str,
    region: str,
    service: str,
    now: datetime,
    security_token: str = "",
) -> dict[str, str]:
    """Return the headers to add for AWS: ``X-Amz-Date``, ``X-Amz-Security-Token`` for temporary keys, ``Authorization``.

    Everything in ``headers`` is signed, so send exactly these values. The path is encoded once more than it stands in ``url``, as
    every service but S3 wants it; dot segments are signed as they are. ``now`` must know its zone.
    (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)
    """
    if now.tzinfo is None:
        raise ValueError("now must carry a time zone")
    date = now.astimezone(UTC).strftime(DATE_FORMAT)
    added = {"X-Amz-Date": date} | ({"X-Amz-Security-Token": security_token} if security_token else {})
    values = {name.lower(): " ".join(value.split()) for name, value in ({**headers, **added}).items()}
    values.pop("authorization", None)
    values = {"host": _host(url)} | values
    names = ";".join(sorted(values))
    parts = urlsplit(url)
    query = sorted((_quote(key), _quote(value)) for key, value in parse_qsl(parts.query, keep_blank_values=True))
    lines = [method.upper(), quote(parts.path, safe="/~") or "/", "&".join(f"{key}={value}" for key, value in query)]
    lines += [*(f"{name}:{values[name]}" for name in sorted(values)), "", names, payload_hash(body)]
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((AWS_ALGORITHM, date, scope, payload_hash("\n".join(lines).encode())))
    proof = _hmac(_derived(b"AWS4" + secret_key.encode(), scope), text).hex()
    return added | {"Authorization": f"{AWS_ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={proof}"}


def canonical_request(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    signed: Sequence[str],
    payload_hash: str,
) -> str:
    """The text both forms hash. ``path`` may be percent-encoded or plain; a missing signed header is a ``KeyError``."""
    values = {name.lower(): value.strip() for name, value in headers.items()}
    encoded = "/".join(_quote(segment) for segment in unquote(path).split("/"))
    return "\n".join(
        (
            method.upper(),
            encoded if encoded.endswith("/") else encoded + "/",  # signed with a final slash, sent without
            query_string(query),
            *(f"{name}:{values[name]}" for name in signed),
            "",
            ";".join(signed),
            payload_hash,
        )
    )


def query_string(pairs: Sequence[tuple[str, str]]) -> str:
    """Sorted by key, then by value, everything but ``A-Z a-z 0-9 - _ . ~`` percent-encoded."""
    return "&".join(f"{_quote(key)}={_quote(value)}" for key, value in sorted(pairs))


def payload_hash(body: bytes) -> str:
    """Of no body at all: the hash of nothing."""
    return hashlib.sha256(body).hexdigest()


def string_to_sign(date: str, canonical: str, scope: str = "") -> str:
    """Three lines; with a ``scope`` (``20060102/eu-de/cbr/sdk_request``) the four lines of the older form."""
    hashed = payload_hash(canonical.encode())
    return "\n".join((ALGORITHM, date, scope, hashed) if scope else (ALGORITHM, date, hashed))


def signature(secret_key: str, text: str, scope: str = "") -> str:
    """Keyed with the secret key itself; with a ``scope`` with the older form's derived key."""
    key = signing_key(secret_key, scope) if scope else secret_key.encode()
    return _hmac(key, text).hex()


def signing_key(secret_key: str, scope: str) -> bytes:
    """The older form's chain over the parts of the scope; Terraform's OTC provider leaves region and service empty."""
    return _derived(b"SDK" + secret_key.encode(), scope)


def _derived(key: bytes, scope: str) -> bytes:
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _quote(text: str) -> str:
    return quote(text, safe="~")


def _host(url: str) -> str:
    """The ``Host`` header a client sends for ``url``: the port only where it is not the scheme's own."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    name = f"[{name}]" if ":" in name else name
    return name if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{name}:{parts.port}"
