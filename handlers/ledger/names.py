"""Names and times as text that sorts as they do, for stores that order bytes."""

from __future__ import annotations

import struct

AFTER = "!"
"""Sorts after the space that ends a part of a name, and before everything else the part could go on with."""


def part(kind: str) -> str:
    """The kind as the first part of a name: it may be followed by a space and the rest without losing its place in the order.

    A space ends it, so what sorts up to ``!`` is written as ``!`` and a letter; the kinds in use have none of it.
    """
    return "".join(f"!{chr(ord(letter) + 0x22)}" if letter <= AFTER else letter for letter in kind)


def name_of(kind: str, key: str) -> str:
    """Kind and key as one text, different for different pairs, in the order of the pairs."""
    return f"{part(kind)} {key}"


def sortable(time: float) -> str:
    """Sixteen hexadecimal digits in the order of the numbers, from which the number comes back to the last bit.

    A double's bits sort as integers do once the sign is turned, and for negative ones all the bits.
    """
    (bits,) = struct.unpack(">Q", struct.pack(">d", time + 0.0))  # -0.0, which is 0.0 to everybody else, would sort before it
    return f"{bits ^ (0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else 0x8000_0000_0000_0000):016x}"


def time_of(text: str) -> float:
    """The number `sortable` wrote; raises ValueError for anything else."""
    bits = int(text, 16)
    if len(text) != 16:
        raise ValueError("not sixteen digits")
    (time,) = struct.unpack(">d", struct.pack(">Q", bits ^ (0x8000_0000_0000_0000 if bits >> 63 else 0xFFFF_FFFF_FFFF_FFFF)))
    return float(time)
