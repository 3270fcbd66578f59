"""Outcomes that somebody has to do something about: failures, refusals, warnings; one for every piece of advice."""

from __future__ import annotations

from typing import Any

from handlers.outcome import Failed, Outcome, Refused, Warned
from tests.messages.parts import (
    APP_ID,
    BUSY,
    CHECKPOINT_ID,
    NO_SERVER_STATE,
    OF_ALERT,
    OF_ONCE,
    OF_STRANGER,
    OF_TIMER,
    REQUEST_ID,
    VAULT_ID,
)

BY_CODE = {
    "6105": (404, "The vault does not exist.", "Check the vault's id and its project in the rules."),
    "6113": (
        400,
        "Backup is not allowed in the current vault status.",
        "Look at the vault's status in the console: it may be frozen or being deleted.",
    ),
    "6114": (
        400,
        "The used capacity of the vault exceeds the maximum capacity.",
        "Enlarge the vault, or delete backups nobody needs.",
    ),
}
RIGHTS = (
    "Our credentials were refused when asking for a restore point of vault erp: APIGW.0301: Incorrect IAM authentication "
    "information: Unauthorized. Check the access key, this clock (15 minutes at most) and the rights cbr:vaults:backup, "
    "cbr:vaults:get, cbr:backups:list and cbr:tasks:list."
)
REJECTED: dict[str, Outcome] = {
    f"failed_{code}": Failed(
        reason="rejected",
        message=f"CBR refused a restore point of vault erp: BackupService.{code}: {text.rstrip('.')}. {now}",
        error_code=f"BackupService.{code}",
        request_id=REQUEST_ID,
        durable=True,
        **OF_TIMER,
    )
    for code, (_, text, now) in BY_CODE.items()
}


def failed(reason: str, message: str, about: dict[str, Any] = OF_TIMER, **more: Any) -> Failed:
    return Failed(reason=reason, message=message, **more, **about)


FAILURES: dict[str, Outcome] = {
    **REJECTED,
    "failed_6114_without_a_way_out": failed(
        "rejected", "CBR refused it.", OF_ALERT, error_code="BackupService.6114", request_id=REQUEST_ID
    ),
    "failed_by_an_unknown_code": failed(
        "rejected",
        "CBR refused a restore point of vault erp: BackupService.1234: Something new.",
        error_code="BackupService.1234",
    ),
    "failed_not_authorized": failed("not_authorized", RIGHTS, error_code="APIGW.0301", request_id=REQUEST_ID),
    "failed_not_trusted": failed(
        "not_trusted", "CBR was not asked for a restore point of vault erp: the certificate is for another name."
    ),
    "failed_empty_vault": failed(
        "empty_vault",
        "Vault erp holds no resource, so there is nothing to back up: associate servers or disks with it.",
        error_code="BackupService.0001",
    ),
    "failed_all_skipped": failed(
        "all_skipped",
        "CBR skipped every resource of a restore point of vault erp: erp-db (BackupService.7101 Backup is not allowed in the "
        "current server status.); erp-app (BackupService.6203 The backup is in progress.).",
        error_code="BackupService.6203",
        checkpoint_id=CHECKPOINT_ID,
        skipped_resources=(NO_SERVER_STATE, BUSY),
    ),
    "failed_no_longer_allowed": failed(
        "no_longer_allowed", "A restore point of vault erp was wanted, and today's rules do not list it.", OF_ALERT
    ),
    "failed_not_finished": failed(
        "not_finished",
        f"Restore point {CHECKPOINT_ID} of vault erp has no end after 24 hours: it is still being made. Do not count on it; look "
        "at it in the console.",
        checkpoint_id=CHECKPOINT_ID,
    ),
    "failed_still_busy": failed(
        "still_busy",
        "There is no restore point of vault erp: it was wanted for 24 hours and CBR could not take it (busy). Nothing more is "
        "tried; restore-point take erp.",
    ),
    "failed_once": failed("rejected", "CBR refused it.", OF_ONCE, error_code="BackupService.7204"),
    "failed_ledger_down": failed(
        "ledger_down",
        "The watch could not use the ledger, so not everything was looked after: the disk is gone. See restore-point check.",
        {"trigger": "watch", "delivery_id": "6fd3ac5f-645a-42b6-9631-548b5b63338c"},
    ),
    "failed_no_vault_tagged": failed(
        "no_vault_tagged",
        "No restore point was taken: no vault carries the tags rule nightly-erp asks for (backup = 'yes'). Tag one, or fix the "
        "rule.",
        {"rule": "nightly-erp", "trigger": "timer", "sender": "nightly"},
    ),
    "failed_unexpected": failed(
        "unexpected",
        "The watch could not look after the vaults: KeyError, a fault of this program. Report it.",
        {"trigger": "watch"},
    ),
    "failed_unreadable_wish": failed(
        "unreadable_wish",
        "The ledger holds a wish that cannot be read, 0000: nothing is done about it any more.",
        {"trigger": "watch"},
    ),
}


