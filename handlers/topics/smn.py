"""Huawei Cloud Simple Message Notification. Publishing is not idempotent: a repeated publish is a second message."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from handlers.errors import CallFailed
from handlers.iam import Session
from handlers.meaning import meaning
from handlers.message import Message
from handlers.topics import Send
from handlers.topics.posting import refusal, silence
from handlers.topics.wording import fitted
from handlers.wire import Deadline

LARGEST = 256 * 1024
"""Bytes of a whole message (SMN API reference)."""
_ADVICE = {
    401: "The credentials are refused: restore-point check says more",
    403: "Give the identity the right smn:topic:publish",
    404: "See whether its urn names the topic, its project and its region",
}


def smn_topic(session: Session, origin: str, urn: str, now: Callable[[], datetime]) -> Send:
    """A topic by its URN ``urn:smn:<region>:<project id>:<name>``.

    People (email, sms) get the text, programs (http, functiongraph) the document: ``message_structure`` of the SMN API
    reference, whose ``default`` is mandatory. A subject may have 512 bytes, all of it together 256 KB.
    """
    project_id = urn.split(":")[3]
    whom = f"SMN ({urn})"
    url = f"{origin}/v2/{project_id}/notifications/topics/{quote(urn, safe='')}/publish"

    def send(message: Message, deadline: Deadline) -> None:
        body = json.dumps({"subject": message.subject, "message_structure": _structure(message)}).encode()
        try:
            reply = session.request("POST", url, deadline, body=body)
        except CallFailed as failure:
            raise silence(whom, failure) from None
        if reply.status != 200:
            said = meaning(reply.status, reply.headers, reply.body, now=now())
            advice, words = _ADVICE.get(reply.status, "See whether its urn is right"), f"{said.code} {said.message}"
            raise refusal(whom, reply, words, advice, request_id=said.request_id)

    return send


def _structure(message: Message) -> str:
    def structure(given: dict[str, Any]) -> str:
        document = _json(given)
        return _json({"default": message.text, "http": document, "https": document, "functiongraph": document})

    return structure(fitted(message.document, lambda given: len(structure(given).encode()) <= LARGEST))


def _json(document: dict[str, Any]) -> str:
    """Letters as they are: escaped within escapes, a few thousand pictures would be too large. Halves of them stay escaped."""
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", json.dumps(document, ensure_ascii=False))
