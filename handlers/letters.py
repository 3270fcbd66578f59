"""Words from outside as a person may read them: their own letters where these are harmless, escapes where they are not."""

from __future__ import annotations

import json

_UNSEEN = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x2800, 0x3164, 0xFFA0,
     *range(0x180B, 0x180E), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)  # fmt: skip
"""Letters and marks that show nothing (Unicode, Default_Ignorable_Code_Point; and the empty pattern of Braille): what hides in
them must not look like something else.
"""
_COLOURED = "\ufe0f"
"""Makes the sign before it a picture, as in warning signs: harmless behind a sign."""
_MARKS = 4
"""Marks upon one letter: no language writes more, and more of them cover the lines above."""
_ALIKE = str.maketrans(
    {"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2018": "'", "\u2019": "'",
     "\u201a": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u00df": "ss",
     "\u00e6": "ae", "\u00c6": "AE", "\u00f8": "o", "\u00d8": "O", "\u0142": "l", "\u0141": "L"}
)  # fmt: skip
"""What is read as it was meant in ASCII too, and has no decomposition."""


def legible(text: str, limit: int = 200) -> str:
    """One line of at most ``limit`` characters: letters, marks, digits, signs and punctuation as they are.

    Control characters, line separators, what turns the direction of writing or takes no room, halves of characters and private
    ones are escaped as JSON escapes them. Doing it twice changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text[:limit]
    from unicodedata import category

    shown, marks, before = list[str](), 0, ""
    for letter in text[:limit]:
        kind = category(letter)
        marks = marks + 1 if kind.startswith("M") else 0
        harmless = letter.isprintable() and ord(letter) not in _UNSEEN and marks <= _MARKS
        shown.append(letter if harmless or (letter == _COLOURED and before == "So") else _escaped(letter))
        before = kind if harmless else ""
    return "".join(shown)[:limit]


def in_ascii(text: str, limit: int = 200) -> str:
    """The same where nothing but ASCII is taken, and what is longer than ``limit`` cut off.

    Accents are left off and a letter without a likeness is a question mark: an escape would say no more and be six times as long.
    """
    if text.isascii():
        return legible(text, limit)
    from unicodedata import category, normalize

    plain = normalize("NFKD", legible(text, limit).translate(_ALIKE))
    return "".join(letter if letter.isascii() else "?" for letter in plain if not category(letter).startswith("M"))[:limit]


def _escaped(letter: str) -> str:
    return json.dumps(letter)[1:-1].replace("\x7f", "\\u007f")
