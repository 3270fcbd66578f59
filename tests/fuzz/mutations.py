"""What becomes of a document on the way from a seed to an input: changes of its JSON, then of its bytes. Numbers decide which."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

CANARY = "hush-5e1f0c7a"
"""Stands for what must not be repeated; a value, never a key: which key is wrong may be said."""

Change = tuple[int, int, int]
"""Which kind of change, where, and with what."""
Path = tuple[Any, ...]


def _deep(levels: int) -> Any:
    value: Any = CANARY
    for _ in range(levels):
        value = [value]
    return value


VALUES: Sequence[Any] = (
    CANARY,
    None,
    True,
    False,
    0,
    -1,
    2**53 + 1,
    2**70,
    10**25,
    -1e308,
    0.1,
    "",
    " ",
    [],
    {},
    [[]],
    [None],
    [CANARY],
    {"": CANARY},
    "\x00",
    "\ud800",
    "\u202e\u2028\x1b[31m",
    "x" * 300,
    f"{CANARY}\n" * 40,
    "a" * 20_000,
    _deep(31),
    _deep(40),
    {"a": {"a": CANARY}},
    "2026-03-02T02:00:05Z",
    "2026-13-45T99:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999999-23:59",
    "1e999",
    "-0",
    "٣",
    "0x10",
    "true",
    "firing",
    "resolved",
    "null",
    f"https://{CANARY}@127.0.0.1/",
    "file:///etc/passwd",
    f"${{{CANARY}}}",
    "%s%n{0}{__class__}",
    "../" * 20,
    "*" * 300,
    "=cmd|' /C'!A0",
    f"Bearer {CANARY}",
    "Notification",
    "1.0",
    "arn:aws:sns:x",
    "a:b:c",
    "SubscriptionConfirmation",
    "{" * 200,
    '{"a": "' + CANARY + '"}',
    base64.b64encode(CANARY.encode()).decode(),
    "=" * 9,
    "é" * 90,
)
TOKENS: Sequence[bytes] = (
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"NaN",
    b"Infinity",
    b"-",
    b"1e9999",
    b"9" * 400,
    b"\\ud800",
    b"\\u0000",
    b"[" * 5000,
    b'{"a":' * 50,
    b"}",
    b'"',
    b",",
    b":",
    b"\x00",
    b"\r\n",
    b"null",
    b'"' + CANARY.encode() + b'"',
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b" " * 3000,
    b"<html>",
    b"--",
    b"/*",
    b"'",
    b'{"a":1,"a":2}',
    b"=",
    b"%00",
)


def paths(document: Any, at: Path = ()) -> Iterator[Path]:
    """Of every value in it, itself first."""
    yield at
    if isinstance(document, dict):
        for key, value in document.items():
            yield from paths(value, (*at, key))
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from paths(value, (*at, place))


def found(document: Any, path: Path) -> Any:
    """The value there."""
    for step in path:
        document = document[step]
    return document


def put(document: Any, path: Path, value: Any) -> Any:
    """The document with that value there."""
    if not path:
        return value
    found(document, path[:-1])[path[-1]] = value
    return document


def _text(value: Any) -> Any:
    return json.dumps(value)


def _coded(value: Any) -> Any:
    return base64.b64encode(json.dumps(value).encode()).decode()


def _unwrapped(value: Any) -> Any:
    """What stands in it as text, if that is JSON: changes of nested documents go deeper by this."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: value[key] for key in reversed(value)}
    return value[::-1] if isinstance(value, list | str) else value


IN_PLACE: Sequence[Callable[[Any], Any]] = (
    _text, _coded, _unwrapped, _reversed, lambda value: [value], lambda value: {"alerts": value}, lambda value: [value] * 3, str,
    lambda value: {str(each): CANARY for each in value} if isinstance(value, list | dict) else value,
)  # fmt: skip


def changed(document: Any, changes: Sequence[Change]) -> Any:
    """A copy with these changes of its JSON, one after the other."""
    document = deepcopy(document)
    for kind, where, what in changes:
        every = [*paths(document)]
        path = every[where % len(every)]
        match kind % 6:
            case 0 | 1 | 2:
                document = put(document, path, deepcopy(VALUES[what % len(VALUES)]))
            case 3:
                document = put(document, path, deepcopy(found(document, every[what % len(every)])))
            case 4 if path:
                holder = found(document, path[:-1])
                if isinstance(holder, dict) and what % 2:
                    holder[f"{path[-1]}x"] = holder.pop(path[-1])
                else:
                    del holder[path[-1]]
            case _:
                document = put(document, path, IN_PLACE[what % len(IN_PLACE)](found(document, path)))
    return document


def spoiled(body: bytes, changes: Sequence[Change]) -> bytes:
    """With these changes of its bytes, one after the other."""
    for kind, where, what in changes:
        at = where % (len(body) + 1)
        match kind % 5:
            case 0:
                body = body[:at] + bytes([what % 256]) + body[at + 1 :]
            case 1:
                body = body[:at] + body[at + what % 40 :]
            case 2:
                body = body[:at] + body[at : at + what % 200] * 2 + body[at + what % 200 :]
            case 3:
                body = body[:at]
            case _:
                body = body[:at] + TOKENS[what % len(TOKENS)] + body[at:]
    return body


def written(document: Any) -> bytes:
    """As bytes; half a surrogate stays what it is, for some serializers write it so."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
