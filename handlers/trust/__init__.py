"""Who they are: proof before any work. A sender that is not known, not proven or at the wrong door gets nothing but 401.

What cannot be proven just now, because keys or certificates cannot be fetched, is 503: nobody gets in by that.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from handlers.carriers.batches import NOBODY
from handlers.credentials import Secret
from handlers.envelope import BODY_CAP, Door, Envelope, Http, parse_json
from handlers.errors import CallFailed, NotSent, Refusal
from handlers.rules import Sender
from handlers.settings import Key
from handlers.trust.kept import Kept
from handlers.values import dataclass, replace
from handlers.wire import Clock, Deadline

_NOBODY = Key("", Secret(""))
_OTHER_KINDS = {
    "text/plain": ("x-amz-sns-message-type", "x-smn-message-type"),
    "application/octet-stream": ("x-cloudscheduler", "ce-specversion"),
    "": ("x-cloudscheduler", "ce-specversion"),
}
"""What SNS, SMN, Cloud Scheduler and binary CloudEvents call their bodies, and the headers they are known by."""

HEADERS, HEAD_CAP = 100, 32768
"""How many headers, and how many characters of them with the path: gateways allow less, and a server may allow any number."""
_PROOFS = {
    "basic": "Authorization is not Basic with its user and password; see restore-point sign",
    "bearer": "Authorization is not Bearer with its secret; see restore-point sign",
    "hmac": "no signature of this body by one of its secrets is where its scheme says; see restore-point sign",
    "oidc": "there is no token of its issuer for its audience and account, or it has ended",
    "platform": "the platform does not say that it is one of its sources: over HTTP only a gateway that asks IAM does",
    "smn": "it is no message that SMN signed, of one of its topics and of the last hour",
    "sns": "it is no message that SNS signed, of one of its topics and of the last hour",
}
"""What is wrong, for the log: who is not proven hears no more than that."""

Fetch = Callable[[str, Deadline], bytes]
"""GET of a public key or certificate at a configured host. Raises CallFailed."""


@dataclass(frozen=True)
class Proven:
    """Who sends. ``key`` is where the secret stands that proved it, for logs; ``replay`` names this very request, if it can.

    ``covered`` is as much of the request as the proof covers. What is not signed proves nothing, so nothing else is read: whoever
    holds one signed message must not give it another meaning by a header or a field beside it.
    """

    sender: str
    covered: Http | None = None
    key: str = ""
    replay: str = ""
    lasts: float = 600.0
    """For how many seconds the same request counts as that one come again: at least as long as its proof is good."""


class Trust:
    """Senders and what proves them. ``fetch`` gets what is public, ``origins`` are where a topic's certificate may come from."""

    def __init__(
        self,
        senders: Mapping[str, Sender],
        keys: Mapping[str, Sequence[Key]],
        clock: Clock,
        fetch: Fetch,
        origins: Callable[[Sender], Sequence[str]],
    ) -> None:
        self._senders, self._keys, self._clock, self._fetch, self._origins = senders, keys, clock, fetch, origins
        self._kept = {name: Kept(clock) for name in senders}

    def verify(self, envelope: Envelope, deadline: Deadline) -> Proven:
        """Who sends this; raises Refusal. Timers and the watch that the platform itself invokes have no name.

        Nor has who brings a worker its message, over HTTP either: brokers hold no secret, and such a message asks for nothing.
        """
        if envelope.door in ("timer", "watch", "worker") and envelope.http is None:
            return Proven("")
        if envelope.http is None:
            return Proven(_by_platform(envelope, self._senders))
        http = _checked(envelope.http, envelope.door)
        if envelope.door == "worker":
            return Proven("", http)
        name = http.path.rstrip("/").rpartition("/")[2]
        sender = self._senders.get(name)
        if sender is None or not _fits(sender, envelope.door) or sender.proof == "platform":
            _secret_matches(http, None, [_NOBODY])  # costs as much as with a known one
        if sender is None:
            detail = "there is no [senders.…] of that name"
        elif not _fits(sender, envelope.door):
            detail = f"[senders.{name}] comes to the door {sender.door!r}, and this is {envelope.door!r}"
        elif proven := self._proven(http, name, sender, deadline):
            return proven
        else:
            detail = _PROOFS[sender.proof]
        why = "the sender is unknown here, or its proof is missing or wrong"
        raise Refusal("bad_proof", why, http=401, detail=detail)

    def named(self, envelope: Envelope) -> str:
        """The configured sender that an HTTP request's path names, proven or not: whose secret to look at. Else empty."""
        name = envelope.http.path.rstrip("/").rpartition("/")[2] if envelope.http else ""
        return name if name in self._senders else ""

    def _proven(self, http: Http, name: str, sender: Sender, deadline: Deadline) -> Proven | None:
        now = self._clock.now()
        match sender.proof:
            case "platform":
                return Proven(name, http) if _called(http.caller, sender.sources) else None
            case "bearer" | "basic":
                keys = [key for key in self._keys.get(name, ()) if key.accepted(now)]
                key = _secret_matches(http, sender, keys or [_NOBODY])
                return Proven(name, http, key.name) if key else None
            case "hmac":
                from handlers.trust.signed import verify_signature

                assert sender.signed_by is not None  # noqa: S101 - the rules are checked: hmac goes with a scheme
                found = verify_signature(http, sender.signed_by, self._keys.get(name, ()), now)
                lasts = max(2 * sender.signed_by.window + 60.0, 600.0)  # as long as it is good, by clocks that differ
                return Proven(name, replace(http, headers={}), found[0].name, found[1], lasts) if found else None
            case "oidc":
                return self._by_token(http, name, sender, deadline)
            case "sns" | "smn":
                return self._by_topic(http, name, sender, deadline)

    def _by_token(self, http: Http, name: str, sender: Sender, deadline: Deadline) -> Proven | None:
        from handlers.trust.tokens import Tokens, key_set

        def fetch(place: str) -> bytes:
            found = self._fetch(place, deadline)
            key_set(found)
            return found

        def read(place: str, *, fresh: bool) -> bytes:
            return self._kept[name].get(place, lambda: fetch(place), fresh=fresh)

        assert sender.token is not None  # noqa: S101 - the rules are checked: oidc goes with a token
        try:
            replay = Tokens(read).verify(http.headers.get("authorization", ""), sender.token, self._clock.now())
        except CallFailed as failure:
            raise _unavailable("the issuer's keys", failure) from None
        return Proven(name, http) if replay else None

    def _by_topic(self, http: Http, name: str, sender: Sender, deadline: Deadline) -> Proven | None:
        from handlers.trust.topics import SMN, SNS, WINDOW, certificate_place, checked_certificate, covered, is_from, is_signed

        service, now = SNS if sender.proof == "sns" else SMN, self._clock.now()
        if not any(source.encode() in http.body for source in sender.sources):
            return None  # before a megabyte of anybody's is parsed
        try:
            document: Any = parse_json(http.body, "body")
        except Refusal:
            return None
        if not isinstance(document, dict) or not is_from(document, service, sender.sources, now):
            return None
        place = "" if sender.certificate else certificate_place(document, service, self._origins(sender))
        if place is None:
            return None
        try:
            if sender.certificate:
                certificate = checked_certificate(_read(sender.certificate))
            else:
                certificate = self._kept[name].get(place, lambda: checked_certificate(self._fetch(place, deadline)))
        except CallFailed as failure:
            raise _unavailable("the topic's certificate", failure) from None
        if not is_signed(document, service, certificate, now):
            return None
        signed = replace(http, headers={}, body=covered(document, service))
        return Proven(name, signed, replay=str(document[service.message_id]), lasts=2 * WINDOW)


