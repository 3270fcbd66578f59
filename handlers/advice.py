"""What to do now: for each outcome that a person can do something about, by CBR's code, the reason, or the outcome itself."""

from __future__ import annotations

from handlers.outcome import Later, Outcome

BY_CODE = {
    "6105": "Check the vault's id and its project in the rules.",
    "6112": "Look at the vault's status in the console: it may be frozen or being deleted.",
    "6113": "Look at the vault's status in the console: it may be frozen or being deleted.",
    "6114": "Enlarge the vault, or delete backups nobody needs.",
    "6124": "A replication vault takes no backups: name the vault it replicates.",
    "6135": "A resource that was asked for is not associated with this vault: associate it, or leave it out.",
    "6142": "Enlarge a vault, or delete backups nobody needs.",
    "6302": "A resource that was asked for is gone: take it out of the rule.",
    "8300": "Raise the quota of snapshots, or delete some.",
    "9900": "CBR does not take this request: check the rule's parameters.",
}
"""For the refusals of CBR that a person can do something about (CBR API reference, error codes)."""

WRONG_PROJECT = (
    "The project's id does not exist or belongs to other credentials: correct project_id of its [projects] in the rules, or the "
    "variable HUAWEICLOUD_SDK_PROJECT_ID (HW_PROJECT_ID, OS_PROJECT_ID)."
)
_MALFORMED = "Malformed request url"
"""What CBR says, with 401, of a path whose project is not that of the credentials; it names no project (`meaning`)."""

_LEDGER = "restore-point check says whether the ledger can be used."
_ITS_PROOF = "If {sender} is meant to send this, compare its secret there and here: restore-point sign. If not, nothing was done."
_READ = "restore-point plan FILE shows how such an event is read."
_MAY = "If it may ask, say so in the rules."
_REPORT = "Report it, with the log line of this delivery."
_EMPTY = "Associate servers or disks with the vault."
_NOT_ASKED = "restore-point check says why CBR cannot be asked; until it can be, look at the vault in the console."
_GONE = "If it was not deleted on purpose: restore-point take {vault}"

_FAILED = {
    "not_authorized": "restore-point check tries the keys, the clock and the rights.",
    "not_trusted": "Check the endpoint's name and certificate: restore-point check.",
    "empty_vault": _EMPTY,
    "all_skipped": "Mend what kept each resource out, then: restore-point take {vault}",
    "no_longer_allowed": "If it should still be backed up, list the vault in a rule.",
    "not_finished": "Look at it in the console; do not count on it.",
    "ledger_down": _LEDGER,
    "no_vault_tagged": "Tag the vaults, or correct vault_tags of the rule.",
    "unexpected": _REPORT,
    "unreadable_wish": _REPORT,
}
_REFUSED = {
    **dict.fromkeys(("bad_proof", "stale_proof", "replayed"), _ITS_PROOF),
    "source_not_listed": "If it may ask, add the topic or queue to the sources of its sender.",
    **dict.fromkeys(("vault_not_listed", "may_not", "unknown_rule"), _MAY),
    **dict.fromkeys(
        (
            "malformed", "wrong_dialect", "unknown_version", "content_type", "compressed", "method", "too_large",
            "unsupported_carrier", "unknown_gateway", "wrong_door",
        ),
        _READ,
    ),
    "unknown_timer": "Name the schedule in [timers.NAME] source.",
    "proof_unavailable": "Nothing was done; it is delivered again, or send it again.",
}  # fmt: skip
_WARNED = {
    "storm": "Group alerts at the sender, or name fewer labels in by.",
    "truncated": "Raise the sender's limit, or group less together.",
    "budget": "Raise budget_per_hour if this is no storm.",
    "degraded": _LEDGER,
    "ledger": _LEDGER,
    "loop": "Keep alerts about backups from this receiver.",
    "wrong_answer": "Look at it in the console.",
    "handshake": "restore-point confirm FILE, if you want it.",
    "queue_down": "restore-point check, and look at the queue.",
    "topic_down": "restore-point check, and look at the topic.",
}
_BROKEN = {
    "error": "It is taken once more by itself; if that fails too, you are told.",
    "error_final": "restore-point take {vault} makes one now.",
    "gone": _GONE,
    "cannot_follow": _GONE,
}
_ALWAYS = {
    "partly": "Mend what kept each missing resource out, then: restore-point take {vault}",
    "overdue": "restore-point take {vault} makes one now; restore-point status shows why there is none.",
    "missed": "See whether the schedule is on and may call the function; restore-point take makes what is missing.",
    "duplicate": "Both are good; delete one in the console if its space matters.",
}


def of_failure(code: str, said: str) -> str:
    """What CBR's answer to a call asks of a person; empty where that is not known."""
    return WRONG_PROJECT if _MALFORMED in said else BY_CODE.get(code.removeprefix("BackupService."), "")


def what_now(outcome: Outcome) -> str:
    """One sentence or two; empty where nothing is to be done."""
    vault = outcome.vault or outcome.vault_id
    return _of(outcome, vault).replace("{vault}", vault).replace("{sender}", outcome.sender)


def _of(outcome: Outcome, vault: str) -> str:
    by_code = of_failure(outcome.error_code, outcome.message)
    match outcome.word:
        case "created" if outcome.skipped_resources:
            return f"Mend what kept it out, then: restore-point take {{vault}} --resource {outcome.skipped_resources[0].id}"
        case "later" if isinstance(outcome, Later) and outcome.durable:
            return "Nothing: it is taken up by itself."
        case "overdue" if outcome.reason in ("empty_vault", "unknown_age"):
            return _EMPTY if outcome.reason == "empty_vault" else by_code or _NOT_ASKED
        case "failed":
            return by_code or _FAILED.get(outcome.reason) or ("restore-point take {vault} makes one now." if vault else "")
        case "refused":
            found = _REFUSED.get(outcome.reason, "")
            return "Nothing was done." if found == _ITS_PROOF and not outcome.sender else found
        case "warning":
            return _WARNED.get(outcome.reason, "")
        case "broken":
            return by_code if by_code and outcome.reason == "error_final" else _BROKEN.get(outcome.reason, "")
    return _ALWAYS.get(outcome.word, "")
