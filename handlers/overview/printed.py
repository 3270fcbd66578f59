"""An overview as JSON: what ``status --json`` prints. Times are ISO 8601 in UTC, ages and spans seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from handlers.overview import Expected, Overview, Point, VaultView
from handlers.overview.growth import FULL_PERCENT, Fill


def printed(overview: Overview) -> dict[str, Any]:
    """The whole document."""
    return {
        "at": _time(overview.at),
        "verdict": overview.verdict,
        "headline": overview.headline,
        "ledger": overview.ledger,
        "vaults": [_vault(each) for each in overview.vaults],
        "timers": [_timer(each) for each in overview.timers],
        "notices": [
            {"word": each.word, "vault": each.vault, "message": each.message, "told": _time(each.told), "heard": each.heard}
            for each in overview.notices
        ],
        "unknown": list(overview.unknown),
        "notes": list(overview.notes),
    }


def _vault(view: VaultView) -> dict[str, Any]:
    return {
        "vault": view.name,
        "vault_id": view.vault_id,
        "project": view.project,
        "rules": list(view.rules),
        "state": view.word,
        "problems": [{"word": each.word, "message": each.sentence} for each in view.problems],
        "notes": list(view.notes),
        "age": view.age,
        "max_age": view.max_age,
        "newest_good": _point(view.newest_good),
        "newest": _point(view.newest),
        "running": [_point(each) for each in view.points if each.state == "running"],
        "restore_points": [_point(each) for each in view.points],
        "waiting": [
            {
                "word": each.word,
                "reason": each.reason,
                "asked": each.asked,
                "message": each.says,
                "since": _time(each.since),
                "due": _time(each.due),
                "gives_up": _time(each.gives_up),
            }
            for each in view.waiting
        ],
        "gave_up": list(view.gave_up),
        "timers": [_timer(each) for each in view.timers],
        "next": _timer(view.next) if view.next else None,
        "resources": view.resources,
        "fill": _fill(view.fill),
    }


def _point(point: Point | None) -> dict[str, Any] | None:
    if point is None:
        return None
    return {
        "checkpoint_id": point.checkpoint_id,
        "name": point.name,
        "at": _time(point.at),
        "state": point.state,
        "resources": list(point.holds),
        "left_out": [{"resource": each.name, "code": each.code, "why": each.why} for each in point.left_out],
        "asked": point.asked,
        "expires": point.expires,
    }


def _timer(timer: Expected) -> dict[str, Any]:
    last, due = _time(timer.last), _time(timer.next)
    return {"timer": timer.name, "last": last, "came": timer.came, "next": due, "missed": timer.missed}


def _fill(fill: Fill | None) -> dict[str, Any] | None:
    if fill is None:
        return None
    return {
        "used_mb": fill.used_mb,
        "size_gb": fill.size_gb,
        "allocated_gb": fill.allocated_gb,
        "percent": round(fill.percent, 1),
        "warns_above_percent": FULL_PERCENT,
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
