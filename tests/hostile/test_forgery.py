"""H37 to H49: signatures and bearers that are forged, replayed or nearly right. Refused is 401, and not one call to anybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.errors import Misconfigured
from handlers.settings import load
from handlers.trust import HEAD_CAP
from tests.hostile.forging import BODY, KEY, OLD, ONE_OFF, Forge, hooked, now, stamped
from tests.hostile.rows import Rows
from tests.hostile.stage import PLATFORMS, simple, token
from tests.trust.making import in_base64, mac

rows = Rows(
    named={
        "H42": ["tests/trust/test_replays.py::test_an_id_is_remembered_for_as_long_as_its_proof_could_be_good"],
        "H47": ["tests/trust/test_rotation.py::test_the_old_secret_counts_until_its_end_to_the_second"],
        "H48": ["tests/test_trust.py::test_proofs_are_compared_by_digests_of_one_length_and_for_unknown_senders_too"],
    },
    waiting={},
)


@rows("H38")
def test_what_is_right_is_served(forged: Forge) -> None:
    forged.served("hooks", BODY, hooked(message="right"))
    forged.served("timed", BODY, stamped(now()))
    forged.served("plain", BODY, {"X-Hub-Signature-256": "sha256=" + mac(BODY, KEY.encode()).hex()})


def signature(value: str | None) -> dict[str, str | None]:
    return {"webhook-id": "msg_1", "webhook-timestamp": now(), "webhook-signature": value}


MALFORMED: dict[str, Any] = {
    "H37 no signature": None, "H37 empty": "", "H37 v1": "v1", "H37 v1,": "v1,", "H37 v1,a": "v1,a", "H37 v1,a,b": "v1,a,b",
    "H37 a blank": " ", "H37 two blanks": "v1,AAAA  v1,AAAA", "H37 no ASCII": "v1,\xe9\xe9\xe9\xe9", "H37 no base64": "v1,!!!!",
    "H37 commas": "," * 100, "H37 hex": "v1," + "00" * 32, "H37 zeros": f"v1,{in_base64(bytes(32))}",
}  # fmt: skip


@rows.cases("value", MALFORMED)
def test_a_header_that_is_no_signature(forged: Forge, value: str | None) -> None:
    forged.refused("hooks", BODY, signature(value))


BODIES: dict[str, bytes] = {
    "H37 a body that is no UTF-8": b"\xff\xfe", "H37 a deep body": b"[" * 100_000, "H37 a huge integer": b"9" * 5000,
    "H37 an empty body": b"", "H37 no JSON": b"{",
}  # fmt: skip


@rows.cases("body", BODIES)
def test_a_body_that_nobody_signed_is_not_even_read(forged: Forge, body: bytes) -> None:
    forged.refused("hooks", body, hooked())
    forged.refused("topic", body, {})
    forged.refused("push", body, {"Authorization": "Bearer x.y.z"})


OTHERS: dict[str, Any] = {
    "H38 another body": lambda: hooked(BODY + b" "),
    "H38 another id": lambda: hooked() | {"webhook-id": "msg_2"},
    "H38 another time": lambda: hooked(at=now(-5)) | {"webhook-timestamp": now()},
    "H38 another secret": lambda: hooked(key="a-secret-of-another-0123456789"),
    "H38 the secret's own text": lambda: hooked(key=f"whsec_{in_base64(KEY.encode())}"),
    "H38 no id": lambda: hooked() | {"webhook-id": None},
    "H38 no time": lambda: hooked() | {"webhook-timestamp": None},
    "H38 an empty id": lambda: hooked(message=""),
    "H39 written anew": lambda: hooked(json.dumps(simple(), separators=(",", ":")).encode()),
    "H39 written anew, in another order": lambda: hooked(json.dumps(dict(reversed(simple().items()))).encode()),
    "H43 an id with a dot": lambda: hooked(message="m.123"),
    "H43 an id that shifts the time into it": lambda: hooked(message=f"msg_1.{now()}"),
    "H43 an id that is a path": lambda: hooked(message="../../m"),
    "H43 an id of 65 letters": lambda: hooked(message="m" * 65),
    "H43 an id with a blank": lambda: hooked(message="m 1"),
    "H44 a thousand signatures, the right one last": lambda: many(1000, last=True),
    "H44 a thousand signatures, the right one first": lambda: many(1000, last=False),
    "H44 six signatures, the right one last": lambda: many(6, last=True),
    "H45 v1a": lambda: hooked(version="v1a"),
    "H45 v0": lambda: hooked(version="v0"),
    "H45 v2": lambda: hooked(version="v2"),
    "H45 V1": lambda: hooked(version="V1"),
    "H45 no version": lambda: hooked(version=""),
}


def many(count: int, *, last: bool) -> dict[str, str]:
    headers = hooked()
    right, junk = headers["webhook-signature"], "v1,a " * (count - 1)
    return headers | {"webhook-signature": junk + right if last else f"{right} {junk}".strip()}


@rows.cases("make", OTHERS)
def test_a_signature_of_something_else(forged: Forge, make: Any) -> None:
    forged.refused("hooks", BODY, make())


def test_five_signatures_are_looked_at(forged: Forge) -> None:
    forged.served("hooks", BODY, many(5, last=True) | {})


TIMES: dict[str, Any] = {
    "H30 Arabic digits": lambda: now().translate({ord("0") + each: 0x660 + each for each in range(10)}),
    "H30 full-width digits": lambda: now().translate({ord("0") + each: 0xFF10 + each for each in range(10)}),
    "H30 a superscript": lambda: now()[:-1] + "\xb2",
    "H40 a fraction": lambda: now() + ".9",
    "H40 an exponent": lambda: "1.79e9",
    "H40 blanks and underscores": lambda: " 17_95000000",
    "H40 an underscore": lambda: f"{now()[:2]}_{now()[2:]}",
    "H40 nan": lambda: "nan",
    "H40 inf": lambda: "inf",
    "H40 negative": lambda: "-" + now(),
    "H40 a zero before it": lambda: "0" + now(),
    "H40 a plus": lambda: "+" + now(),
    "H40 hexadecimal": lambda: hex(int(now())),
    "H40 milliseconds": lambda: now() + "000",
    "H40 as a date": lambda: "2026-11-27T00:00:00Z",
    "H40 a blank inside": lambda: f"{now()[:5]} {now()[5:]}",
    "H40 nothing": lambda: "",
}


@rows.cases("make", TIMES)
def test_a_time_of_another_form_though_it_is_signed(forged: Forge, make: Any) -> None:
    """Over HTTP no header can hold more than latin-1: the functions get the text itself, as a platform decodes it."""
    at = make()
    for sender, headers in (("hooks", hooked(at=at) | {"webhook-timestamp": at}), ("timed", stamped(at))):
        with forged.stage.nothing_leaves():
            for platform in PLATFORMS if at.isascii() or "\xb2" in at else PLATFORMS[1:]:
                given = {name.lower().replace("-", "_"): value for name, value in headers.items()}
                said = forged.stage.ask(platform, f"/alert/{sender}", BODY, bearer="", **given)
                assert said.status == 401
                assert said.reasons[0] in ("bad_proof", "stale_proof")


@pytest.mark.parametrize("seconds", [-302, 310, -86_400, 86_400, -1_000_000_000])
@rows("H40", "H42")
def test_a_time_long_ago_or_to_come(forged: Forge, seconds: float) -> None:
    for sender, headers in (("hooks", hooked(at=now(seconds))), ("timed", stamped(now(seconds)))):
        forged.refused(sender, BODY, headers, "stale_proof")


@rows("H41")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_one_off_that_is_replayed_asks_for_nothing(forged: Forge, platform: str) -> None:
    headers = {name.replace("-", "_"): value for name, value in hooked(ONE_OFF, f"job_{platform}").items()}
    first = forged.stage.ask(platform, "/once/jobs", ONE_OFF, bearer="", **headers)
    assert (first.status, first.words) == (200, ["created"])
    for _ in range(3):
        with forged.stage.nothing_leaves():
            again = forged.stage.ask(platform, "/once/jobs", ONE_OFF, bearer="", **headers)
        assert (again.status, again.words, again.reasons) == (200, ["skipped"], ["replayed"])


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_of_a_proof_that_comes_twice_is_worth_nothing(forged: Forge, name: str) -> None:
    """Two readers could take different ones."""
    several = {key: [value, value] if key == name else [value] for key, value in hooked().items()}
    headers = {"content-type": ["application/json"]} | several
    event = {
        "resource": "/", "path": "/alert/hooks", "httpMethod": "POST",
        "headers": {key: each[-1] for key, each in headers.items()},
        "multiValueHeaders": headers, "requestContext": {}, "body": BODY.decode(), "isBase64Encoded": False,
    }  # fmt: skip
    with forged.stage.nothing_leaves():
        said = forged.stage.hand("lambda", "alert", event)
    assert (said.status, said.reasons) == (401, ["bad_proof"])


SHORT: dict[str, str] = {
    "H46 empty": "", "H46 three bytes": "whsec_AAAA", "H46 whsec_ alone": "whsec_", "H46 no base64": "whsec_" + "!" * 40,
    "H46 short though its text is long": f"whsec_{in_base64(b'only-twenty-bytes---')}", "H46 no ASCII": "whsec_" + "\xe9" * 40,
}  # fmt: skip


@rows.cases("secret", SHORT)
def test_a_secret_that_can_be_guessed_ends_the_start(forged: Forge, secret: str) -> None:
    for variable in ("HOSTILE_HOOKS", "HOSTILE_HOOKS_BEFORE"):
        with pytest.raises(Misconfigured) as caught:
            load(forged.stage.environ | {variable: secret})
        assert variable in str(caught.value)
        assert not secret or secret not in str(caught.value)


@rows("H47")
def test_both_secrets_count_while_one_is_changed(forged: Forge) -> None:
    for key in (KEY, OLD):
        forged.served("hooks", BODY, hooked(message="rotated", key=key))


@pytest.mark.parametrize("place", [0, 1, 15, 30, 31])
@rows("H48")
def test_one_wrong_byte_is_as_wrong_as_all(forged: Forge, place: int) -> None:
    right = bytearray(mac(BODY, KEY.encode()))
    right[place] ^= 1
    forged.refused("plain", BODY, {"X-Hub-Signature-256": f"sha256={right.hex()}"})


AM = token("am")
BEARERS: dict[str, str] = {
    "H49 wrong": "Bearer " + "x" * len(AM), "H49 a prefix": f"Bearer {AM[:-1]}", "H49 one more": f"Bearer {AM}x",
    "H49 a blank between": f"Bearer {AM[:9]} {AM[9:]}", "H49 two blanks": f"Bearer  {AM}", "H49 another scheme": f"Token {AM}",
    "H49 another sender's": f"Bearer {token('mon')}", "H49 long": "Bearer " + "x" * 4000, "H49 two": f"Bearer {AM}, Bearer {AM}",
}  # fmt: skip


@rows.cases("header", BEARERS)
def test_a_bearer_that_is_nearly_right(forged: Forge, header: str) -> None:
    forged.refused("am", {}, {"Authorization": header})


@rows("H49")
@pytest.mark.parametrize("value", [f"Bearer {AM} ", f"Bearer {AM}\u00a0", "Bearer " + "x" * (1 << 20)])
def test_a_bearer_no_front_end_would_leave_as_it_is(forged: Forge, value: str) -> None:
    """Servers strip a blank at the end, and refuse a header of a megabyte; a function gets either as it was sent."""
    with forged.stage.nothing_leaves():
        for platform in PLATFORMS[1:]:
            said = forged.stage.ask(platform, "/alert/am", {}, bearer="", authorization=value)
            assert (said.status, said.reasons) == ((401, ["bad_proof"]) if len(value) < HEAD_CAP else (431, ["head_too_large"]))
