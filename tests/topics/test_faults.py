"""Whatever a topic answers, or does not: NotTold, in a sentence that says which topic, what it said and what to do; sent once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest

import handlers.wire.transport  # noqa: F401 - once, before anything is timed
from handlers.clock import SystemClock
from handlers.errors import NotTold
from handlers.wire import Deadline
from tests.sockets import Peer, Script, Server, always, closed_port, once, reply
from tests.topics.stage import AWS_TOKEN, KINDS, NAMED, SECRETS, echoes, failed, is_a_sentence, opened, resets, soon


def says_half(peer: Peer) -> None:
    peer.request()
    peer.send(reply(200, b'{"messageIds"', length=4000))


def never_answers(peer: Peer) -> None:
    peer.request()
    peer.until_hung_up()


def drips(peer: Peer) -> None:
    peer.request()
    peer.drip(reply(200, b"x" * 1000), 0.05)


FAULTS: dict[str, tuple[Script, str]] = {
    "400": (always(reply(400, b"", reason="Bad Request")), " answered 400. See w"),
    "403": (always(reply(403, b"", reason="Forbidden")), " answered 403. "),
    "404": (always(reply(404, b"<html>\r\n no \x00 such", reason="Not Found")), " answered 404"),
    "413": (always(reply(413, b"", reason="Too Large")), " answered 413. "),
    "429": (always(reply(429, b"", reason="Slow Down", Retry_After="9")), "429. It is told again later; if this lasts"),
    "500": (always(reply(500, b"{}", reason="Trouble")), "It is told again later; if this lasts"),
    "503": (always(reply(503, b"", reason="Trouble")), "It is told again later; if this lasts"),
    "redirect": (
        always(reply(307, b"", reason="Elsewhere", Location="http://127.0.0.1:1/")),
        " answered 307. It sends elsewhere, and that is never followed: write the address it has now",
    ),
    "reset": (resets, " may or may not have the message: "),
    "half": (says_half, " may or may not have the message: "),
    "silent": (never_answers, " may or may not have the message: "),
    "drips": (drips, " may or may not have the message: "),
    "compressed": (always(reply(200, b"x", Content_Encoding="gzip")), " may or may not have the message: "),
    "too large": (always(reply(200, b"x" * 2_000_000)), " may or may not have the message: "),
    "no http": (once(b"220 mail.example ESMTP\r\n"), " may or may not have the message: "),
    "echo": (echoes(403), " answered 403"),
}
UNREADABLE = {
    "empty": b"",
    "html": b"<html>Welcome to the hotel</html>",
    "a list": b"[]",
    "no id": b"{}",
    "empty ids": b'{"messageIds": []}',
    "deep": b"[" * 5000,
    "not utf-8": b"\xff\xfe{}",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_topic_does_not_take_is_not_told_and_never_sent_twice(kind: str, fault: str) -> None:
    script, says = FAULTS[fault]
    with Server(script) as server:
        topic, environ = KINDS[kind](server.origin)
        with opened({"ops": topic}, environ) as topics, pytest.raises(NotTold) as caught:
            topics["ops"].send(failed(), soon(0.7 if fault in ("silent", "drips") else 5))
    text = str(caught.value)
    assert text.startswith(NAMED[kind])
    assert says in text
    assert is_a_sentence(text), text
    assert not [secret for secret in SECRETS if secret in text]
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ["sns", "pubsub"])
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_success_that_is_not_the_services_own_is_none(kind: str, body: bytes) -> None:
    """Some proxies answer everything with 200: whoever believed that would have told nobody."""
    with Server(always(reply(200, body))) as server:
        topic, environ = KINDS[kind](server.origin)
        with opened({"ops": topic}, environ) as topics, pytest.raises(NotTold, match="without a message's id") as caught:
            topics["ops"].send(failed(), soon(2))
    assert is_a_sentence(str(caught.value))


@pytest.mark.parametrize("kind", KINDS)
def test_what_could_not_be_sent_says_so(kind: str) -> None:
    topic, environ = KINDS[kind](closed_port())
    with opened({"ops": topic}, environ) as topics, pytest.raises(NotTold) as caught:
        topics["ops"].send(failed(), soon(1))
    assert "did not get the message: 127.0.0.1 could not be reached" in str(caught.value)
    assert "See whether this address can be reached from here." in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_topic_ends_with_the_deadline_and_begins_nothing_after_it(kind: str) -> None:
    with Server(never_answers) as server:
        topic, environ = KINDS[kind](server.origin)
        with opened({"ops": topic}, environ) as topics:
            began = time.monotonic()
            with pytest.raises(NotTold, match="in time"):
                topics["ops"].send(failed(), soon(0.4))
            assert time.monotonic() - began < 2.0
            over = Deadline(SystemClock(), time.monotonic() - 1)
            with pytest.raises(NotTold, match="no time was left"):
                topics["ops"].send(failed(), over)
    assert len(server.asked) == 1


SNS_ERRORS: Mapping[str, tuple[int, str]] = {
    "AuthorizationError": (403, "Allow sns:Publish on this topic"),
    "NotFound": (404, "See whether its arn names the topic"),
    "InvalidClientTokenId": (403, "The keys are refused: see AWS_ACCESS_KEY_ID"),
    "SignatureDoesNotMatch": (403, "The keys are refused: see AWS_ACCESS_KEY_ID"),
    "ExpiredToken": (403, "The keys are refused: see AWS_ACCESS_KEY_ID"),
    "InvalidSecurity": (403, "The keys are refused: see AWS_ACCESS_KEY_ID"),
    "RequestExpired": (403, "and the clock"),
    "KMSAccessDenied": (400, "kms:GenerateDataKey"),
    "KMSThrottling": (400, "raise the account's quota"),
    "Throttling": (400, "raise the account's quota"),
    "InvalidParameter": (400, "See whether its arn is right"),
    "InternalFailure": (500, "It is told again later"),
}


@pytest.mark.parametrize("code", SNS_ERRORS)
def test_what_sns_says_comes_with_what_to_do(code: str) -> None:
    status, advice = SNS_ERRORS[code]
    why = f"Why, {AWS_TOKEN} or {AWS_TOKEN[:20]}\n{AWS_TOKEN[20:]}."
    xml = (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{why}</Message></Error><RequestId>b5b3-r</RequestId></ErrorResponse>"
    )
    with Server(always(reply(status, xml.encode(), reason="No"))) as server:
        topic, environ = KINDS["sns"](server.origin)
        with opened({"ops": topic}, environ) as topics, pytest.raises(NotTold) as caught:
            topics["ops"].send(failed(), soon(2))
    text = str(caught.value)
    assert f"answered {status} {code}" in text
    assert "(request b5b3-r)" in text
    assert advice in text
    assert AWS_TOKEN not in text
    # What is said of who asks may repeat what was signed in any form, so none of it is repeated here.
    assert ("Why" in text) is ("keys are refused" not in text)


PUBSUB_ERRORS: Mapping[int, tuple[str, str]] = {
    403: ("PERMISSION_DENIED", "roles/pubsub.publisher"),
    404: ("NOT_FOUND", "See whether `topic` names the project"),
    400: ("INVALID_ARGUMENT", "See whether `topic` is right"),
    429: ("RESOURCE_EXHAUSTED", "It is told again later"),
}


@pytest.mark.parametrize("status", PUBSUB_ERRORS)
def test_what_pubsub_says_comes_with_what_to_do(status: int) -> None:
    word, advice = PUBSUB_ERRORS[status]
    document = {"error": {"code": status, "message": "Not this\nway.", "status": word}}
    with Server(always(reply(status, json.dumps(document).encode(), reason="No"))) as server:
        topic, environ = KINDS["pubsub"](server.origin)
        with opened({"ops": topic}, environ) as topics, pytest.raises(NotTold) as caught:
            topics["ops"].send(failed(), soon(2))
    assert f"answered {status} {word} Not this way. " in str(caught.value)
    assert advice in str(caught.value)


def test_a_sinks_path_is_not_repeated() -> None:
    """It may be all that keeps strangers out."""
    with Server(always(reply(404, b"No /in/T0123456789abcdef here", reason="No"))) as server:
        topic = {"kind": "cloudevents", "url": f"{server.origin}/in/T0123456789abcdef"}
        with opened({"ops": topic}, {}) as topics, pytest.raises(NotTold) as caught:
            topics["ops"].send(failed(), soon(2))
    assert server.asked[0].target == "/in/T0123456789abcdef"
    assert "T0123456789abcdef" not in str(caught.value)
