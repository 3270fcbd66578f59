"""Where messages are published that do not go to Huawei Cloud, and what with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from handlers.credentials import Secret
from handlers.errors import Misconfigured
from handlers.rules import Rules, Topic
from handlers.settings.access import checked_origin, is_loopback
from handlers.settings.aws import Aws, find_aws
from handlers.settings.kept import Kept
from handlers.settings.secrets import SECRET_LENGTH, Key, signing_fault, value_at
from handlers.values import dataclass
from handlers.wire import in_cluster

METADATA_SERVER = "http://metadata.google.internal"
"""Where Google Cloud gives a machine or function its token: link-local, in plain http only, and nothing secret is sent there."""
_METADATA_NAMES = ("", "metadata.google.internal", "metadata.google.internal:80", "169.254.169.254", "169.254.169.254:80")
_URL = r"(?P<origin>https?://[A-Za-z0-9.:\[\]-]{1,255})(?P<path>/[A-Za-z0-9._~/-]{0,1024})?"


@dataclass(frozen=True)
class TopicAccess:
    """``url`` is what messages are posted to, ``origin`` its host.

    ``aws`` goes with SNS, ``key`` with CloudEvents that are signed, ``tokens`` with Pub/Sub: the origin that gives them.
    """

    origin: str
    url: str
    aws: Aws | None = None
    key: Key | None = None
    tokens: str = ""

    @property
    def on_this_machine(self) -> bool:
        """Whether an emulator is meant, or a program beside this one."""
        return is_loopback(urlsplit(self.origin).hostname or "")


def find_topics(rules: Rules, environ: Mapping[str, str], kept: Kept | None = None) -> dict[str, TopicAccess]:
    """Of each topic of SNS, Pub/Sub and CloudEvents, by its name in the rules. Raises Misconfigured."""
    found = {}
    for name, topic in rules.topics.items():
        if topic.kind == "sns":
            aws = find_aws(environ, "sns", topic.region)
            found[name] = TopicAccess(aws.origin, f"{aws.origin}/", aws=aws)
        elif topic.kind == "pubsub":
            found[name] = _pubsub(topic.topic or "", environ)
        elif topic.kind == "cloudevents":
            found[name] = _sink(name, topic, environ, kept or Kept(environ))
    return found


def _pubsub(topic: str, environ: Mapping[str, str]) -> TopicAccess:
    """PUBSUB_EMULATOR_HOST and GCE_METADATA_HOST are Google's own names for what stands in for the services."""
    if emulator := environ.get("PUBSUB_EMULATOR_HOST", "").strip():
        origin = _beside("PUBSUB_EMULATOR_HOST", emulator)
        return TopicAccess(origin, f"{origin}/v1/{topic}:publish")
    variable = "RESTORE_POINT_PUBSUB_ENDPOINT"
    origin = checked_origin(variable, environ[variable]) if environ.get(variable) else "https://pubsub.googleapis.com"
    given = environ.get("GCE_METADATA_HOST", "").strip()
    tokens = METADATA_SERVER if given in _METADATA_NAMES else _beside("GCE_METADATA_HOST", given)
    return TopicAccess(origin, f"{origin}/v1/{topic}:publish", tokens=tokens)


def _beside(variable: str, host: str) -> str:
    """What stands in for a service speaks plain http: it must be on this machine, or in this cluster for an emulator."""
    origin = f"http://{host}"
    if variable == "PUBSUB_EMULATOR_HOST" and in_cluster(origin):
        return origin
    return checked_origin(variable, origin)


def _sink(name: str, topic: Topic, environ: Mapping[str, str], kept: Kept) -> TopicAccess:
    """Any address over https; plain http on this machine and, by Knative's own habit, to the cluster's own services."""
    setting = topic.sink or f"topics.{name}.url"
    url = environ.get(topic.sink, "").strip() if topic.sink else topic.url or ""
    parts = re.fullmatch(_URL, url)
    if not parts:
        why = "is not set, or is no URL without user and query: Knative sets it (SinkBinding), or write url in its place"
        raise Misconfigured(setting, why)
    origin = parts["origin"] if in_cluster(parts["origin"]) else checked_origin(setting, parts["origin"])
    return TopicAccess(origin, origin + (parts["path"] or "/"), key=_key(name, topic.secret, kept))


def _key(name: str, reference: str | None, kept: Kept) -> Key | None:
    if reference is None:
        return None
    setting, where = f"topics.{name}.secret", reference if reference.startswith("arn:") else reference.partition(":")[2]
    value = value_at(setting, reference, kept)
    if not value.isascii() or len(value) < SECRET_LENGTH:
        raise Misconfigured(setting, f"{where} must hold at least {SECRET_LENGTH} printable ASCII characters")
    key = Key(reference, Secret(value))
    if fault := signing_fault(key):
        raise Misconfigured(setting, f"{where} {fault}")
    return key
