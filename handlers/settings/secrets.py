"""What senders prove themselves with, from where the rules say it stands. No value is ever repeated."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from handlers.credentials import Secret
from handlers.errors import Misconfigured
from handlers.rules import Rules, Sender
from handlers.rules.proofs import WITH_LIBRARY
from handlers.settings.kept import Kept
from handlers.values import dataclass

SECRET_LENGTH = 24
"""Characters, and bytes of a key: a shorter one can be guessed."""


@dataclass(frozen=True)
class Key:
    """A sender's secret. ``name`` is where it stands, which log lines may say; ``until`` when it is accepted no longer."""

    name: str
    secret: Secret
    until: datetime | None = None

    def accepted(self, now: datetime) -> bool:
        """Whether it still counts."""
        return self.until is None or now < self.until

    @property
    def signing(self) -> bytes:
        """The bytes to sign with where the secret is base64 of them, with ``whsec_`` before it or not."""
        return base64.b64decode(self.secret.reveal().removeprefix("whsec_"), validate=True)


def read_secrets(
    rules: Rules, environ: Mapping[str, str], only: str = "", *, kept: Kept | None = None
) -> dict[str, tuple[Key, ...]]:
    """Every sender's keys, or one's, the current one first. Raises Misconfigured where one is missing, short or malformed."""
    kept = kept or Kept(environ)
    return {
        name: tuple(_keys(name, sender, kept))
        for name, sender in rules.senders.items()
        if sender.secret is not None and only in ("", name)
    }


def check_library(rules: Rules) -> None:
    """Raises Misconfigured where a proof needs what is not installed."""
    for name, sender in rules.senders.items():
        missing = [each for each in ("cryptography", "jwt") if importlib.util.find_spec(each) is None]
        if sender.proof in WITH_LIBRARY and missing:
            why = (
                f'"{sender.proof}" needs {" and ".join(missing)}: pip install "cbr-restore-point[verify]", or pack --with verify'
            )
            raise Misconfigured(f"senders.{name}.proof", why)


def _keys(name: str, sender: Sender, kept: Kept) -> Iterator[Key]:
    given: list[tuple[str, str, datetime | None]] = [(f"senders.{name}.secret", sender.secret or "", None)]
    given += [(f"senders.{name}.retiring[{place}].secret", old.secret, old.until) for place, old in enumerate(sender.retiring)]
    for setting, reference, until in given:
        where = reference if reference.startswith("arn:") else reference.partition(":")[2]
        try:
            value = value_at(setting, reference, kept)
        except Misconfigured:
            if until is not None and until < datetime.now(UTC):
                continue  # it has ended, so it need not be there any more
            raise
        key = Key(reference, Secret(value), until)
        if fault := _fault(key, value, sender):
            raise Misconfigured(setting, f"{where} {fault}")
        yield key


def value_at(setting: str, reference: str, kept: Kept) -> str:
    """What stands where the reference says. Raises Misconfigured where nothing does."""
    kind, _, where = reference.partition(":")
    if kind == "arn":
        return kept.value(setting, reference)
    try:
        value = kept.environ.get(where, "") if kind == "env" else Path(where).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        value = ""
    if not value:
        raise Misconfigured(setting, f"{where} is not set or cannot be read")
    return value


def _fault(key: Key, value: str, sender: Sender) -> str:
    if len(value) < SECRET_LENGTH or not value.isascii() or not value.isprintable():
        return f"must hold at least {SECRET_LENGTH} printable ASCII characters"
    if sender.proof == "basic" and not (0 < value.find(":") < len(value) - SECRET_LENGTH):
        return f"must hold user:password, with a password of at least {SECRET_LENGTH} characters"
    return signing_fault(key) if sender.signed_by is not None and sender.signed_by.key == "base64" else ""


def signing_fault(key: Key) -> str:
    """What is wrong with a secret that must be base64 of a key."""
    try:
        long_enough = len(key.signing) >= SECRET_LENGTH
    except ValueError:
        return "must hold base64, after whsec_ if that is there"
    return "" if long_enough else f"must hold base64 of at least {SECRET_LENGTH} bytes"
