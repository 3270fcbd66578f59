"""Where public keys and certificates may be fetched from: hosts that the rules and the projects name, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from urllib.parse import urlsplit

from handlers.errors import Unclear
from handlers.rules import Sender
from handlers.settings import Settings
from handlers.trust import Trust
from handlers.wire import Clock, Deadline, Wire

LONGEST = 65536
"""Bytes of a certificate or key set; Google's has three thousand."""


def origins(sender: Sender, smn: Iterable[str]) -> Sequence[str]:
    """A sender's: of each of its topics' regions, or of its issuer's keys. ``smn`` are the projects' own SMN endpoints."""
    if sender.proof == "sns" and not sender.certificate:
        parts = [source.split(":") for source in sender.sources]
        ends = {partition: ".com.cn" if partition == "aws-cn" else ".com" for _, partition, *_ in parts}
        return sorted({f"https://sns.{part[3]}.amazonaws{ends[part[1]]}" for part in parts})
    if sender.proof == "smn" and not sender.certificate:
        return sorted(set(smn))
    if sender.token is not None and not sender.token.keys.startswith("file:"):
        url = urlsplit(sender.token.keys)
        return [f"{url.scheme}://{url.netloc}"]
    return []


def fetched(wire: Wire, url: str, deadline: Deadline) -> bytes:
    """The bytes at an address. Raises CallFailed."""
    reply = wire.request("GET", url, headers={"Accept": "*/*"}, deadline=deadline)
    if reply.status != 200 or not 0 < len(reply.body) <= LONGEST:
        raise Unclear("it is not there, or too large", status=reply.status)
    return reply.body


def hosts(settings: Settings) -> frozenset[str]:
    """The origins that all senders' proofs may need."""
    return frozenset(origin for sender in settings.rules.senders.values() for origin in origins(sender, _smn(settings)))


def open_trust(settings: Settings, clock: Clock, wire: Wire) -> Trust:
    """The senders of the rules, proven by what is fetched over this wire."""
    return Trust(settings.rules.senders, settings.secrets, clock, partial(fetched, wire), partial(origins, smn=_smn(settings)))


def _smn(settings: Settings) -> list[str]:
    return [access.smn for access in settings.projects.values()]
