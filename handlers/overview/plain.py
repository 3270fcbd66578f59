"""Words from outside, fit for a terminal, a page or a table."""

from __future__ import annotations


def plain(text: str, limit: int = 400) -> str:
    """One line without control characters or marks that turn the direction of writing; what is longer is cut, and says so."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in text.replace("\n", " "))
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
