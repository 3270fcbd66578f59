"""Amazon SNS, by its query protocol. Publishing is not idempotent: a repeated publish is a second message.

(Amazon SNS API reference, Publish; Amazon SNS developer guide, message attributes)
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

from handlers.errors import Misconfigured, NotTold
from handlers.message import Message
from handlers.settings.aws import Aws
from handlers.settings.topics import TopicAccess
from handlers.signing import sign_aws
from handlers.topics import Reach, Send
from handlers.topics.posting import post, refusal
from handlers.topics.wording import attributes, fitted
from handlers.wire import Clock, Deadline
from handlers.wire.reply import Reply

LARGEST = 256 * 1024
"""Bytes of a message with its attributes, unless the topic is set to take more."""
SUBJECT = 99
"""Characters of a subject, of which the API reference wants fewer than 100."""
PROGRAMS = ("http", "https", "email-json", "sqs", "lambda", "firehose")
"""Protocols that get the document; people (email, sms) get the text."""
_IDENTITY = re.compile(r"Signature|Token|AccessKey|Authentication|Credential|Unrecognized|Expired|InvalidSecurity")
"""Codes that say something about who asks. Their texts may repeat what was signed, a session token with it."""
_ADVICE = (
    (_IDENTITY, "The keys are refused: see AWS_ACCESS_KEY_ID and the variables beside it, and the clock"),
    (re.compile("Throttl"), "It is told again later; if this lasts, raise the account's quota"),
    (
        re.compile("KMS"),
        "See whether the key that encrypts the topic is enabled, and allow kms:GenerateDataKey and kms:Decrypt on it",
    ),
    (re.compile("Authorization|AccessDenied"), "Allow sns:Publish on this topic to whom these keys belong to"),
    (re.compile("NotFound"), "See whether its arn names the topic, its account and its region"),
)


def sns_topic(access: TopicAccess, arn: str, reach: Reach) -> Send:
    """A topic by its ARN, over connections of its own."""
    assert access.aws is not None  # noqa: S101 - settings give it with every topic of SNS
    aws, wire, whom = access.aws, reach.wire(access.origin), f"SNS ({arn})"

    def send(message: Message, deadline: Deadline) -> None:
        body = urlencode(publication(message, arn)).encode()
        try:
            headers, secrets = _signed(aws, access.url, body, reach.clock)
        except Misconfigured as problem:
            raise NotTold(f"{whom} was not asked: {problem}.") from None
        reply = post(wire, access.url, headers, body, deadline, whom)
        if reply.status != 200:
            raise _refused(whom, reply, secrets)
        if not _between(reply, "MessageId"):
            raise refusal(whom, reply, "without a message's id", "See whether this is the address of SNS", secrets)

    return send


def publication(message: Message, arn: str) -> dict[str, str]:
    """The parameters of one Publish. Attributes are what filter policies of subscriptions go by."""
    about = attributes(message)
    room = LARGEST - sum(len(f"{name}String{value}".encode()) for name, value in about.items())
    given = {
        "Action": "Publish",
        "Version": "2010-03-31",
        "TopicArn": arn,
        "Message": _structure(message, room),
        "Subject": message.subject[:SUBJECT],
        "MessageStructure": "json",
    }
    for number, (name, value) in enumerate(about.items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        given |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
    return given


def _structure(message: Message, room: int) -> str:
    def structure(document: dict[str, Any]) -> str:
        return json.dumps({"default": message.text, "sms": message.subject} | dict.fromkeys(PROGRAMS, json.dumps(document)))

    fitting = structure(fitted(message.document, lambda document: len(structure(document)) <= room))
    return fitting if len(fitting) <= room else json.dumps({"default": message.text})


def _signed(aws: Aws, url: str, body: bytes, clock: Clock) -> tuple[dict[str, str], list[str]]:
    """The headers, and of what must be in no answer's text. Raises Misconfigured."""
    keys = aws.keys()
    token = keys.security_token.reveal() if keys.security_token else ""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    proof = sign_aws(
        "POST",
        url,
        headers,
        body,
        access_key=keys.access_key,
        secret_key=keys.secret_key.reveal(),
        security_token=token,
        region=aws.region,
        service="sns",
        now=clock.now(),
    )
    return headers | proof, [keys.access_key, keys.secret_key.reveal(), token, proof["Authorization"].rpartition("=")[2]]


def _refused(whom: str, reply: Reply, secrets: list[str]) -> NotTold:
    code = _between(reply, "Code")[:64]
    text = "" if _IDENTITY.search(code) else _between(reply, "Message")
    advice = next((each for pattern, each in _ADVICE if pattern.search(code)), "See whether its arn is right")
    request_id = _between(reply, "RequestId") or reply.headers.get("x-amzn-requestid", "")
    return refusal(whom, reply, f"{code} {text}", advice, secrets, request_id)


def _between(reply: Reply, tag: str) -> str:
    """What stands in the first element of that name. Read by eye rather than parsed: nothing but these few texts is wanted."""
    found = re.search(rf"<{tag}>([^<]{{1,4096}})</{tag}>", reply.body.decode("utf-8", "replace"))
    return found[1] if found else ""
