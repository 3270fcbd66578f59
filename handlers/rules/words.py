"""How single values are written in the rules file: spans, ids, references, globs."""

from __future__ import annotations

import re
from typing import Annotated

from handlers.models import AfterValidator, BeforeValidator, Field, StrictStr

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
YEAR = 366 * 86400.0
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _word(value: str) -> str:
    if not _WORD.fullmatch(value):
        raise ValueError("must be 1 to 63 characters of a-z 0-9 _ and -, beginning with a letter or digit")
    return value


def seconds(value: object) -> float:
    """A time span as people write it, at most a year; raises ValueError."""
    parts = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise ValueError('must be a time span such as "90s", "15m", "26h" or "7d"')
    span = int(parts[1]) * _SECONDS[parts[2]]
    if span > YEAR:
        raise ValueError("must be at most 366d: what was asked for is remembered little longer than that")
    return span


def checked_project_id(value: str) -> str:
    """A project id as IAM makes them; raises ValueError. It becomes part of a path."""
    if not re.fullmatch(r"[0-9a-f]{32}", value):
        raise ValueError("must be 32 characters of 0-9 a-f, as the console shows under My Credentials")
    return value


def checked_region(value: str) -> str:
    """A region's name; raises ValueError. It becomes part of a host name."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
        raise ValueError("must be a region such as eu-de or ap-southeast-3")
    return value


def checked_credentials(value: str) -> str:
    """Where a project's credentials stand; raises ValueError."""
    if not re.fullmatch(r"env(:[A-Z][A-Z0-9_]*_)?", value):
        raise ValueError('must be "env", or "env:PROD_" for variables that begin with PROD_')
    return value


def checked_topic_urn(value: str) -> str:
    """An SMN topic; raises ValueError. It becomes part of a path."""
    if not re.fullmatch(r"urn:smn:[a-z0-9-]+:[0-9a-f]{32}:[A-Za-z0-9_-]{1,255}", value):
        raise ValueError("must be urn:smn:<region>:<project id>:<topic name>")
    return value


def checked_source(value: str) -> str:
    """A topic, or a caller as AWS says it; raises ValueError for what it never says."""
    if re.fullmatch(r"arn:[a-z-]+:iam::[0-9]*:role/.*", value):
        raise ValueError("is a role, and callers come as its sessions: write arn:aws:sts::<account>:assumed-role/<role name>")
    return value


def checked_reference(value: str) -> str:
    """Where a secret stands; raises ValueError."""
    if not re.fullmatch(r"env:[A-Z][A-Z0-9_]*|file:/.+|arn:aws[a-z-]*:secretsmanager:[!-~]+", value):
        where = '"env:NAME", "file:/path" or an ARN of Secrets Manager'
        raise ValueError(f"must say where the secret is: {where}; never the secret itself")
    return value


def checked_certificate(value: str) -> str:
    """Where a certificate stands; raises ValueError."""
    if not re.fullmatch(r"file:/.+", value):
        raise ValueError('must say where the certificate is: "file:/path"')
    return value


def like(glob: str, text: str) -> bool:
    """Whether ``text`` is what ``glob`` says. Linear in time: no pattern and no label can make it slow."""
    first, *rest = glob.split("*")
    if not rest:
        return glob == text
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    place, end = len(first), len(text) - len(last)
    for piece in middle:
        place = text.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return True


NAMESPACE = "RestorePoint"
"""Under which these functions measure themselves."""
LOOPS = ("SYS.CBR", NAMESPACE)
"""Namespaces of metrics about backups: Cloud Eye's of CBR, and our own."""


def is_loop(label: str, value: str) -> bool:
    """Whether an alert with this label is about a backup: restore points because of it would feed themselves.

    Only labels that say a namespace of metrics, and to the letter: whoever chooses another label's value, or the name of a
    Kubernetes namespace, must not be able to have an alert skipped.
    """
    return label.lower().endswith("namespace") and value in LOOPS


def _path(value: str) -> str:
    if not all(value.split(".")):
        raise ValueError('must be keys with dots between them, such as "incident.id"')
    return value


Path = Annotated[StrictStr, Field(max_length=512), AfterValidator(_path)]
Label = Annotated[StrictStr, Field(min_length=1, max_length=128)]
Glob = Annotated[StrictStr, Field(max_length=1024)]
Word = Annotated[StrictStr, AfterValidator(_word)]
Duration = Annotated[float, BeforeValidator(seconds)]
"""Seconds; written "90s", "15m", "26h", "7d"."""
