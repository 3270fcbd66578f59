"""Labels of an alert: flat, text, and few enough to be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from handlers.alerts.bodies import text_of
from handlers.errors import Refusal
from handlers.trigger import Alert, Status

MOST, KEY, VALUE = 64, 128, 1024
"""How many labels, how long a name, how long a value: beyond any sender's own limits, and small enough to be kept."""
GATHERED = 256
"""How many labels of a sender that has not labels but fields: a Falco event of a long command may have eighty."""


def flat(found: object, field: str) -> dict[str, str]:
    """A sender's labels as text. Raises Refusal naming the field."""
    if not isinstance(found, dict):
        raise Refusal("malformed", f"{field}: must be an object of labels", field=field)
    if len(found) > MOST:
        raise Refusal("malformed", f"{field}: holds more than {MOST} labels", field=field)
    for key, value in found.items():
        if not isinstance(value, str):
            raise Refusal("malformed", f"{field}: every label must be a string", field=field)
        if len(key) > KEY or len(value) > VALUE:
            raise Refusal("malformed", f"{field}: a label is longer than {KEY} (name) or {VALUE} (value) characters", field=field)
    return dict(found)


def alert(
    sender: str,
    status: Status,
    identity: Iterable[str],
    own: Mapping[str, object],
    *free: Mapping[str, object],
    title: str = "",
    starts_at: datetime | None = None,
    link: str = "",
) -> Alert:
    """An alert of a sender that has fields instead of labels. Raises Refusal where it fires and nothing of its identity is there.

    ``own`` are the dialect's labels; ``free`` ones (tags, dimensions, properties, the more telling first) keep the sender's
    names. They never take the place of another, nor that of an own label of the identity that is missing: who may write a tag
    must not be able to rename the alarm. What is empty or no scalar is no label. A long value is clipped, for the alert still
    counts; a long identity is refused.
    """
    wanted = tuple(identity)
    labels: dict[str, str] = {}
    for source in (own, *free):
        for key, value in source.items():
            text = text_of(value)
            allowed = 0 < len(key) <= KEY and not (source is not own and key in wanted and key in own)
            if text and allowed and key not in labels:
                if len(text) > VALUE and key in wanted:
                    raise Refusal("malformed", f"{key}: is longer than {VALUE} characters", field=key)
                labels[key] = clipped(text)
    if len(labels) > GATHERED:
        raise Refusal("malformed", f"the alert has more than {GATHERED} labels", field="document")
    there = tuple(name for name in wanted if name in labels)
    if not there and status == "firing":
        raise Refusal("malformed", f"{wanted[0]}: is missing, and without it all alerts would be one", field=wanted[0])
    return Alert(
        sender=sender,
        status=status,
        labels=labels,
        identity=there,
        title=title or labels.get(wanted[0], ""),
        severity=labels.get("severity", ""),
        starts_at=starts_at,
        link=link,
    )


def clipped(text: str) -> str:
    """A value short enough to be a label. A rule's ``by`` may name it, and two long ones that begin alike must stay two."""
    if len(text) <= VALUE:
        return text
    whole = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{text[: VALUE - 1 - len(whole)]}~{whole}"


def tagged(found: object) -> tuple[str, dict[str, str]]:
    """Tags, a list or text with commas between them: as one text, and those of the form ``key:value`` as labels."""
    each = found.split(",") if isinstance(found, str) else found if isinstance(found, list | tuple) else ()
    tags = [text.strip() for tag in each if isinstance(tag, str) and (text := tag).strip()]
    pairs = [tag.partition(":") for tag in tags]
    return ",".join(tags), {key: value for key, colon, value in reversed(pairs) if colon and key and value}


def moment(found: object) -> datetime | None:
    """A sender's time where it is one; year 1 is how Alertmanager says "not yet"."""
    return _moment(found) if isinstance(found, str) and found.isascii() and 19 <= len(found) <= 40 else None


@lru_cache(maxsize=1000)
def _moment(found: str) -> datetime | None:
    """Alerts of one storm began together."""
    try:
        when = datetime.fromisoformat(found)
        when = when.astimezone(UTC) if when.tzinfo else datetime.min.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return when if 1970 <= when.year <= 2200 else None


def since_1970(found: object, unit: float = 1.0) -> datetime | None:
    """A sender's time as a number of seconds (``unit`` 0.001: of milliseconds) where it is one; 0 means "not yet"."""
    try:
        if not isinstance(found, int | float) or isinstance(found, bool) or not 0 < found * unit < 7258118400:
            return None
    except OverflowError:  # a whole number beyond any fraction, out of a document that a platform parsed
        return None
    return datetime.fromtimestamp(found * unit, UTC)
