"""Ids that look like any other UUID, are the same for the same seed, and tell by themselves what they are the id of.

Nothing has to be kept to find what an id means: its first 60 bits are a permutation of (number, kind, index), the rest a
checksum with the seed's key. An id that was never given out is recognised by the checksum.
"""

from __future__ import annotations

from hashlib import blake2b

CHECKPOINT, BACKUP, DISK, LOG, VAULT, TASK = range(6)  # what an id may be of
NAME, LAG, ORDER, WAIT, SETTLE = range(8, 13)  # what chance may be asked about; of the same four bits

_KIND_BITS, _INDEX_BITS, _BITS = 4, 20, 60
_ALL = (1 << _BITS) - 1
_ODD = 0x9E3779B97F4A7C5  # any odd number has an inverse; this one mixes well
_BACK = pow(_ODD, -1, 1 << _BITS)
_TAIL_BITS = 62
_TAIL = (1 << _TAIL_BITS) - 1
_TAIL_ODD = 0x3C6EF372FE94F82B
_VERSION, _VARIANT = 4 << 76, 2 << 62
BLOCK = 1 << 22
"""Of numbers: more than are given out between two writes of the state, and few of the 2**36 there are."""


class Ids:
    """All ids of one seed."""

    __slots__ = ("_head_key", "_tail_key", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        key = int.from_bytes(blake2b(str(seed).encode(), digest_size=16).digest(), "big")
        self._head_key, self._tail_key = key & _ALL, key >> 64

    def of(self, kind: int, number: int, index: int = 0) -> str:
        """``number`` counts what happens in this cloud, ``index`` what belongs to it."""
        plain = (number << _KIND_BITS | kind) << _INDEX_BITS | index
        mixed = (plain ^ self._head_key) * _ODD & _ALL
        mixed = (mixed ^ mixed >> 30) * _ODD & _ALL
        mixed ^= mixed >> 30
        whole = (mixed >> 12) << 80 | _VERSION | (mixed & 0xFFF) << 64 | _VARIANT | self._checksum(plain)
        text = f"{whole:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def read(self, text: str) -> tuple[int, int, int] | None:
        """(kind, number, index); None if it is not one of these ids."""
        try:
            whole = int(text.replace("-", ""), 16)
        except ValueError:
            return None
        mixed = (whole >> 80 & (1 << 48) - 1) << 12 | whole >> 64 & 0xFFF
        mixed ^= mixed >> 30
        mixed = mixed * _BACK & _ALL
        mixed = (mixed ^ mixed >> 30) * _BACK & _ALL
        plain = mixed ^ self._head_key
        index, plain = plain & (1 << _INDEX_BITS) - 1, plain >> _INDEX_BITS
        kind, number = plain & (1 << _KIND_BITS) - 1, plain >> _KIND_BITS
        return (kind, number, index) if self.of(kind, number, index) == text else None

    def chance(self, purpose: int, number: int, index: int = 0) -> float:
        """A share between 0 and 1 that is always the same for the same question."""
        return self._checksum((number << _KIND_BITS | purpose) << _INDEX_BITS | index) / (1 << _TAIL_BITS)

    def _checksum(self, plain: int) -> int:
        mixed = (plain ^ self._tail_key) * _TAIL_ODD & _TAIL
        mixed = (mixed ^ mixed >> 31) * _TAIL_ODD & _TAIL
        return mixed ^ mixed >> 31
