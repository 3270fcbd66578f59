"""Alerts that ask for nothing, counted by reason; and what alerts are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from handlers.letters import legible
from handlers.outcome import Refused, Skipped
from handlers.plan.planned import NAMED
from handlers.trigger import Alert
from handlers.values import dataclass, field


@dataclass()
class _Told:
    message: str
    refused: bool
    count: int = 0
    names: list[str] = field(default_factory=list)


class Untaken:
    """A storm is told in one line: of each reason, rule and vault the first one's words, the number and the first names.

    ``tellings`` is how often something was told.
    """

    def __init__(self, sender: str, delivery_id: str) -> None:
        self._sender, self._delivery_id = sender, delivery_id
        self._told: dict[tuple[str, str, str], _Told] = {}
        self.tellings = 0

    def tell(
        self, reason: str, why: str | Callable[[], str], alert: Alert, rule: str = "", vault: str = "", *, refused: bool = False
    ) -> None:
        """One alert; ``why`` may be something that words it, if it is the first."""
        told = self._standing(reason, why, rule, vault, refused=refused)
        told.count += 1
        if len(told.names) < NAMED and (name := called(alert)):
            told.names.append(name)

    def lost(self, count: int) -> None:
        """So many alerts never came."""
        why = "the sender left alerts out of its message (max_alerts): they are not known here"
        self._standing("truncated", why, "", "").count += count

    def _standing(self, reason: str, why: str | Callable[[], str], rule: str, vault: str, *, refused: bool = False) -> _Told:
        self.tellings += 1
        told = self._told.get((reason, rule, vault))
        if told is None:
            told = self._told[reason, rule, vault] = _Told(why if isinstance(why, str) else why(), refused)
        return told

    def outcomes(self) -> list[Skipped | Refused]:
        """In the order in which the reasons came up."""
        return [self._outcome(*key, told) for key, told in self._told.items()]

    def _outcome(self, reason: str, rule: str, vault: str, told: _Told) -> Skipped | Refused:
        about: dict[str, Any] = {
            "reason": reason,
            "message": f"{told.message} ({told.count} alerts)" if told.count > 1 else told.message,
            "rule": rule,
            "vault": vault,
            "causes": told.count,
            "cause_names": tuple(told.names),
            "delivery_id": self._delivery_id,
            "trigger": "alert",
            "sender": self._sender,
        }
        return Refused(http=403, **about) if told.refused else Skipped(**about)


def not_firing(alert: Alert) -> str:
    """Why an alert asks for nothing, whatever the rules."""
    if alert.status == "other" and alert.said:
        return f"its status {shown(alert.said, 60)!r} is in neither `firing` nor `resolved` of [senders.{alert.sender}.paths]"
    return f"the alert is {alert.status}, and only a firing one asks for anything"


def called(alert: Alert, by: Sequence[str] = ()) -> str:
    """An alert for people: its title, with the labels that make the cause where the rule names some."""
    what = ", ".join(f"{key}={alert.labels[key]}" for key in by if key in alert.labels and alert.labels[key] != alert.title)
    return shown(f"{alert.title} ({what})" if alert.title and what else alert.title or what, 120) or labelled(alert)


def labelled(alert: Alert) -> str:
    """What goes to CBR: labels only, for anybody may write an annotation."""
    return shown(", ".join(f"{key}={value}" for key, value in sorted(alert.labels.items())), 120)


def shown(text: str, limit: int) -> str:
    """As people read it, and nothing that a mailbox would take for HTML."""
    return legible(text, limit).replace("<", "(").replace(">", ")")
