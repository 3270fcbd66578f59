"""Where messages go, and which of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from handlers.documents import Strict
from handlers.models import AfterValidator, Field, StrictStr
from handlers.rules.words import Glob, Word, checked_reference, checked_topic_urn

Told = Literal[
    "created", "joined", "skipped", "refused", "later", "failed",
    "available", "partly", "broken",
    "overdue", "missed", "duplicate", "warning", "healed",
]  # fmt: skip
"""What a topic may ask to be told: the six outcomes, the ends of a restore point that was followed, what else the watch sees."""
NOT_BY_DEFAULT = ("joined", "skipped", "later")
"""What is no news: nothing was asked for, or it comes to an end that is told."""

_ARN = r"arn:aws(?:-[a-z]+)*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}"
_PUBSUB = r"projects/(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]/topics/(?!goog)[A-Za-z][A-Za-z0-9._~+-]{2,254}"
_URL = r"https?://[A-Za-z0-9.:\[\]-]{1,255}(?:/[A-Za-z0-9._~/-]{0,1024})?"


def _arn(value: str) -> str:
    if value.endswith(".fifo"):
        raise ValueError("is a FIFO topic, which reaches queues only: nobody would be told")
    if not re.fullmatch(_ARN, value):
        raise ValueError("must be arn:aws:sns:<region>:<account>:<name>")
    return value


def _pubsub(value: str) -> str:
    if not re.fullmatch(_PUBSUB, value):
        raise ValueError("must be projects/<project>/topics/<topic>")
    return value


def _url(value: str) -> str:
    if not re.fullmatch(_URL, value):
        raise ValueError("must be the sink's URL: https://host/path, without user, query or fragment")
    return value


_ADDRESSES = {"smn": "urn", "sns": "arn", "pubsub": "topic", "cloudevents": "url"}
"""The key that says where a kind publishes to. ``sink`` may stand for ``url``."""
_OF_ONE_KIND = {"urn": "smn", "project": "smn", "arn": "sns", "topic": "pubsub"} | dict.fromkeys(
    ("url", "sink", "secret", "mode"), "cloudevents"
)

Globs = Annotated[tuple[Glob, ...], Field(min_length=1, max_length=1000)]


class Topic(Strict):
    """Where messages go.

    ``log`` writes a line, ``smn``, ``sns`` and ``pubsub`` publish to a topic of Huawei Cloud, AWS and Google Cloud,
    ``cloudevents`` posts to any address that takes CloudEvents.
    """

    kind: Literal["cloudevents", "log", "pubsub", "smn", "sns"]
    urn: Annotated[StrictStr, AfterValidator(checked_topic_urn)] | None = None
    arn: Annotated[StrictStr, AfterValidator(_arn)] | None = None
    topic: Annotated[StrictStr, AfterValidator(_pubsub)] | None = None
    url: Annotated[StrictStr, AfterValidator(_url)] | None = None
    sink: Literal["K_SINK"] | None = None
    """The variable with which Knative names the sink, in place of ``url``."""
    secret: Annotated[StrictStr, AfterValidator(checked_reference)] | None = None
    """What messages are signed with (Standard Webhooks): base64 of the key, after whsec_ if that is there."""
    mode: Literal["binary", "structured"] | None = None
    """The form of the CloudEvents. Structured unless said: the signature then covers all of the event."""
    project: Word | None = None
    outcomes: tuple[Told, ...] = tuple(each for each in get_args(Told) if each not in NOT_BY_DEFAULT)
    rules: Globs = ()
    """Only what is about one of these rules; ``*`` stands for any run of characters."""
    vaults: Globs = ()
    """Only what is about one of these vaults, by name or id."""

    def _faults(self) -> Iterator[tuple[str, str]]:
        for key, kind in _OF_ONE_KIND.items():
            if getattr(self, key) is not None and kind != self.kind:
                yield key, f'goes with kind = "{kind}" only'
        address = _ADDRESSES.get(self.kind, "")
        if self.url is not None and self.sink is not None:
            yield "sink", "stands in place of url: one of the two"
        elif address == "url" and self.url is None and self.sink is None:
            yield "url", 'is required, or sink = "K_SINK": where kind = "cloudevents" posts to'
        elif address not in ("", "url") and getattr(self, address) is None:
            yield address, f'is required: the topic that kind = "{self.kind}" publishes to'

    @property
    def region(self) -> str:
        """Of an SNS topic."""
        found = re.fullmatch(_ARN, self.arn or "")
        return found["region"] if found else ""

    @property
    def address(self) -> str:
        """Where it publishes to, as the rules say it."""
        return self.urn or self.arn or self.topic or self.url or self.sink or "a log line"
