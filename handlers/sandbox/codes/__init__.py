"""The codes of four services: status and text of each, as far as the service publishes them.

Texts that are published or were seen are given as they are; where only a meaning was to be had, it stands in plain words.
Clients go by the code, never by the text. One line of a table is a code, its status and its text.
"""

from __future__ import annotations

from handlers.sandbox.codes import cbr, gateway, iam, smn


def _table(text: str) -> dict[str, tuple[int, str]]:
    rows = (line.split(" ", 2) for line in text.strip().splitlines())
    return {code: (int(status), message) for code, status, message in rows}


CBR = _table(cbr.TEXT)
GATEWAY = _table(gateway.TEXT)
IAM = _table(iam.TEXT)
SMN = _table(smn.TEXT)


_TABLES = {"": CBR, "BackupService": CBR, "APIGW": GATEWAY, "IAM": IAM, "SMN": SMN}
_UNKNOWN = {"cbr": ("BackupService", "9910", "9900"), "gateway": ("APIGW", "0601"), "smn": ("SMN", "0018", "0002")}


def published(code: str) -> bool:
    """CBR's without a prefix or with its own: ``6134``, ``BackupService.6134``, ``APIGW.0601``, ``IAM.0066``, ``SMN.0006``."""
    service, _, number = code.rpartition(".")
    return number in _TABLES.get(service, {})


def unknown(style: str, status: int) -> str:
    """The code for an error nobody explains, of the service that speaks in this style.

    It goes with the status: one of those for such errors, else any of the service's; the first if there is none at all.
    """
    service, *preferred = _UNKNOWN[style]
    table = _TABLES[service]
    found = [code for code in (*preferred, *table) if table[code][0] == status]
    return f"{service}.{(found or preferred)[0]}"
