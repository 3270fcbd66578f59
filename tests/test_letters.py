"""Words from outside keep their letters where people read them, and what could hide or mislead is shown as an escape."""

from __future__ import annotations

import sys
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.letters import in_ascii, legible
from tests.messages.reading import reads

KEPT = (
    "Speicher f\u00fcr \u201e/var\u201c l\u00e4uft voll \u2013 97 %",
    "\u78c1\u76d8\u7a7a\u95f4\u4e0d\u8db3\uff1a\u4e3b\u673a",
    "\u30c7\u30a3\u30b9\u30af\u4e0d\u8db3\u30fb\u3042\u3068 3 GB",
    "\uc11c\ubc84 \uacbd\ubcf4",
    "\u0434\u0438\u0441\u043a \u043f\u043e\u043b\u043e\u043d",
    "\u0627\u0644\u0642\u0631\u0635",
    "\u0939\u093f\u0928\u094d\u0926\u0940",
    "e\u0301 (a letter and its accent)",
    "20 \u20ac, 5 \u00b0C, \u2265 3, \U0001f4be \u26a0\ufe0f",
    'C:\\temp "quoted" {}',
)
SHOWN = {
    "a\nb\r\tc": "a\\nb\\r\\tc",
    "\x1b[31m\x7f\x9b": "\\u001b[31m\\u007f\\u009b",
    "\u202egnp.exe\u2066\u200f": "\\u202egnp.exe\\u2066\\u200f",
    "a\u200bb\u2060\ufeff\u00ad": "a\\u200bb\\u2060\\ufeff\\u00ad",
    "a\u2028b\u2029c\x85": "a\\u2028b\\u2029c\\u0085",
    "\ud800x": "\\ud800x",
    "\ue000\U000f0000": "\\ue000\\udb80\\udc00",
    "a\u00a0b\u3000c": "a\\u00a0b\\u3000c",
    "x\u3164\u2800\U000e0041": "x\\u3164\\u2800\\udb40\\udc41",
    "a\ufe0f": "a\\ufe0f",
    "Z" + "\u0301" * 6: "Z" + "\u0301" * 4 + "\\u0301\\u0301",
}


@pytest.mark.parametrize("text", KEPT)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert legible(text) == text


@pytest.mark.parametrize("text", SHOWN)
def test_what_hides_or_breaks_a_line_is_shown(text: str) -> None:
    assert legible(text) == SHOWN[text]


def test_of_all_characters_there_are_only_such_as_may_be_read_are_kept() -> None:
    """Letters, marks, digits, punctuation and signs; of blanks the one on the keyboard."""
    kept = [letter for code in range(sys.maxunicode + 1) if legible(letter := chr(code)) == letter]
    assert {category(letter)[0] for letter in kept} == set("LMNPSZ")
    assert [letter for letter in kept if category(letter)[0] == "Z"] == [" "]
    lost = [code for code in range(sys.maxunicode + 1) if category(chr(code))[0] in "LMNPS" and legible(chr(code)) != chr(code)]
    assert len(lost) < 300, "only those that show nothing"


@given(st.text(st.characters(), max_size=60), st.integers(0, 60))
def test_any_text_is_one_line_that_reads_and_doing_it_twice_changes_nothing(text: str, limit: int) -> None:
    shown = legible(text, limit)
    assert reads(shown)
    assert len(shown) <= limit
    assert legible(shown, limit) == shown


IN_ASCII = {
    KEPT[0]: 'Speicher fur "/var" lauft voll - 97 %',
    "Gr\u00f6\u00dfe \u2026 \u00c5ngstr\u00f6m, na\u00efve": "Grosse ... Angstrom, naive",
    "\u78c1\u76d8 full": "?? full",
    "a\u202eb\n": "a\\u202eb\\n",
    "\uff1cscript\uff1e": "<script>",
}


@pytest.mark.parametrize("text", IN_ASCII)
def test_in_ascii_it_is_still_read(text: str) -> None:
    assert in_ascii(text) == IN_ASCII[text]


@given(st.text(st.characters(), max_size=60), st.integers(0, 60))
def test_any_text_in_ascii_is_one_line_within_its_limit(text: str, limit: int) -> None:
    plain = in_ascii(text, limit)
    assert plain.isascii()
    assert plain.isprintable()
    assert len(plain) <= limit
