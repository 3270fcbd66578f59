"""Environment and rules file become one frozen value, or start fails naming what to change. No value is ever repeated."""

from __future__ import annotations

import os
import re
import tomllib
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic_core import ValidationError

from handlers.credentials import NO_PLATFORM, Platform
from handlers.documents import fault
from handlers.errors import Misconfigured
from handlers.rules import DEFAULT_PROJECT, Project, Rules
from handlers.settings.access import Access, find_access
from handlers.settings.kept import KEPT_SECONDS, Kept
from handlers.settings.ledger import ON_THIS_MACHINE, PLATFORMS, LedgerAccess, find_ledger
from handlers.settings.queue import QueueAccess, find_queue
from handlers.settings.secrets import SECRET_LENGTH, Key, check_library, read_secrets
from handlers.settings.topics import TopicAccess, find_topics
from handlers.values import dataclass, field

__all__ = [
    "PLATFORMS",
    "SECRET_LENGTH",
    "Access",
    "Key",
    "LedgerAccess",
    "Settings",
    "find_rules",
    "load",
    "read_rules",
    "read_secrets",
    "served",
]


@dataclass(frozen=True)
class Settings:
    """Everything a cold start needs to know."""

    rules: Rules
    rules_file: str
    """Where the rules came from; empty where there is no file."""
    projects: Mapping[str, Access]
    secrets: Mapping[str, tuple[Key, ...]]
    """What proves each sender whose proof is a secret: the current one, and those that are being replaced."""
    ledger: str
    """``memory``, ``sqlite:PATH``, ``dynamodb:TABLE`` or ``valkey://host:port/db``, as it may be shown: without a password."""
    ledger_access: LedgerAccess = ON_THIS_MACHINE
    """How to reach a ledger on the network."""
    ledger_lasts: bool = True
    """False on a serverless platform with ``memory``: it ends with the instance, and no other instance sees it."""
    queue: QueueAccess | None = None
    """Where wishes go that one run cannot take; None: the watch takes them."""
    topics: Mapping[str, TopicAccess] = field(default_factory=dict)
    """How the topics are reached that are not Huawei Cloud's."""
    settle_seconds: float = 120.0
    """How long CBR may take to show an accepted request in its lists. A claim outlives the run by this much."""
    follow_seconds: float = 60.0
    """How soon the watch looks at a restore point that is being made; backups take minutes to hours."""
    ca_file: str = ""
    """A file of certificates to trust instead of the public ones, for private installations."""
    kept: Kept | None = field(default=None, repr=False, compare=False)
    """Where what was read from Secrets Manager came from, and can be seen to have changed."""
    starts_at: datetime | None = None
    """What the clock says when the service is built, to replay an event at its own time; only against a sandbox."""

    @property
    def hosts(self) -> frozenset[str]:
        """The origins of the projects' services."""
        services = {origin for access in self.projects.values() for origin in (access.cbr, access.iam, access.smn)}
        return frozenset(services | ({self.queue.origin} if self.queue and self.queue.kind == "functiongraph" else set()))


def load(environ: Mapping[str, str] | None = None, rules_file: str | None = None, platform: Platform = NO_PLATFORM) -> Settings:
    """Settings from ``environ`` (the process's own by default), then the platform, and the rules file. Raises Misconfigured."""
    environ = ChainMap(os.environ if environ is None else environ, platform.variables)  # type: ignore[arg-type]  # only read
    found = find_rules(environ, rules_file)
    rules = read_rules(found) if found else Rules()
    check_library(rules)
    ca_file = _ca_file(environ)
    kept = Kept(environ, ca_file=ca_file, seconds=_seconds(environ, "RESTORE_POINT_SECRETS_SECONDS", KEPT_SECONDS))
    environ = kept.environ
    if environ.get("POWERTOOLS_LOGGER_LOG_EVENT", "").lower() in ("true", "1", "yes", "on", "y", "t"):
        why = "would write every event with its Authorization into the log: unset it"
        raise Misconfigured("POWERTOOLS_LOGGER_LOG_EVENT", why)
    if environ.get("SSLKEYLOGFILE"):
        raise Misconfigured("SSLKEYLOGFILE", "is set: the keys of every connection would be written to a file; unset it")
    named = rules.projects or {DEFAULT_PROJECT: Project()}
    projects = {name: find_access(name, project, environ, platform, alone=len(named) == 1) for name, project in named.items()}
    ledger, ledger_access = find_ledger(environ, ca_file)
    queue, topics = find_queue(environ, projects), find_topics(rules, environ, kept)
    if queue and ledger == "memory":
        why = "needs a ledger that workers share: with RESTORE_POINT_LEDGER=memory they find no wish"
        raise Misconfigured("RESTORE_POINT_QUEUE", why)
    return Settings(
        rules=rules,
        rules_file=str(found or ""),
        projects=projects,
        secrets=read_secrets(rules, environ, kept=kept),
        kept=kept,
        ledger=ledger,
        ledger_access=ledger_access,
        queue=queue,
        topics=topics,
        ledger_lasts=ledger != "memory" or not any(environ.get(variable) for variable in PLATFORMS),
        settle_seconds=_seconds(environ, "RESTORE_POINT_SETTLE_SECONDS", 120),
        follow_seconds=_seconds(environ, "RESTORE_POINT_FOLLOW_SECONDS", 60),
        ca_file=ca_file,
        starts_at=_starts_at(environ, [*projects.values(), ledger_access, *([queue] if queue else []), *topics.values()]),
    )


