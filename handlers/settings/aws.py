"""Where AWS's services are and which keys they are asked with: the ledger's table, the queue, secrets kept there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from handlers.credentials import AccessKey, Secret
from handlers.errors import Misconfigured
from handlers.settings.access import checked_origin, is_loopback
from handlers.values import dataclass, field

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")
_DOMAINS = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
"""Of AWS's partitions whose services are not under amazonaws.com, by how their regions begin."""


@dataclass(frozen=True)
class Aws:
    """One service of AWS in one region: its origin, and the keys it is asked with."""

    region: str
    origin: str
    environ: Mapping[str, str] = field(repr=False)

    def keys(self) -> AccessKey:
        """The keys as they are now: platforms replace temporary ones in a running process. Raises Misconfigured."""
        found = {name: self.environ.get(name, "").strip() for name in _KEYS}
        for name, value in found.items():
            if not value and name != _KEYS[-1]:
                raise Misconfigured(name, "is not set; AWS is asked with the keys in the environment, as they are on Lambda")
            if not (value.isascii() and value.isprintable()):
                raise Misconfigured(name, "holds a line break or a character that no key or token has")
        access, secret, token = found.values()
        return AccessKey(access, Secret(secret), Secret(token) if token else None)

    @property
    def on_this_machine(self) -> bool:
        """Whether an emulator is meant."""
        return is_loopback(urlsplit(self.origin).hostname or "")


def find_aws(environ: Mapping[str, str], service: str, region: str = "") -> Aws:
    """``service`` as its host is named, in ``region`` or the environment's; RESTORE_POINT_<SERVICE>_ENDPOINT is another origin.

    Raises Misconfigured: start refuses what every call would fail for.
    """
    region = region or (environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "").strip()
    if not _REGION.fullmatch(region):
        raise Misconfigured("AWS_REGION", "must name a region of AWS, such as eu-central-1")
    domain = _DOMAINS.get(region.partition("-")[0], "amazonaws.com")
    variable = f"RESTORE_POINT_{service.upper()}_ENDPOINT"
    given = environ.get(variable, "")
    found = Aws(region, checked_origin(variable, given) if given else f"https://{service}.{region}.{domain}", environ)
    found.keys()
    return found
