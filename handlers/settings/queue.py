"""Where wishes go that one run cannot take: RESTORE_POINT_QUEUE."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote, urlsplit

from handlers.errors import Misconfigured
from handlers.settings.access import Access, checked_origin, functiongraph_origin, is_loopback
from handlers.settings.aws import Aws, find_aws
from handlers.values import dataclass
from handlers.wire import in_cluster

_SETTING = "RESTORE_POINT_QUEUE"
_SQS = r"https://sqs\.(?P<region>[a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu)/[0-9]{12}/[A-Za-z0-9_-]{1,80}"
_EMULATED = r"(?P<origin>http://(?:127\.0\.0\.1|localhost):[0-9]{1,5})/[0-9]{12}/[A-Za-z0-9_-]{1,80}"
_SINK = r"(?!.*/\.\.?(?:/|$))(?P<origin>https?://[A-Za-z0-9.:\[\]-]{1,255})(?P<path>/[A-Za-z0-9._~/-]{0,255})?"
"""Without dot segments: an address that has some is sent nothing (`handlers.wire`)."""
_URN = r"urn:fss:[a-z0-9-]{1,64}:(?P<project>[0-9a-f]{32}):function(?::[A-Za-z0-9_-]{1,64}){2,3}"


@dataclass(frozen=True)
class QueueAccess:
    """``url`` is what messages are posted to; ``aws`` goes with SQS, ``project`` (its name in the rules) with FunctionGraph."""

    kind: Literal["sqs", "sink", "functiongraph"]
    url: str
    origin: str
    aws: Aws | None = None
    project: str = ""

    @property
    def on_this_machine(self) -> bool:
        """Whether no other machine's queue is meant."""
        return is_loopback(urlsplit(self.origin).hostname or "")


def find_queue(environ: Mapping[str, str], projects: Mapping[str, Access]) -> QueueAccess | None:
    """``sqs:QUEUE_URL``, ``sink`` (what K_SINK names) or ``sink:URL``, ``functiongraph:FUNCTION_URN``; None where nothing is set.

    Raises Misconfigured.
    """
    kind, _, place = environ.get(_SETTING, "").strip().partition(":")
    match kind:
        case "":
            return None
        case "sqs":
            return _sqs(place, environ)
        case "sink":
            return _sink(place or environ.get("K_SINK", "").strip())
        case "functiongraph":
            return _functiongraph(place, environ, projects)
    raise Misconfigured(_SETTING, "must begin with sqs:, sink or functiongraph:")


def _sqs(url: str, environ: Mapping[str, str]) -> QueueAccess:
    """A queue's URL as SQS gives it out; RESTORE_POINT_SQS_ENDPOINT says where else it is asked for."""
    if emulated := re.fullmatch(_EMULATED, url):
        aws = find_aws({**environ, "RESTORE_POINT_SQS_ENDPOINT": emulated["origin"]}, "sqs")
        return QueueAccess("sqs", url, aws.origin, aws)
    found = re.fullmatch(_SQS, url)
    if not found:
        raise Misconfigured(_SETTING, "must be a queue's URL after sqs:, as https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")
    aws = find_aws(environ, "sqs", found["region"])
    return QueueAccess("sqs", url, aws.origin, aws)


def _sink(url: str) -> QueueAccess:
    """A broker's address. Inside a cluster it is plain http, by Knative's own habit: nothing secret is sent there."""
    found = re.fullmatch(_SINK, url)
    if not found:
        raise Misconfigured(_SETTING, "must name the broker's address after sink: (or leave it to K_SINK), without user or query")
    origin = found["origin"] if in_cluster(found["origin"]) else checked_origin(_SETTING, found["origin"])
    return QueueAccess("sink", origin + (found["path"] or "/"), origin)


def _functiongraph(urn: str, environ: Mapping[str, str], projects: Mapping[str, Access]) -> QueueAccess:
    """The function that works, in the project whose keys may invoke it (FunctionGraph API, asynchronous execution)."""
    found = re.fullmatch(_URN, urn)
    if not found:
        raise Misconfigured(_SETTING, "must name a function after functiongraph:, by its URN urn:fss:…:function:…")
    # One whose id is not configured is looked up at its first call, and may be the one.
    whose = [each for each in projects.values() if each.project_id == found["project"]]
    whose = whose or [each for each in projects.values() if not each.project_id]
    if len(whose) != 1:
        raise Misconfigured(_SETTING, "is of a project that no [projects.…] has: which keys may invoke the function is not known")
    origin = functiongraph_origin(whose[0], environ)
    url = f"{origin}/v2/{found['project']}/fgs/functions/{quote(urn, safe=':')}/invocations-async"
    return QueueAccess("functiongraph", url, origin, project=whose[0].name)
