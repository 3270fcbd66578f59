"""Who they are: proof before any work. A sender that is not known, not proven or at the wrong door gets nothing but 401."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from handlers.carriers.batches import NOBODY
from handlers.credentials import Secret
from handlers.envelope import BODY_CAP, Door, Envelope, Http
from handlers.errors import Refusal
from handlers.rules import Sender

_NOBODY = Secret("")
_OTHER_KINDS = {
    "text/plain": ("x-amz-sns-message-type", "x-smn-message-type"),
    "application/octet-stream": ("x-cloudscheduler", "ce-specversion"),
    "": ("x-cloudscheduler", "ce-specversion"),
}
"""What SNS, SMN, Cloud Scheduler and binary CloudEvents call their bodies, and the headers they are known by."""


def methods(door: Door) -> Sequence[str]:
    """How HTTP may come to a door: Grafana and falcosidekick can be set to PUT."""
    return ("POST", "PUT") if door == "alert" else ("POST",)


def verify(envelope: Envelope, senders: Mapping[str, Sender], secrets: Mapping[str, Secret]) -> str:
    """The name of the sender; raises Refusal. Timers and the watch that the platform itself invokes have none."""
    if envelope.door in ("timer", "watch") and envelope.http is None:
        return ""
    if envelope.http is not None:
        return _by_http(envelope.http, envelope.door, senders, secrets)
    return _by_platform(envelope, senders)


def _by_http(http: Http, door: Door, senders: Mapping[str, Sender], secrets: Mapping[str, Secret]) -> str:
    if http.method not in methods(door):
        raise Refusal("method", f"only {' or '.join(methods(door))} is understood here", http=405)
    if len(http.body) > BODY_CAP:
        raise Refusal("too_large", f"the body is larger than {BODY_CAP} bytes", field="body", http=413)
    if http.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal("compressed", "a compressed body is not understood here", field="Content-Encoding", http=415)
    if not _understood(http.headers):
        raise Refusal("content_type", "the body must be application/json", field="Content-Type", http=415)
    name = http.path.rstrip("/").rpartition("/")[2]
    sender = senders.get(name)
    by_bearer = _bearer(http.headers.get("authorization", ""), secrets.get(name, _NOBODY))
    proven = _called(http.caller, sender.sources) if sender and sender.proof == "platform" else by_bearer
    if sender is None or not proven or not _fits(sender, door):
        raise Refusal("bad_proof", "the sender is unknown here, or its proof is missing or wrong", http=401)
    return name


def _understood(headers: Mapping[str, str]) -> bool:
    """JSON by any name (RFC 6839), or what a carrier is known to call it; nothing a form in a browser could send by itself."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    return is_json or any(name in headers for name in _OTHER_KINDS.get(kind, ()))


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


def _bearer(header: str, secret: Secret) -> bool:
    """Digests are compared, in time that says nothing about either text; an unknown sender costs as much as a known one."""
    given = hashlib.sha256(header.encode("utf-8", "surrogatepass")).digest()
    wanted = hashlib.sha256(b"Bearer " + secret.reveal().encode()).digest()
    return hmac.compare_digest(given, wanted) and bool(secret.reveal())
