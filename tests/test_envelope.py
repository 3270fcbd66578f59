"""The strict reading of JSON: every row of reliability.md 6.2 that is about the text, and nothing but Refusal comes out."""

from __future__ import annotations

import codecs
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.envelope import BODY_CAP, Door, Envelope, check, parse_json
from handlers.errors import Refusal
from handlers.reading import read
from handlers.rules import Sender

NOW = datetime(2026, 11, 23, 2, 0, 30, tzinfo=UTC)
# Stands in rows as a value nobody may read in a message.
CANARY = "hush-7f3a"


def refusal_of(body: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse_json(body)
    refusal = caught.value
    assert CANARY not in str(refusal)
    assert refusal.message.isprintable()
    return refusal


# --- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", {}),
        (b"[]", []),
        (b"null", None),
        (b' \r\n\t{"a": [1, -2.5, true, null, "x"]} ', {"a": [1, -2.5, True, None, "x"]}),
        ('{"name": "Größe 备份"}'.encode(), {"name": "Größe 备份"}),
        (rb'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),  # a whole surrogate pair is a letter
        (b'{"a": {"b": 1}, "c": {"b": 1}}', {"a": {"b": 1}, "c": {"b": 1}}),  # one key in two objects
        (b"9007199254740992", 2**53),
        (b"-9007199254740992", -(2**53)),
        (b"9007199254740993", "9007199254740993"),  # its digits, which nobody can calculate with
        (b"-9007199254740993", "-9007199254740993"),
        (b"1507591916746609046", "1507591916746609046"),
        (b"1e3", 1000.0),
        (b"1e-400", 0.0),
        (b"[" * 32 + b"0" + b"]" * 32, None),
    ],
)
def test_json_is_read(body: bytes, expected: object) -> None:
    found = parse_json(body)
    if body.startswith(b"[[[["):
        assert json.dumps(found) == body.decode()
    else:
        assert found == expected


def test_minus_zero_is_zero() -> None:
    """H16."""
    assert str(parse_json(b"-0")) == "0"


def test_hostile_keys_are_plain_data() -> None:
    """H23."""
    document = {"__class__": "x", "__proto__": {}, "model_config": 1, "self": None, "": "empty", "constructor": []}
    assert parse_json(json.dumps(document).encode()) == document


def test_json_inside_a_string_stays_a_string() -> None:
    """H24: nothing is unwrapped that no door knows."""
    text: object = {"vault_id": "other"}
    for _ in range(5):
        text = json.dumps(text)
    assert parse_json(json.dumps({"Message": text}).encode()) == {"Message": text}


def test_the_largest_body_is_read_and_one_byte_more_is_not() -> None:
    """H1 and H20: 413, whatever is inside."""
    padded = b"{}" + b" " * (BODY_CAP - 2)
    assert parse_json(padded) == {}
    for body in (padded + b" ", b"\xff" * (BODY_CAP + 1), b"[" + b"0," * 10**6 + b"0]", b'{"k": "' + b"x" * BODY_CAP + b'"}'):
        refusal = refusal_of(body)
        assert (refusal.reason, refusal.http) == ("too_large", 413)
    assert BODY_CAP == 1 << 20


# --- what is refused -------------------------------------------------------------------------------------------------

DOCUMENT = b'{"vault_id": "%s"}' % CANARY.encode()
MALFORMED: dict[str, tuple[bytes, str]] = {
    "H13 nested a hundred thousand times": (b"[" * 100_000, "nested"),
    "H13 nested objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested"),
    "H13 33 levels": (b"[" * 33 + b"]" * 33, "deeper than 32"),
    "H13 33 levels of objects": (b'{"a":' * 33 + b"1" + b"}" * 33, "deeper than 32"),
    "H14 a key twice": (b'{"vault_id": "allowed", "vault_id": "%s"}' % CANARY.encode(), "twice"),
    "H14 a key twice, deep": (b'{"a": [{"b": {"c": 1, "c": 1}}]}', "twice"),
    "H14 a key twice, once escaped": (rb'{"vault_id": 1, "vault\u005fid": 2}', "twice"),
    "H15 5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "64 bits"),
    "H15 4,000 digits": (b'{"a": ' + b"9" * 4000 + b"}", "64 bits"),
    "H15 21 digits": (b"9" * 21, "64 bits"),
    "H15 1e400": (b"1e400", "2**53"),
    "H15 -1e999": (b'{"a": [-1e999]}', "2**53"),
    "H15 1e308": (b"1e308", "2**53"),
    "H15 5,000 digits and a fraction": (b"9" * 5000 + b".5", "2**53"),
    "H16 NaN": (b'{"a": NaN}', "NaN"),
    "H16 Infinity": (b'{"a": Infinity}', "Infinity"),
    "H16 -Infinity": (b'{"a": -Infinity}', "Infinity"),
    "H17 half a surrogate pair": (rb'{"a": "\ud800"}', "surrogate"),
    "H17 the other half": (rb'{"a": "x\udfffx"}', "surrogate"),
    "H17 as a key": (rb'{"\ud800": 1}', "surrogate"),
    "H17 the wrong way round": (rb'["\ude00\ud83d"]', "surrogate"),
    "H17 written as bytes": (b'"\xed\xa0\x80"', "UTF-8"),
    "H18 no UTF-8": (b'{"a": "\xff"}', "UTF-8"),
    "H18 Latin-1": ('{"a": "é"}'.encode("latin-1"), "UTF-8"),
    "H18 overlong": (b'{"a": "\xc0\xaf"}', "UTF-8"),
    "H18 UTF-16 with mark": (DOCUMENT.decode().encode("utf-16"), "UTF-8"),
    "H18 UTF-16 without mark": (DOCUMENT.decode().encode("utf-16-le"), "not JSON"),
    "H18 UTF-32": (DOCUMENT.decode().encode("utf-32-be"), "not JSON"),
    "H18 UTF-7": ('{"a": "é"}'.encode("utf-7").replace(b'"', b"+ACI-"), "not JSON"),
    "H18 byte order mark": (codecs.BOM_UTF8 + DOCUMENT, "not JSON"),
    "H19 two documents": (DOCUMENT + DOCUMENT, "not JSON"),
    "H19 two lines": (DOCUMENT + b"\n" + DOCUMENT, "not JSON"),
    "H19 trailing bytes": (DOCUMENT + b"x", "not JSON"),
    "H19 trailing NUL": (DOCUMENT + b"\x00", "not JSON"),
    "H19 a comment": (b"{} // " + CANARY.encode(), "not JSON"),
    "H19 single quotes": (b"{'a': '%s'}" % CANARY.encode(), "not JSON"),
    "H19 trailing comma": (b'{"a": 1,}', "not JSON"),
    "H19 bare word": (CANARY.encode(), "not JSON"),
    "H19 a line break in a string": (b'"a\nb"', "not JSON"),
    "H19 leading zero": (b"01", "not JSON"),
    "H19 foreign digits": ("\u0661".encode(), "not JSON"),
    "H21 nothing": (b"", "not JSON"),
    "H21 blanks": (b" \n", "not JSON"),
    "H25 NUL in a value": (rb'{"a": "x\u0000"}', "NUL"),
    "H25 NUL in a key": (rb'{"x\u0000": 1}', "NUL"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_two_readers_might_read_differently_is_refused(name: str) -> None:
    body, says = MALFORMED[name]
    refusal = refusal_of(body)
    assert (refusal.reason, refusal.http, refusal.field) == ("malformed", 400, "document")
    assert says in refusal.message


def test_the_place_is_named() -> None:
    assert "line 3, column 7" in refusal_of(b'{\n "a": 1,\n "b": oops\n}').message
    assert "byte 7" in refusal_of(b'{"a": "\xff"}').message


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"42", b"{}", b"true", b"0.5", b'[{"source": "aws.events"}]'])
def test_json_that_is_no_event_is_refused_at_the_door(body: bytes) -> None:
    """H21."""
    with pytest.raises(Refusal) as caught:
        read(Envelope("timer", "test", "delivery", parse_json(body), 60.0), "", None, NOW)
    assert caught.value.http == 400
    assert caught.value.reason in {"malformed", "not_a_timer"}


