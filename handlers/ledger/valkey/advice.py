"""What valkey-py and the server say, in words that tell a person what to do."""

from __future__ import annotations

import ssl

from valkey import exceptions as said

from handlers.ledger.valkey.scripts import PREFIX

NO_VALKEY = "what answers there is no Valkey; correct host and port"
STRANGE = "it holds something that no ledger wrote; choose another database"
_UNTRUSTED = "its certificate is not trusted or not for that name; correct the host, or name its CA in RESTORE_POINT_CA_FILE"

_BY_KIND: tuple[tuple[type[Exception], str], ...] = (
    (said.AuthenticationError, "it refuses the user or the password; correct RESTORE_POINT_LEDGER"),
    (said.NoPermissionError, f"its user may not do this; allow EVAL, EVALSHA and what they call on keys {PREFIX}*"),
    (said.ReadOnlyError, "it is a replica; name the primary"),
    (said.OutOfMemoryError, "its memory is full; raise maxmemory"),
    (said.BusyLoadingError, "it is still loading its data; wait for it"),
    (said.TimeoutError, "it does not answer; see whether it runs and can be reached"),
    (TimeoutError, "it does not answer; see whether it runs and can be reached"),
    (said.InvalidResponse, NO_VALKEY),
    (said.ConnectionError, "it cannot be reached; start it, or correct host and port"),
    (OSError, "it cannot be reached; start it, or correct host and port"),
)
_BY_WORD = {
    "MOVED": "it is a cluster; name a server without cluster mode",
    "CROSSSLOT": "it is a cluster; name a server without cluster mode",
    "CLUSTERDOWN": "it is a cluster; name a server without cluster mode",
    "MISCONF": "it cannot save to its disk; make room there",
    "BUSY": "a script keeps it busy; end that one with SCRIPT KILL",
    "NOREPLICAS": "too few of its replicas are up; start them",
    "WRONGTYPE": STRANGE,
    "index": "it has no database of that number; correct RESTORE_POINT_LEDGER",
}
"""Words of the server's answer that have no exception of their own in valkey-py, wherever they stand in it."""


def advice(error: Exception) -> str:
    """One sentence for what valkey-py raised."""
    if isinstance(error.__context__, ssl.SSLCertVerificationError):
        return _UNTRUSTED
    for kind, words in _BY_KIND:
        if isinstance(error, kind):
            return words
    if not isinstance(error, said.ResponseError):
        return NO_VALKEY
    answer = str(error).replace(":", " ").split()
    for word, words in _BY_WORD.items():
        if word in answer:
            return words
    return f"it refuses what a ledger needs ({answer[0][:20] if answer else 'no word'}); look into its log"
