"""Secrets that are found again in whatever form they leave, and the search for them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

PIECE = 12
"""Characters. A piece this long of a secret is a leak, whatever stands around it; by chance none is ever there."""


def canary(name: str) -> str:
    """44 characters, some of them such as a URL escapes."""
    return base64.b64encode(hashlib.sha256(f"canary {name}".encode()).digest()).decode()


def forms(secret: str) -> Iterator[str]:
    """As it is, and as base64 (wherever it begins in what was encoded), hex and parts of URLs write it."""
    raw = secret.encode()
    yield secret
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(b"\0" * before + raw).decode().rstrip("=")
            yield coded[(0, 2, 3)[before] : len(coded) - (1 if (before + len(raw)) % 3 else 0)]
    yield raw.hex()
    yield raw.hex().upper()
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)


class Search:
    """Looks for every piece of every form of every secret."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        assert all(len(secret) >= PIECE for secret in secrets.values()), "a secret that is too short to be looked for"
        self._pieces: dict[str, str] = {}
        for name, secret in secrets.items():
            for form in forms(secret):
                self._pieces |= {form[at : at + PIECE]: name for at in range(len(form) - PIECE + 1)}

    def in_text(self, text: str | bytes) -> set[str]:
        """Names of the secrets of which a piece stands in it."""
        plain = text.decode("latin-1") if isinstance(text, bytes) else text
        pieces = {plain[at : at + PIECE] for at in range(max(len(plain) - PIECE + 1, 0))}
        return {self._pieces[piece] for piece in pieces & self._pieces.keys()}

    def everywhere(self, channels: Mapping[str, Iterable[str | bytes]]) -> list[str]:
        """``channel: secret`` for each that is somewhere; empty is what is wanted."""
        return sorted({f"{name}: {found}" for name, texts in channels.items() for text in texts for found in self.in_text(text)})