def find_rules(environ: Mapping[str, str], given: str | None) -> Path | None:
    """``--rules``, else RESTORE_POINT_RULES, else ./rules.toml, else the rules.toml packed beside the package."""
    if given or environ.get("RESTORE_POINT_RULES"):
        path = Path(given or environ["RESTORE_POINT_RULES"])
        if not _is_file(path):
            raise Misconfigured("--rules" if given else "RESTORE_POINT_RULES", f"there is no file {path.name!r} at that path")
        return path
    places = (Path("rules.toml"), Path(__file__).parents[2] / "rules.toml")
    return next((path for path in places if _is_file(path)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a directory that may not be entered
        return False


def read_rules(path: Path) -> Rules:
    """The rules file, read strictly. Raises Misconfigured naming file and key, or line and column."""
    try:
        return Rules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        key, sentence = fault(error)
        raise Misconfigured(f"{path.name}: {key}" if key else path.name, sentence) from None
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(path.name, f"is not TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(path.name, f"cannot be read ({type(error).__name__})") from None
    except (ValueError, RecursionError):  # tomllib lets both out
        raise Misconfigured(path.name, "holds a number of too many digits, or is nested too deep") from None


def served(environ: Mapping[str, str] | None = None, arguments: Sequence[str] = (), platform: Platform = NO_PLATFORM) -> Settings:
    """Settings of a server, whose start refuses what a single run may do. Raises Misconfigured.

    ``arguments`` are those of the command that functions-framework was started with.
    """
    given = os.environ if environ is None else environ
    if given.get("DEBUG") or "--debug" in arguments:
        raise Misconfigured("DEBUG", "is set: functions-framework would open a debugger to whoever can connect; unset it")
    if given.get("FUNCTION_SIGNATURE_TYPE", "http") != "http" or _option("--signature-type", arguments) not in ("", "http"):
        why = 'must be "http": with others functions-framework answers bad requests with their headers, secrets included'
        raise Misconfigured("FUNCTION_SIGNATURE_TYPE", why)
    settings = load(environ, platform=platform)
    if settings.ledger == "memory" and given.get("WORKERS", "1") not in ("", "1"):
        why = "is more than one process, and each would keep wishes of its own: choose another RESTORE_POINT_LEDGER than memory"
        raise Misconfigured("WORKERS", why)
    return settings


def _option(name: str, arguments: Sequence[str]) -> str:
    """Its value, in either of the two ways options are written."""
    words = " ".join(arguments).replace(f"{name}=", f"{name} ").split(" ")
    return words[words.index(name) + 1] if name in words[:-1] else ""


def _ca_file(environ: Mapping[str, str]) -> str:
    given = environ.get("RESTORE_POINT_CA_FILE", "")
    if given and not _is_file(Path(given)):
        raise Misconfigured("RESTORE_POINT_CA_FILE", "there is no file at that path")
    return given


def _starts_at(
    environ: Mapping[str, str], services: Iterable[Access | LedgerAccess | QueueAccess | TopicAccess]
) -> datetime | None:
    """RESTORE_POINT_NOW. A clock that is wrong on purpose must never meet a real cloud."""
    given = environ.get("RESTORE_POINT_NOW", "")
    if not given:
        return None
    if not all(each.on_this_machine for each in services):
        why = "is set, and a service is not on this machine: it is for a sandbox only; unset it"
        raise Misconfigured("RESTORE_POINT_NOW", why)
    try:
        moment = datetime.fromisoformat(given)
        utc = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        utc = None
    if utc is None or not 1970 <= utc.year < 2100:
        raise Misconfigured("RESTORE_POINT_NOW", "must be a time with its zone, such as 2026-03-02T10:15:00Z")
    return utc


def _seconds(environ: Mapping[str, str], variable: str, default: int) -> float:
    text = environ.get(variable, str(default))
    if not (re.fullmatch(r"[0-9]{1,4}", text) and int(text) <= 3600):
        raise Misconfigured(variable, "must be a whole number of seconds, at most 3600")
    return float(text)
