"""The alert dialects: one file per fixed shape, ``generic`` and ``simple`` for senders whose body is a template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from handlers.rules import Sender
from handlers.trigger import Alert, Lost, Unread

Reader = Callable[[object, str], Sequence[Alert | Lost | Unread]]
"""Takes the document and the sender's name; raises Refusal."""
HAS_LABELS = ("alertmanager", "generic", "grafana", "simple")
"""Dialects whose labels people choose; the others' are the dialect's own and what is free beside them."""
READS_TEXT = ("cloud-eye",)
"""Dialects that can make something of a message written for people."""


def reader(sender: Sender) -> Reader:
    """How this sender's documents are read: ``dialect = "cloud-eye"`` by ``cloud_eye.py``, loaded when the first one comes."""
    read = import_module(f"{__name__}.{sender.dialect.replace('-', '_')}").read
    return partial(read, paths=sender.paths) if sender.paths else read
