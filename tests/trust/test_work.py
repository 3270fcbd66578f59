"""How long a refusal takes says nothing: every key and every signature is compared, whichever is right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations

import pytest

from handlers.credentials import Secret
from handlers.envelope import Http
from handlers.rules.proofs import scheme_named
from handlers.settings import Key
from handlers.trust.signed import verify_signature
from tests.trust.making import AT, BODY, mac

KEYS = ("first-secret-0123456789-abc", "second-secret-0123456789-ab", "third-secret-0123456789-abc")


class Counted(Secret):
    """A secret that notes when it is used."""

    __slots__ = ("_used",)

    def __init__(self, value: str, used: list[str]) -> None:
        super().__init__(value)
        self._used = used

    def reveal(self) -> str:
        self._used.append("used")
        return super().reveal()


def keys(used: list[str]) -> Sequence[Key]:
    return [Key(f"env:{place}", Counted(text, used)) for place, text in enumerate(KEYS)]


def request(*signatures: bytes) -> Http:
    value = ",".join(f"v1={each.hex()}" for each in signatures)
    return Http("POST", "/alert/s", {"x-pagerduty-signature": value}, BODY)


@pytest.mark.parametrize("right", [0, 1, 2, None])
def test_every_key_is_tried_whichever_is_right(right: int | None) -> None:
    used: list[str] = []
    signature = bytes(32) if right is None else mac(BODY, KEYS[right].encode())
    found = verify_signature(request(signature), scheme_named("pagerduty"), keys(used), AT)
    assert (found[0].name if found else None) == (None if right is None else f"env:{right}")
    assert len(used) == len(KEYS)


def test_the_place_of_the_right_signature_does_not_matter() -> None:
    signatures = [mac(BODY, KEYS[1].encode()), bytes(32), b"", bytes(31)]
    for order in permutations(signatures):
        used: list[str] = []
        assert verify_signature(request(*order), scheme_named("pagerduty"), keys(used), AT) is not None
        assert len(used) == len(KEYS)


def test_a_key_that_has_ended_is_tried_and_does_not_count() -> None:
    used: list[str] = []
    ended = [Key(each.name, each.secret, AT - timedelta(seconds=1)) for each in keys(used)]
    signature = mac(BODY, KEYS[0].encode())
    assert verify_signature(request(signature), scheme_named("pagerduty"), ended, AT) is None
    assert len(used) == len(KEYS)
