"""One POST to a topic, and a sentence for whatever else than success becomes of it. Nothing secret is ever in one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from handlers.errors import CallFailed, NotSent, NotTold
from handlers.wire import Deadline, Wire
from handlers.wire.reply import Reply

LASTS = "It is told again later; if this lasts, look at the service's own status"
SHORTEST = 8
"""Characters of what is struck out of an answer: a shorter one would strike words of the language."""


def post(wire: Wire, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline, whom: str) -> Reply:
    """Publishing is not idempotent: repeated only where no byte of it left (`Wire`). Raises NotTold."""
    try:
        return wire.request("POST", url, headers=headers, body=body, deadline=deadline)
    except CallFailed as failure:
        raise silence(whom, failure) from None


def silence(whom: str, failure: CallFailed) -> NotTold:
    """No answer, or none that can be read."""
    if isinstance(failure, NotSent):
        return NotTold(f"{whom} did not get the message: {failure.said}. See whether this address can be reached from here.")
    return NotTold(f"{whom} may or may not have the message: {failure.said}. {LASTS}.")


def refusal(whom: str, reply: Reply, said: str, advice: str, secrets: Iterable[str] = (), request_id: str = "") -> NotTold:
    """An answer that is no success. ``said`` is what it says, as it came; ``secrets`` are what it may repeat of us.

    ``advice`` is for what the kind knows best, and is not given for what is nobody's fault.
    """
    secrets = [*secrets]
    asked = clean(request_id or reply.request_id, secrets, 64)
    request = f" (request {asked})" if asked else ""
    if 300 <= reply.status < 400:
        advice = "It sends elsewhere, and that is never followed: write the address it has now"
    elif reply.status == 429 or reply.status >= 500:
        advice = LASTS
    return NotTold(f"{whom} answered {f'{reply.status} {clean(said, secrets)}'.strip()}{request}. {advice}.")


def clean(text: str, secrets: Iterable[str] = (), limit: int = 200) -> str:
    """One printable line of at most ``limit`` characters, without any of the secrets."""
    for secret in sorted((each for each in secrets if len(each) >= SHORTEST), key=len, reverse=True):
        for form in (secret, json.dumps(secret)[1:-1]):
            text = text.replace(form, "***")
    return json.dumps(" ".join(text.split()))[1:-1].replace('\\"', '"').replace("\x7f", "\\u007f")[:limit].rstrip(". ")


def object_of(reply: Reply) -> Mapping[str, Any]:
    """The JSON object it answered, or an empty one."""
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
