"""Labels of an alert: flat, text, and few enough to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from handlers.errors import Refusal

MOST, KEY, VALUE = 64, 128, 1024
"""How many labels, how long a name, how long a value: beyond any sender's own limits, and small enough to be kept."""


def flat(found: object, field: str) -> dict[str, str]:
    """A sender's labels as text. Raises Refusal naming the field."""
    if not isinstance(found, Mapping):
        raise Refusal("malformed", f"{field}: must be an object of labels", field=field)
    if len(found) > MOST:
        raise Refusal("malformed", f"{field}: holds more than {MOST} labels", field=field)
    labels = {}
    for key, value in found.items():
        if not isinstance(value, str):
            raise Refusal("malformed", f"{field}: every label must be a string", field=field)
        if len(key) > KEY or len(value) > VALUE:
            raise Refusal("malformed", f"{field}: a label is longer than {KEY} (name) or {VALUE} (value) characters", field=field)
        labels[key] = value
    return labels


def moment(found: object) -> datetime | None:
    """A sender's time where it is one; year 1 is how Alertmanager says "not yet"."""
    if not isinstance(found, str) or not found.isascii() or not 19 <= len(found) <= 40:
        return None
    try:
        when = datetime.fromisoformat(found)
        when = when.astimezone(UTC) if when.tzinfo else datetime.min.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return when if 1970 <= when.year <= 2200 else None
