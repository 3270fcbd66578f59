"""Any other sender's JSON: the rules file says where everything is (``[senders.x.paths]``).

Only what the paths name is read. Whoever wrote them chose the identity, so a body that has not all of it is somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from handlers.alerts.bodies import one_by_one, text_of
from handlers.alerts.labels import VALUE, clipped, moment, since_1970
from handlers.errors import Refusal
from handlers.rules.tables import Paths
from handlers.trigger import Alert, Lost, Status, Unread

_SEVERITY = {
    word: severity
    for severity, words in {
        "critical": "critical fatal emergency p1 sev0",
        "high": "high error major p2 sev1",
        "warning": "warning warn medium minor p3 sev2",
        "info": "info low informational p4 p5 sev3 sev4",
    }.items()
    for word in words.split()
}
"""The words for it that mean the same wherever they are used."""


def read(document: object, sender: str, *, paths: Paths) -> Sequence[Alert | Lost | Unread]:
    """The alert of a body, or each of its list. Raises Refusal."""
    if paths.alerts is None:
        return [_alert(document, sender, paths, "")]
    alerts = _at(document, paths.alerts)
    if alerts is None:
        raise Refusal("wrong_dialect", f"{paths.alerts}: leads nowhere (path alerts)", field=paths.alerts)
    if not isinstance(alerts, list):
        raise Refusal("malformed", f"{paths.alerts}: must be a list", field=paths.alerts)
    return one_by_one(sender, alerts, lambda index, each: _alert(each, sender, paths, f"{paths.alerts}.{index}."))


def _alert(document: object, sender: str, paths: Paths, where: str) -> Alert:
    """``where`` leads to ``document``; it stands before the path in a refusal."""
    labels = {path: _identity(document, path, f"{where}{path}") for path in paths.identity}
    identity = tuple(labels)
    severity = _said(document, paths.severity)
    named = [(name, _said(document, path)) for name, path in paths.labels.items()]
    for name, value in (*named, ("severity", _SEVERITY.get(severity.lower(), severity))):
        if value:
            labels.setdefault(name, clipped(value))
    return Alert(
        sender=sender,
        status=_status(document, paths),
        labels=labels,
        identity=identity,
        title=_said(document, paths.title) or labels[identity[0]],
        severity=labels.get("severity", ""),
        starts_at=_moment(document, paths.starts_at),
        link=_said(document, paths.link),
        said=_said(document, paths.status),
    )


def _identity(document: object, path: str, field: str) -> str:
    value = text_of(_at(document, path))
    if not value:
        raise Refusal("wrong_dialect", f"{field}: leads to no text or number (path of identity)", field=field)
    if len(value) > VALUE:
        raise Refusal("malformed", f"{field}: is longer than {VALUE} characters", field=field)
    return value


def _status(document: object, paths: Paths) -> Status:
    if paths.status is None:
        return "firing"
    said = _said(document, paths.status).casefold()
    if said in map(str.casefold, paths.firing):
        return "firing"
    return "resolved" if said in map(str.casefold, paths.resolved) else "other"


def _moment(document: object, path: str | None) -> datetime | None:
    """RFC 3339, or since 1970: in seconds, or what would be beyond 2200 in seconds in milliseconds."""
    found = _at(document, path) if path else None
    return moment(found) or since_1970(found) or since_1970(found, 0.001)


def _said(document: object, path: str | None) -> str:
    return text_of(_at(document, path)) if path else ""


def _at(document: object, path: str) -> object:
    """What is at the end of a path: keys of objects, numbers as places in lists; None where it leads nowhere."""
    for step in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isascii() and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document
