"""Huawei Cloud Simple Message Notification. Publishing is not idempotent: a repeated publish is a second message."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from handlers.errors import CallFailed, NotTold
from handlers.iam import Session
from handlers.meaning import meaning
from handlers.message import Message
from handlers.topics import Send
from handlers.wire import Deadline

LARGEST = 256 * 1024
"""Bytes of a whole message (SMN API reference)."""


def smn_topic(session: Session, origin: str, urn: str, now: Callable[[], datetime]) -> Send:
    """A topic by its URN ``urn:smn:<region>:<project id>:<name>``.

    People (email, sms) get the text, programs (http, functiongraph) the document: ``message_structure`` of the SMN API
    reference, whose ``default`` is mandatory. A subject may have 512 bytes, all of it together 256 KB.
    """
    project_id = urn.split(":")[3]
    url = f"{origin}/v2/{project_id}/notifications/topics/{quote(urn, safe='')}/publish"

    def send(message: Message, deadline: Deadline) -> None:
        body = json.dumps({"subject": message.subject, "message_structure": _structure(message)}).encode()
        try:
            reply = session.request("POST", url, deadline, body=body)
        except CallFailed as failure:
            raise NotTold(f"SMN could not be reached: {failure.message}") from None
        if reply.status != 200:
            said = meaning(reply.status, reply.headers, reply.body, now=now())
            raise NotTold(f"SMN answered {reply.status} {said.code} {said.message} (request {said.request_id})")

    return send


def _structure(message: Message) -> str:
    """Lists of a document that is too large are halved until SMN takes it; ``shortened`` says so."""
    given = message.document
    while True:
        document = json.dumps(given)
        structure = json.dumps({"default": message.text, "http": document, "https": document, "functiongraph": document})
        shorter = {key: value[: len(value) // 2] for key, value in given.items() if isinstance(value, list) and value}
        if len(structure) <= LARGEST or not shorter:
            return structure
        given = given | shorter | {"shortened": True}
