"""Outcomes of restore points: made, found there, put off, come to an end, too old."""

from __future__ import annotations

from typing import Any

from handlers.outcome import (
    Available,
    Broken,
    Created,
    Duplicate,
    Healed,
    Joined,
    Later,
    Missed,
    Outcome,
    Overdue,
    Partly,
    Skipped,
)
from tests.messages.parts import (
    APP,
    BUSY,
    CHECKPOINT_ID,
    DB,
    DB_BROKEN,
    DESKTOP,
    DISK,
    MADE,
    METAL,
    NO_SERVER_STATE,
    OF_ALERT,
    OF_ONCE,
    OF_TIMER,
    SCSI,
    SECOND_ID,
    SHARE,
    UNKNOWN_CODE,
    UNMENTIONED,
    VAULT_ID,
)

OF_WATCH: dict[str, Any] = {"vault": "erp", "vault_id": VAULT_ID, "trigger": "watch"}
THAT = f"Restore point {CHECKPOINT_ID} of vault erp"

ENDS: dict[str, Outcome] = {
    "created": Created(
        reason="accepted",
        message="CBR makes a restore point of vault erp; 2 take part.",
        resources=(APP, DB),
        **MADE,
        **OF_TIMER,
    ),
    "created_by_alerts": Created(
        reason="accepted",
        message="CBR makes a restore point of vault erp; 5 take part.",
        resources=(APP, DISK, SHARE, DESKTOP, METAL),
        **MADE,
        **OF_ALERT,
    ),
    "created_without_a_ledger": Created(
        reason="accepted",
        message="CBR makes a restore point of vault erp; 2 take part.",
        resources=(APP, DB),
        degraded=True,
        **MADE,
        **OF_TIMER,
    ),
    "created_with_some_left_out": Created(
        reason="partly_skipped",
        message=(
            "CBR makes a restore point of vault erp; 1 take part; it skipped erp-db (BackupService.7101 Backup is not allowed in "
            f"the current server status.); {DISK.id} (7002 Backup is not supported for SCSI disks.)."
        ),
        resources=(APP,),
        skipped_resources=(NO_SERVER_STATE, SCSI),
        **MADE,
        **OF_TIMER,
    ),
    "created_once": Created(
        reason="accepted",
        message=f"CBR makes a restore point of vault {VAULT_ID}; 1 take part.",
        resources=(APP,),
        **MADE,
        **OF_ONCE,
    ),
    "joined": Joined(
        reason="already_taken",
        message=f"Nothing was asked of CBR: restore point {CHECKPOINT_ID} of vault erp was taken for this cause before.",
        checkpoint_id=CHECKPOINT_ID,
        **OF_ALERT,
    ),
    "skipped_by_rules": Skipped(
        reason="no_match",
        message=(
            "no rule wants it; nearest is disks, which asks for severity = 'critical', and the alert's is 'warning' (5 alerts)"
        ),
        causes=5,
        cause_names=("DiskFull (host=app)",),
        trigger="alert",
        sender="am",
        delivery_id="2d9a6b1c-0f7e-4f39-8a55-7d0a4b9c1e63",
    ),
    "skipped_for_its_budget": Skipped(reason="budget", message="Rule disks has asked for 4 within the hour.", **OF_ALERT),
    "later": Later(
        reason="busy",
        message=(
            "CBR is busy and could not take a restore point of vault erp: BackupService.6125: A backup task is in progress. "
            "The watch takes it up."
        ),
        error_code="BackupService.6125",
        **OF_TIMER,
    ),
    "later_for_its_slot": Later(
        reason="queued",
        message=(
            "CBR is asked for a restore point of vault erp at 2026-11-23T02:04:00+00:00: more is wanted at once than one run can "
            "take."
        ),
        slot="2026-11-23T02:04:00+00:00",
        **OF_TIMER,
    ),
    "later_not_recorded": Later(
        reason="not_sent",
        message="CBR could not be reached for a restore point of vault erp: refused. It could not be recorded: it must be "
        "delivered again.",
        durable=False,
        degraded=True,
        **OF_TIMER,
    ),
    "available": Available(reason="complete", message=f"{THAT} is available.", resources=(APP, DB), **MADE, **OF_TIMER),
    "partly": Partly(
        reason="resources_missing",
        message=(
            f"{THAT} is available, but without: erp-db (BackupService.7101 Backup is not allowed in the current server status.)."
        ),
        resources=(APP, DISK),
        skipped_resources=(NO_SERVER_STATE,),
        **MADE,
        **OF_TIMER,
    ),
    "partly_in_error": Partly(
        reason="resources_missing",
        message=f"{THAT} is available, but without: erp-app (BackupService.6203 The backup is in progress.); erp-db (in error).",
        resources=(DISK, DB_BROKEN),
        skipped_resources=(BUSY,),
        **MADE,
        **OF_TIMER,
    ),
    "partly_counted_once": Partly(
        reason="resources_missing",
        message=f"{THAT} is available, but without: erp-db (in error).",
        resources=(APP, DB_BROKEN),
        skipped_resources=(NO_SERVER_STATE,),
        **MADE,
        **OF_TIMER,
    ),
    "partly_of_unknown_size": Partly(
        reason="resources_missing",
        message=f"{THAT} is available, but without: {DISK.id} (BackupService.1234 Something new.).",
        skipped_resources=(UNKNOWN_CODE, UNMENTIONED.model_copy(update={"id": SECOND_ID})),
        **MADE,
        **OF_ONCE,
    ),
    "broken": Broken(
        reason="error",
        message=(
            f"{THAT} ended in error: erp-db failed (BackupService.9910 Unknown error.). There is none for this cause. The watch "
            "takes it once more."
        ),
        error_code="BackupService.9910",
        **MADE,
        **OF_ALERT,
    ),
    "broken_gone": Broken(
        reason="gone",
        message=(
            f"{THAT} is gone: CBR no longer knows it (BackupService.6217). There is none for this cause; if it was not deleted "
            "on purpose: restore-point take erp."
        ),
        error_code="BackupService.6217",
        **MADE,
        **OF_TIMER,
    ),
    "broken_not_followed": Broken(
        reason="cannot_follow",
        message=f"{THAT} can no longer be followed: its project is gone from the rules. Look at it in the console.",
        **MADE,
        **OF_TIMER,
    ),
    "overdue": Overdue(
        reason="overdue",
        message=(
            "Vault erp has no good restore point younger than 26 hours (max_age) of 1 of its 2 resources: erp-db (its last is of "
            "20261121T020312Z). Take one now: restore-point take erp."
        ),
        **OF_WATCH,
    ),
    "overdue_for_all_that_is_known": Overdue(
        reason="unknown_age",
        message=(
            "It is not known whether vault erp has a restore point younger than 26 hours (max_age): CBR could not be asked "
            "(BackupService.6105: The vault does not exist.). Look at it in the console."
        ),
        error_code="BackupService.6105",
        request_id="f37ccf7adab742308379ec67be3b0db5",
        **OF_WATCH,
    ),
    "missed": Missed(
        reason="missed_timer",
        message=(
            "Timer nightly should fire every 24 hours and did not, not even 1 hour later: its last event was for "
            "20261122T020000Z. See whether its schedule is enabled and may invoke the function: nothing is known here of a "
            "restore point for its rules (nightly-erp)."
        ),
        trigger="timer",
        sender="nightly",
    ),
    "duplicate": Duplicate(
        reason="duplicate_restore_point",
        message=(
            f"Vault erp has two restore points of one cause (...-08b581ff073d1d79): {CHECKPOINT_ID} and {SECOND_ID}. Neither is "
            "deleted here; one is enough. If this happens again, see whether the ledger was down (degraded) or a clock is wrong."
        ),
        checkpoint_id=SECOND_ID,
        rule="nightly-erp",
        name="rp-timer-20261123T020000Z-08b581ff073d1d79",
        **OF_WATCH,
    ),
    "healed_vault": Healed(
        reason="overdue", message="Vault erp has good restore points younger than 26 hours again.", **OF_WATCH
    ),
    "healed_timer": Healed(
        reason="missed_timer",
        message="Timer nightly comes again: its last event is for 20261123T020000Z.",
        trigger="timer",
        sender="nightly",
    ),
    "healed_ledger": Healed(
        reason="ledger",
        message="The ledger can be used again: restore points rest on it and on looking, as they should.",
        trigger="timer",
        delivery_id="6fd3ac5f-645a-42b6-9631-548b5b63338c",
    ),
}
"""By the name of their golden files."""
