"""What a line may hold that people read: told by Unicode's categories, so by other means than the product's."""

from __future__ import annotations

from unicodedata import category

INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\ufe00\ufe0e\uffa0\U000e0100\U000e01ef"
"""Letters, marks and signs that show nothing (some of Default_Ignorable_Code_Point)."""


def reads(line: str) -> bool:
    """Letters, marks, digits, punctuation, signs and plain blanks, no more than four marks upon each other."""
    kinds = "".join(category(letter)[0] for letter in line)
    return (
        all(kind in "LMNPS" or letter == " " for kind, letter in zip(kinds, line, strict=True))
        and not set(line) & set(INVISIBLE)
        and "MMMMM" not in kinds
    )
