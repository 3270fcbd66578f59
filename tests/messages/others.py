"""Outcomes whose way out is not the usual one, and words that are not English."""

from __future__ import annotations

from typing import Any

from handlers.outcome import Broken, Failed, Outcome, Overdue
from tests.messages.parts import CHECKPOINT_ID, MADE, OF_ALERT, OF_TIMER, REQUEST_ID, VAULT_ID

PROJECT = (
    "The project's id does not exist or belongs to other credentials: correct project_id of its [projects] in the rules, or the "
    "variable HUAWEICLOUD_SDK_PROJECT_ID (HW_PROJECT_ID, OS_PROJECT_ID)."
)


def unknown_age(said: str, **more: str) -> Overdue:
    message = (
        "It is not known whether vault erp has a restore point younger than 26 hours (max_age): CBR could not be asked "
        f"({said}). Look at it in the console."
    )
    about: dict[str, Any] = {"vault": "erp", "vault_id": VAULT_ID, "trigger": "watch", "request_id": REQUEST_ID, **more}
    return Overdue(reason="unknown_age", message=message, **about)


def foreign(vault: str, title: str, cause: str) -> Failed:
    about = OF_ALERT | {"vault": vault, "title": title, "cause_names": (cause,), "causes": 1}
    return Failed(reason="rejected", message="CBR refused it.", error_code="BackupService.6114", request_id=REQUEST_ID, **about)


OTHERS: dict[str, Outcome] = {
    "broken_for_good": Broken(
        reason="error_final",
        message=(
            f"Restore point {CHECKPOINT_ID} of vault erp ended in error: erp-db failed (BackupService.6114 The vault is full.). "
            "There is none for this cause. Nothing more is tried: restore-point take erp."
        ),
        error_code="BackupService.6114",
        **MADE,
        **OF_ALERT,
    ),
    "overdue_empty_vault": Overdue(
        reason="empty_vault",
        message=(
            "Vault erp holds no resource, so there is no good restore point younger than 26 hours (max_age): associate servers "
            "or disks with it."
        ),
        vault="erp",
        vault_id=VAULT_ID,
        trigger="watch",
    ),
    "overdue_of_unknown_age": unknown_age("503 answered 503"),
    "overdue_wrong_project": unknown_age("401 Malformed request url", error_code="401"),
    "failed_wrong_project": Failed(
        reason="rejected",
        message=(f"CBR refused to list the backups for a restore point of vault erp: 401: Malformed request url. {PROJECT}"),
        error_code="401",
        **OF_TIMER,
    ),
    "failed_in_german": foreign(
        "B\u00fcro-S\u00fcd",
        "Speicher f\u00fcr \u201e/var\u201c l\u00e4uft voll \u2013 97 % belegt \u26a0\ufe0f",
        "Plattenplatz (gr\u00f6\u00dfe=klein)",
    ),
    "failed_in_chinese": foreign(
        "\u78c1\u76d8\u5e93",
        "\u78c1\u76d8\u7a7a\u95f4\u4e0d\u8db3\uff1a\u4e3b\u673a app\uff0c\u5df2\u7528 97%",
        "\u78c1\u76d8\u6ee1\uff08\u4e3b\u673a=app\uff09",
    ),
}
"""By the name of their golden files."""
