"""What is said of a wish that needs nothing from CBR: it is there, it waits, somebody else has it in hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from handlers.errors import CallFailed
from handlers.outcome import Joined, Later
from handlers.plan.planned import Planned

QUEUED = "queued"
"""Why a wish waits that has a slot of its own at CBR."""


def joined(taken: Planned, reason: str, checkpoint_id: str, asked: Planned | None = None) -> Joined:
    """A restore point of this cause is there already, as ``taken``, which another delivery may have asked for."""
    planned = asked or taken
    how = {
        "already_taken": "was taken for this cause before",
        "found": "of this cause was found at CBR",
        "running_already": "began after the cause and covers it",
    }[reason]
    message = f"Nothing was asked of CBR: restore point {checkpoint_id} of vault {planned.whose} {how}."
    about = planned.about() | {"name": taken.name, "conflict": differ(planned, taken)}
    return Joined(reason=reason, message=message, checkpoint_id=checkpoint_id, **about)


def differ(asked: Planned, taken: Planned) -> bool:
    """Whether other parameters are asked for, apart from the words that differ from delivery to delivery."""
    return asked.backup.parameters != taken.backup.parameters and _asks(asked) != _asks(taken)


def _asks(planned: Planned) -> dict[str, Any]:
    asked = planned.backup.to_dict().get("parameters", {})
    return {key: value for key, value in asked.items() if key not in ("name", "description")}


def known(failure: CallFailed | None) -> dict[str, Any]:
    """What a failed call adds to an outcome."""
    return {"error_code": failure.code, "request_id": failure.request_id} if failure else {}


def queued(planned: Planned, slot: float, now: float, *, again: bool, durable: bool) -> Later:
    """It waits for its slot at CBR, in seconds since the epoch; ``again``: it did before this delivery."""
    when = datetime.fromtimestamp(slot, UTC).isoformat(timespec="seconds")
    message = f"CBR is asked for {planned.what} at {when}: more is wanted at once than one run can take."
    wait, reason = max(slot - now, 1.0), f"{QUEUED}_already" if again else QUEUED
    return Later(reason=reason, message=message, durable=durable, retry_after=wait, slot=when, **planned.about())


def in_progress(planned: Planned, wait: float, *, durable: bool) -> Later:
    """Somebody else has it in hand; ``wait`` is seconds until that ends."""
    message = f"Another run is at work on {planned.what}; the watch looks after it when that run's claim ends."
    return Later(reason="in_progress", message=message, durable=durable, retry_after=max(wait, 1.0), **planned.about())
