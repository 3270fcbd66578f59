"""Every code that can stand with what was not backed up has a sentence, and no sentence is longer than a line of a message."""

from __future__ import annotations

import pytest

from handlers.explanations import EXPLANATIONS
from handlers.sandbox.codes import CBR

OF_CREATING = (
    "0001 0002 2010 6105 6112 6113 6114 6124 6125 6126 6130 6134 6135 6137 6142 6203 6215 6302 7000 7001 7002 7003 7004 7007 "
    "7100 7101 7102 7103 7104 7105 7106 7107 7108 7109 7111 7113 7200 7201 7202 7203 7204 8300"
)
"""Those of creating a restore point, by the error codes of the CBR API reference ..."""
OF_ANY_CALL = "6138 6139 6300 6301 7110 8400 8600 9900 9910 9998"
"""... and those that any call may get."""


def test_every_code_that_may_stand_there_is_explained_and_no_other() -> None:
    assert set(EXPLANATIONS) == {*OF_CREATING.split(), *OF_ANY_CALL.split()}
    assert set(EXPLANATIONS) <= set(CBR), "a code CBR does not publish"


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_an_explanation_is_one_plain_sentence(code: str) -> None:
    sentence = EXPLANATIONS[code]
    assert 20 <= len(sentence) <= 120
    assert sentence.isascii()
    assert sentence.isprintable()
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert ". " not in sentence
