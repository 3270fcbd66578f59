"""Whatever bytes a service answers with: taken, or NotTold in a sentence without a secret. Nothing else ever comes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.errors import NotTold
from handlers.message import Message
from handlers.topics.wording import FILTERS
from tests.scripted import Clock as StillClock
from tests.topics.stage import GOOGLE_TOKEN, KINDS, KNOWN, failed, is_a_sentence, opened, soon

STATUSES = [200, 202, 204, 301, 400, 401, 403, 404, 410, 413, 429, 500, 503, 99, 999]
PIECES = [
    "<Code>", "</Code>", "<Message>", "</Message>", "<MessageId>", "</MessageId>", "<RequestId>", "</RequestId>", "NotFound",
    "SignatureDoesNotMatch", '{"error": {"status": "', '", "message": "', '"}}', '{"messageIds": ["1"]}', '{"error": []}', "[",
    "\n", "\x00", "\x1b[31m", "ü𝄞", "\\", '"', "x" * 500,
]  # fmt: skip


class Network:
    """Answers Pub/Sub's search for a token rightly, and all else as it is told."""

    users, retired = 0, False
    answer: tuple[int, Sequence[tuple[str, str]], bytes] = (200, (), b"")

    def __init__(self, origins: frozenset[str]) -> None:
        self.origins = origins

    def exchange(self, method: str, url: str, headers: Any, body: bytes, deadline: Any) -> Any:
        if "computeMetadata" in url:
            return 200, (), json.dumps({"access_token": GOOGLE_TOKEN, "expires_in": 3599}).encode()
        return self.answer

    def close(self) -> None:
        pass


def answered(kind: str, status: int, body: bytes, request_id: str = "", message: Message | None = None) -> str:
    """What NotTold said of this answer; nothing: it was taken."""
    topic, environ = KINDS[kind]("http://127.0.0.1:1")
    environ = {} if kind == "pubsub" else environ
    headers = [("x-amzn-requestid", request_id), ("x-request-id", request_id)]
    network = type("Answering", (Network,), {"answer": (status, headers, body)})
    with opened({"ops": topic}, environ, StillClock(), network=network) as topics:
        try:
            topics["ops"].send(message or failed(), soon())
        except NotTold as problem:
            return str(problem)
    return ""


@pytest.mark.parametrize("kind", KINDS)
@given(st.data(), st.sampled_from(STATUSES))
def test_any_answer_is_a_success_or_a_sentence(kind: str, data: st.DataObject, status: int) -> None:
    pieces = st.lists(st.sampled_from([*PIECES, *KNOWN[kind]]), max_size=12).map("".join).map(str.encode)
    body = data.draw(pieces | st.binary(max_size=200))
    said = answered(kind, status, body, data.draw(st.sampled_from(["", *KNOWN[kind], "r-1\r\nX: y", "ü"])))
    if said:
        assert is_a_sentence(said), said
        assert not [secret for secret in KNOWN[kind] if secret in said]
    else:
        taken = {"sns": b"<MessageId>" in body and status == 200, "pubsub": b"messageIds" in body and status == 200}
        assert taken.get(kind, 200 <= status < 300)


@pytest.mark.parametrize(
    "body",
    [b'{"error": {"status": 7, "message": {}}}', b'{"error": {"status": ["x"], "message": null}}', b'{"error": 1}', b"null"],
)
def test_an_error_of_another_form_is_a_sentence_too(body: bytes) -> None:
    assert is_a_sentence(answered("pubsub", 400, body))


@pytest.mark.parametrize("kind", KINDS)
@given(st.dictionaries(st.sampled_from([*FILTERS, "x"]), st.text() | st.none() | st.integers()))
def test_any_document_can_be_sent(kind: str, document: dict[str, Any]) -> None:
    taking = b'{"messageIds": ["1"]}' if kind == "pubsub" else b"<MessageId>1</MessageId>"
    assert answered(kind, 200, taking, message=Message("failed", "s", "t", document)) == ""