def test_a_body_shaped_for_another_door_never_opens_it() -> None:
    """H56: the entry decides the kind."""
    timer = {"schedule_arn": "nightly", "scheduled_time": "2026-11-23T02:00:00Z"}
    assert len(read(Envelope("timer", "test", "delivery", timer, 60.0), "", None, NOW)) == 1
    doors: tuple[Door, ...] = ("alert", "once", "watch")
    for door in doors:
        with pytest.raises(Refusal) as caught:
            read(Envelope(door, "test", "delivery", timer, 60.0), "", None, NOW)
        assert caught.value.reason == "wrong_door"
    dialects: dict[str, Door] = {"alertmanager": "alert", "simple": "alert", "once": "once"}
    for dialect, door in dialects.items():
        sender = Sender.model_validate({"dialect": dialect, "proof": "platform"})
        with pytest.raises(Refusal) as caught:
            read(Envelope(door, "test", "delivery", timer, 60.0), "somebody", sender, NOW)
        assert (caught.value.reason, caught.value.http) == ("wrong_dialect", 400)
    asked = {"checkpoint": {"vault_id": "3b5816b5-f29c-4172-9d9a-76c719a659ce"}}
    with pytest.raises(Refusal):
        read(Envelope("timer", "test", "delivery", asked, 60.0), "", None, NOW)


# --- documents a platform parsed for us ------------------------------------------------------------------------------


def nested(levels: int) -> object:
    document: object = "x"
    for _ in range(levels):
        document = [document]
    return document


def test_a_parsed_document_is_held_to_the_same_depth_and_text() -> None:
    check(nested(32))
    check({"a": "x\U0001f600\u2028\u202e\x7f", "b": [1, 2.5, None, True]})
    for document in (nested(33), nested(100_000), {"\ud800": 1}, {"a": ["\udfff"]}, {"a": "\x00"}):
        with pytest.raises(ValueError, match=r"nested|character"):
            check(document)
        with pytest.raises(Refusal) as caught:
            read(Envelope("timer", "test", "delivery", document, 60.0), "", None, NOW)
        assert (caught.value.reason, caught.value.http) == ("malformed", 400)


# --- and nothing else comes out ---------------------------------------------------------------------------------------


def read_or_refused(body: bytes) -> None:
    try:
        document = parse_json(body)
    except Refusal as refusal:
        assert refusal.http in (400, 413)  # noqa: PT017
        assert refusal.message.isprintable()  # noqa: PT017
    else:
        check(document)
        line = json.dumps(document, allow_nan=False)  # no NaN, no Infinity
        line.encode("ascii")
        assert parse_json(line.encode()) == document


@given(st.binary(max_size=64))
@example(b"\xef\xbb\xbf{}")
@example(b'"\\ud800"')
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    read_or_refused(body)


@given(st.text(alphabet='{}[]",:0123456789eE+-.\\u dtrufalsnN\u00e9\ud83d\x00', max_size=60))
def test_anything_like_json_is_json_or_refused(text: str) -> None:
    read_or_refused(text.encode("utf-8", "surrogatepass"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=30,
)


@given(VALUES, st.booleans())
def test_any_document_python_writes_is_read_or_refused(document: object, ascii_only: bool) -> None:
    read_or_refused(json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
