"""Pingdom's state change webhook (pingdom.com, "Webhooks", version 1), of uptime checks and of transaction checks.

Nothing in it names one outage: the check is what stays. What it was checked with (``check_params``) differs by its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.alerts.bodies import Body, Free, Said, text_of
from handlers.alerts.labels import alert, moment, tagged
from handlers.documents import read as read_body
from handlers.errors import Refusal
from handlers.models import Field, StrictStr
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {
    "DOWN": "firing",
    "FAILING": "firing",  # a transaction check's words
    "UP": "resolved",
    "SUCCESS": "resolved",
}
_IMPORTANCE = {"HIGH": "high", "LOW": "warning"}


class Webhook(Body):
    """The whole body."""

    check_id: Said = ""
    check_name: Said = ""
    check_type: Said = ""
    check_params: Free = Field(default_factory=dict)
    tags: Any = ()
    current_state: StrictStr
    importance_level: Said = ""
    state_changed_utc_time: Said = ""
    """ISO 8601; without a zone, for it is UTC by its name."""


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one check of a body. Raises Refusal."""
    if not isinstance(document, Mapping) or not document.keys() & {"check_id", "current_state"}:
        raise Refusal("wrong_dialect", "check_id: is missing, so this is no Pingdom webhook body", field="check_id")
    webhook = read_body(Webhook, document)
    tags, pairs = tagged(webhook.tags)
    own = {
        "check_id": webhook.check_id,
        "check": webhook.check_name,
        "check_type": webhook.check_type,
        "hostname": webhook.check_params.get("hostname"),
        "url": text_of(webhook.check_params.get("full_url")) or webhook.check_params.get("url"),
        "importance": webhook.importance_level,
        "severity": _IMPORTANCE.get(webhook.importance_level, ""),
        "tags": tags,
    }
    changed = webhook.state_changed_utc_time
    found = alert(
        sender,
        _STATUS.get(webhook.current_state, "other"),
        ["check_id"],
        own,
        pairs,
        title=webhook.check_name,
        starts_at=moment(changed) or moment(f"{changed}+00:00"),
    )
    return [found]
