"""The alert dialects of fixed shape, one file each, and ``simple`` for every sender whose body is a template."""

from __future__ import annotations

from collections.abc import Callable

from handlers.alerts import alertmanager, simple
from handlers.trigger import Alert, Lost

DIALECTS: dict[str, Callable[[object, str], list[Alert | Lost]]] = {
    "alertmanager": alertmanager.read,
    "simple": simple.read,
}
"""What ``[senders.…] dialect`` may say. A reader takes the document and the sender's name; it raises Refusal."""
