"""Where the ledger is and how it is reached: RESTORE_POINT_LEDGER, and what belongs to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from handlers.credentials import Secret
from handlers.errors import Misconfigured
from handlers.settings.access import is_loopback
from handlers.settings.aws import Aws, find_aws
from handlers.values import dataclass

PLATFORMS = {
    "AWS_LAMBDA_FUNCTION_NAME": "AWS Lambda",
    "K_SERVICE": "Knative or Cloud Run",
    "RUNTIME_FUNC_NAME": "FunctionGraph",
    "RESTORE_POINT_DOOR": "FunctionGraph",
}
"""Variables by which serverless platforms show themselves."""

_SETTING = "RESTORE_POINT_LEDGER"
_VALKEY = {"valkey": False, "redis": False, "valkeys": True, "rediss": True}
"""The schemes people have in their URLs already, and whether they mean TLS."""


@dataclass(frozen=True)
class Valkey:
    """A Valkey or Redis server. ``user`` is empty for the default one."""

    host: str
    port: int
    db: int
    tls: bool
    user: str = ""
    password: Secret | None = None


@dataclass(frozen=True)
class LedgerAccess:
    """What a ledger on the network needs besides its name. ``ca_file`` replaces the public certificates."""

    valkey: Valkey | None = None
    aws: Aws | None = None
    ca_file: str = ""

    @property
    def on_this_machine(self) -> bool:
        """Whether no other machine's ledger is meant."""
        return (self.valkey is None or is_loopback(self.valkey.host)) and (self.aws is None or self.aws.on_this_machine)


ON_THIS_MACHINE = LedgerAccess()
"""What memory and sqlite need: nothing."""


def find_ledger(environ: Mapping[str, str], ca_file: str = "") -> tuple[str, LedgerAccess]:
    """The ledger's name as it may be shown, and how to reach it. Raises Misconfigured, which repeats no value.

    The variable may name another (``env:NAME``) or a file (``file:/path``) instead: a URL with a password is a secret.
    """
    given = _given(environ)
    scheme, _, place = given.partition(":")
    if scheme in _VALKEY:
        valkey = _valkey(given)
        if find_spec("valkey") is None:
            raise Misconfigured(_SETTING, "needs valkey-py: pip install 'cbr-restore-point[valkey]', or pack --with valkey")
        host = f"[{valkey.host}]" if ":" in valkey.host else valkey.host
        shown = f"{'valkeys' if valkey.tls else 'valkey'}://{host}:{valkey.port}/{valkey.db}"
        return shown, LedgerAccess(valkey=valkey, ca_file=ca_file)
    if scheme == "dynamodb":
        if not re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", place):
            raise Misconfigured(_SETTING, "must name a table after dynamodb: (3 to 255 of A-Z a-z 0-9 _ . -)")
        return given, LedgerAccess(aws=find_aws(environ, "dynamodb"), ca_file=ca_file)
    return given, LedgerAccess(ca_file=ca_file)


def _given(environ: Mapping[str, str]) -> str:
    given = environ.get(_SETTING, "").strip()
    kind, _, where = given.partition(":")
    if kind in ("env", "file"):
        try:
            value = environ.get(where, "") if kind == "env" else Path(where).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, ValueError):
            value = ""
        given = value.strip()
        if not given or given.partition(":")[0] in ("env", "file"):
            raise Misconfigured(_SETTING, f"points to a {'variable' if kind == 'env' else 'file'} that holds no ledger's URL")
    if given.startswith("sqlite:~/"):
        return f"sqlite:{_home()}/{given.removeprefix('sqlite:~/')}"
    return given or _default(environ)


def _default(environ: Mapping[str, str]) -> str:
    for variable, platform in PLATFORMS.items():
        if environ.get(variable):
            raise Misconfigured(
                _SETTING,
                f"is not set; on {platform} every instance has its own disk, so a file is no shared ledger: choose one by name",
            )
    state = environ.get("XDG_STATE_HOME") or str(_home() / ".local" / "state")
    folder = Path(state) / "restore-point"
    with suppress(OSError):  # the ledger says what is wrong when it is opened
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"sqlite:{folder / 'ledger.sqlite3'}"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise Misconfigured(_SETTING, "is not set and this user has no home: name a file, sqlite:/path") from None


def _valkey(url: str) -> Valkey:
    """``valkey://[[user]:password@]host[:port][/db]``; what stands between : and @ is percent-encoded."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 6379
    except ValueError:
        raise Misconfigured(
            _SETTING, "is no URL: valkey://[:password@]host:port/db, with / and @ in it percent-encoded"
        ) from None
    db = parts.path.removeprefix("/") or "0"
    if not _is_host(host) or not re.fullmatch(r"[0-9]{1,5}", db) or parts.query or parts.fragment:
        raise Misconfigured(_SETTING, "must be valkey://[:password@]host:port/db (valkeys:// for TLS), and nothing after it")
    user, password = _user(parts)
    return Valkey(host, port, int(db), _VALKEY[parts.scheme], user, password)


def _is_host(host: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*", host))


def _user(parts: SplitResult) -> tuple[str, Secret | None]:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and not password:
        raise Misconfigured(_SETTING, "names a user without a password: write :password@ for the default user")
    return user, Secret(password) if password else None