def refused(reason: str, message: str, http: int = 400, about: dict[str, Any] = OF_STRANGER, detail: str = "") -> Refused:
    return Refused(reason=reason, message=message, http=http, detail=detail, **about)


REFUSALS: dict[str, Outcome] = {
    "refused_bad_proof": refused(
        "bad_proof", "nothing proves who sends this", 401, detail="the signature of [senders.am] does not fit the body"
    ),
    "refused_stale_proof": refused("stale_proof", "the proof is older than 5 minutes", 401),
    "refused_bad_proof_of_nobody": refused("bad_proof", "nothing proves who sends this", 401, {"trigger": "once"}),
    "refused_source_not_listed": refused(
        "source_not_listed", "no sender lists this topic or queue at the door 'alert'", 403, {"trigger": "alert"}
    ),
    "refused_vault_not_listed": refused(
        "vault_not_listed",
        "label vault_id names a vault that rule disks does not list",
        403,
        {**OF_STRANGER, "rule": "disks", "vault": "erp", "vault_id": VAULT_ID},
    ),
    "refused_may_not": refused("may_not", "parameters.incremental: not in `may` of [senders.am]", 403),
    "refused_unknown_rule": refused("unknown_rule", "rule: there is no rule of this name"),
    "refused_malformed": refused("malformed", f"checkpoint.parameters.resources: must name each resource once ({APP_ID})"),
    "refused_wrong_dialect": refused("wrong_dialect", "alerts: this is no message of Alertmanager"),
    "refused_too_large": refused("too_large", "the body is larger than 1048576 bytes", 413),
    "refused_unknown_timer": refused(
        "unknown_timer", "no [timers.NAME] has this source", 400, {"trigger": "timer", "delivery_id": "1"}
    ),
    "refused_proof_unavailable": refused(
        "proof_unavailable", "the keys of the issuer could not be had, so nothing was proven (timed out)", 503
    ),
}


def warned(reason: str, message: str, **more: Any) -> Warned:
    return Warned(reason=reason, message=message, **more)


WARNINGS: dict[str, Outcome] = {
    "warning_storm": warned(
        "storm",
        "201 firing alerts came in one delivery from am (rules: disks). Restore points made or waited for because of them: 1.",
        causes=201,
        **OF_STRANGER,
    ),
    "warning_truncated": warned(
        "truncated", "Sender am left 17 alerts out of a message, so what they wanted is not known here.", causes=17, **OF_STRANGER
    ),
    "warning_budget": warned(
        "budget",
        "Rule disks has used up its budget_per_hour, so a restore point of vault erp was skipped; more may be, each of them "
        "logged. Raise the budget if this is no storm; restore-point take erp makes one now.",
        rule="disks",
        vault="erp",
        **OF_STRANGER,
    ),
    "warning_degraded": warned(
        "degraded",
        "The ledger could not be used for 1 restore points (vaults erp): they rest on looking at CBR alone (degraded).",
        trigger="timer",
        delivery_id="6fd3ac5f-645a-42b6-9631-548b5b63338c",
    ),
    "warning_loop": warned("loop", "3 alerts of am are about backups, so they ask for none.", causes=3, **OF_STRANGER),
    "warning_wrong_answer": warned(
        "wrong_answer",
        f"CBR answered for another vault or name when asked for a restore point of vault erp: look at restore point "
        f"{CHECKPOINT_ID}.",
        vault="erp",
        trigger="timer",
        sender="nightly",
    ),
    "warning_handshake": warned(
        "handshake",
        "Topic arn:aws:sns:eu-central-1:123456789012:alarms asks whether it may send here (SubscriptionConfirmation). Nothing "
        "was done: if you want it, open its link yourself; nothing arrives from the topic before.",
        link="https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336",
        **OF_STRANGER,
    ),
    "warning_queue_down": warned(
        "queue_down", "The queue could not be used; the watch makes what it was to bring.", trigger="timer"
    ),
    "warning_topic_down": warned(
        "topic_down",
        "Topic ops has not taken messages since 20261123T020000Z. They wait for it, each for 30 days at most.",
        trigger="watch",
    ),
}
TROUBLES: dict[str, Outcome] = {**FAILURES, **REFUSALS, **WARNINGS}
"""By the name of their golden files."""
