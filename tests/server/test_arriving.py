"""What the server takes for a whole request is what gunicorn can read without waiting: byte for byte, however it is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser
from hypothesis import given
from hypothesis import strategies as st

from handlers.envelope import BODY_CAP
from handlers.web_server.arriving import HEAD_MOST, LINE_MOST, PIECES_MOST, Arriving

PLAIN = b"POST /alert/am HTTP/1.1\r\nHost: x\r\n"
CHUNKED = PLAIN + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "no body": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "no header at all": b"GET /healthz HTTP/1.1\r\n\r\n",
    "a body of nothing": PLAIN + b"Content-Length: 0\r\n\r\n",
    "a body": PLAIN + b"Content-Length: 5\r\n\r\nhello",
    "a length of another spelling": PLAIN + b"content-LENGTH:\t5 \r\n\r\nhello",
    "a body that looks like a head": PLAIN + b"Content-Length: 12\r\n\r\nA: b\r\n\r\nC: d",
    "chunks": CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "chunks with words": CHUNKED + b'5;a=b\r\nhello\r\nA ; c="d"\r\n0123456789\r\n0\r\n\r\n',
    "chunks with zeros before": CHUNKED + b"0005\r\nhello\r\n000\r\n\r\n",
    "chunks and a trailer": CHUNKED + b"5\r\nhello\r\n0\r\nX-A: b\r\nX-C: d\r\n\r\n",
    "chunks that hold ends": CHUNKED + b"7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
    "no chunk": CHUNKED + b"0\r\n\r\n",
}


class Waits(Exception):
    """There is no more yet."""


def readable(held: bytes) -> bool:
    """Whether gunicorn reads a whole request out of these bytes."""

    def pieces() -> Iterator[bytes]:
        if held:
            yield held
        raise Waits

    try:
        request = next(get_parser(Config(), pieces(), ("127.0.0.1", 1)))
        request.body.read()
    except Waits:
        return False
    return True


def fed(*pieces: bytes) -> Arriving:
    arriving = Arriving()
    for each in pieces:
        if arriving.state in ("head", "body"):
            arriving.add(each)
    return arriving


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(at)]


@pytest.mark.parametrize("request_", WHOLE.values(), ids=WHOLE)
def test_a_request_is_whole_at_its_last_byte(request_: bytes) -> None:
    for length in range(len(request_) + 1):
        arriving = Arriving(request_[:length])
        assert (arriving.state == "whole") == arriving.complete == readable(request_[:length]) == (length == len(request_)), (
            length
        )


@given(st.sampled_from([*WHOLE.values()]), st.lists(st.integers(0, 500), max_size=8))
def test_how_it_is_cut_changes_nothing(request_: bytes, places: list[int]) -> None:
    pieces = cut(request_ + b"GET / HTTP/1.1\r\n", places)
    found = fed(*pieces)
    assert (found.state, found.complete) == ("whole", True)
    assert bytes(found.held).startswith(request_)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=12), st.lists(st.integers(0, 4000), max_size=20))
def test_any_chunks_are_whole_at_their_end(bodies: list[bytes], places: list[int]) -> None:
    sent = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in bodies) + b"0\r\n\r\n"
    assert fed(*cut(sent[:-1], places)).state == "body"
    assert fed(*cut(sent, places)).complete
    assert readable(sent)


@given(st.binary(max_size=400))
def test_no_bytes_at_all_make_it_fall_over(data: bytes) -> None:
    for start in (b"", PLAIN, CHUNKED):
        arriving = Arriving(start + data)
        assert arriving.state in ("head", "body", "whole", "refused")
        assert arriving.complete <= (arriving.state == "whole")


UNREAD = {
    "a body over the limit": PLAIN + b"Content-Length: %d\r\n\r\n" % (BODY_CAP + 1),
    "a length that is none": PLAIN + b"Content-Length: -1\r\n\r\n",
    "two lengths": PLAIN + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length beside chunks": PLAIN + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a chunk of no length": CHUNKED + b"zz\r\n",
    "a chunk's line without an end": CHUNKED + b"1" * (LINE_MOST + 1),
    "a chunk over the limit": CHUNKED + b"%x\r\n" % (2 * BODY_CAP) + b"x" * (BODY_CAP + 5000),
}


@pytest.mark.parametrize("request_", UNREAD.values(), ids=UNREAD)
def test_what_is_refused_anyway_is_not_waited_for(request_: bytes) -> None:
    """And what comes behind it is never taken for a request."""
    arriving = Arriving(request_)
    assert (arriving.state, arriving.complete) == ("whole", False)


REFUSED = {
    "a line": (b"GET /" + b"x" * HEAD_MOST, "414"),
    "a head": (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * (HEAD_MOST // 8), "431"),
    "trailers": (CHUNKED + b"0\r\n" + b"X-A: b\r\n" * (HEAD_MOST // 8 + 10), "431"),
    "single bytes": (CHUNKED + b"1\r\nx\r\n" * (PIECES_MOST + 1), "413"),
    "words": (CHUNKED + (b"1;" + b"x" * 4000 + b"\r\nx\r\n") * 600, "413"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_has_no_measure_is_refused(case: tuple[bytes, str]) -> None:
    sent, status = case
    pieces = [sent[start : start + 65_536] for start in range(0, len(sent), 65_536)]
    arriving = fed(*pieces)
    assert (arriving.state, arriving.status[:3]) == ("refused", status)
    assert len(arriving.held) < 3 * BODY_CAP


def test_who_asks_first_is_answered_only_where_a_body_is_wanted() -> None:
    asking = PLAIN + b"Expect: 100-Continue\r\n"
    assert Arriving(asking + b"Content-Length: 5\r\n\r\n").asks
    assert Arriving(asking + b"Transfer-Encoding: chunked\r\n\r\n").asks
    assert Arriving(asking + b"Content-Length: 5\r\n\r\nhello").state == "whole"
    assert not Arriving(asking + b"Content-Length: %d\r\n\r\n" % (BODY_CAP + 1)).asks