def methods(door: Door) -> Sequence[str]:
    """How HTTP may come to a door: Grafana and falcosidekick can be set to PUT."""
    return ("POST", "PUT") if door == "alert" else ("POST",)


def _checked(http: Http, door: Door) -> Http:
    """What is refused whoever sends it, before anything is computed. Raises Refusal."""
    if http.method not in methods(door):
        raise Refusal("method", f"only {' or '.join(methods(door))} is understood here", http=405)
    size = len(http.path) + sum(len(name) + len(value) for name, value in http.headers.items())
    if len(http.headers) > HEADERS or size > HEAD_CAP:
        raise Refusal("head_too_large", f"more than {HEADERS} headers, or more than {HEAD_CAP} characters of them", http=431)
    if len(http.body) > BODY_CAP:
        raise Refusal("too_large", f"the body is larger than {BODY_CAP} bytes", field="body", http=413)
    if http.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal("compressed", "a compressed body is not understood here", field="Content-Encoding", http=415)
    if not _understood(http.headers):
        raise Refusal("content_type", "the body must be application/json", field="Content-Type", http=415)
    return http


def _understood(headers: Mapping[str, str]) -> bool:
    """JSON by any name (RFC 6839), or what a carrier is known to call it; nothing a form in a browser could send by itself."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    return is_json or any(name in headers for name in _OTHER_KINDS.get(kind, ()))


def _secret_matches(http: Http, sender: Sender | None, keys: Sequence[Key]) -> Key | None:
    """Digests are compared, in time that says nothing about either text. Every key is tried, whichever is right."""
    header = http.headers.get("authorization", "")
    given = hashlib.sha256(header.encode("utf-8", "surrogatepass")).digest()
    right = [key for key in keys if hmac.compare_digest(given, hashlib.sha256(authorization(key, sender).encode()).digest())]
    return next((key for key in right if key.secret.reveal()), None)


def authorization(key: Key, sender: Sender | None) -> str:
    """What ``Authorization`` holds for this secret, letter for letter."""
    if sender is not None and sender.proof == "basic":
        return f"Basic {base64.b64encode(key.secret.reveal().encode()).decode()}"
    return f"Bearer {key.secret.reveal()}"


def _read(reference: str) -> bytes:
    """A pinned certificate. Raises NotSent where it is not there any more."""
    try:
        return Path(reference.removeprefix("file:")).read_bytes()
    except OSError as error:
        raise NotSent(f"the file cannot be read: {error.strerror}") from None


def _unavailable(what: str, failure: CallFailed) -> Refusal:
    return Refusal("proof_unavailable", f"{what} could not be had, so nothing was proven ({failure.said})", http=503)


def _by_platform(envelope: Envelope, senders: Mapping[str, Sender]) -> str:
    """By the exact topic or queue; a direct invocation is whoever IAM lets in, and there can be only one such sender a door."""
    if envelope.source == NOBODY:
        why = "the record says of no topic or queue that it is its: FunctionGraph's has event_source and smn.topic_urn"
        raise Refusal("malformed", why, field="record")
    candidates = [
        name
        for name, sender in senders.items()
        if sender.proof == "platform"
        and _fits(sender, envelope.door)
        and (envelope.source in sender.sources if envelope.source else not sender.sources)
    ]
    if len(candidates) != 1:
        many = "several [senders.…] claim" if candidates else 'no [senders.…] with proof = "platform" allows'
        if envelope.source:
            raise Refusal("source_not_listed", f"{many} this topic or queue at the door {envelope.door!r}", http=403)
        raise Refusal("bad_proof", f"{many} a direct invocation at the door {envelope.door!r}", http=401)
    return candidates[0]


def _called(caller: str, sources: Sequence[str]) -> bool:
    """Whom the platform's gateway authenticated: by the exact ARN, or an assumed role's without the name of its session.

    Where no source is listed it is whoever IAM lets call: somebody, in any case.
    """
    role = caller.rpartition("/")[0] if ":assumed-role/" in caller else caller
    return bool(caller) and (not sources or caller in sources or role in sources)


def _fits(sender: Sender, door: Door) -> bool:
    """Whoever may ask for one-offs may have the watch look, too."""
    return sender.door == ("once" if door == "watch" else door)
