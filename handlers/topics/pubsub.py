"""Google Cloud Pub/Sub, by its REST interface. Publishing is not idempotent: a repeated publish is a second message.

(Pub/Sub REST reference, projects.topics.publish; Compute Engine, access tokens of the metadata server)
"""

from __future__ import annotations

import base64
import json
import threading

from handlers.errors import CallFailed, NotTold
from handlers.message import Message
from handlers.settings.topics import METADATA_SERVER, TopicAccess
from handlers.topics import Reach, Send
from handlers.topics.posting import object_of, post, refusal
from handlers.topics.wording import attributes, fitted
from handlers.wire import Deadline, in_cluster
from handlers.wire.reply import Reply

LARGEST = 4 * 1024 * 1024
"""Bytes of a document that are sent; Pub/Sub takes 10 MB of a request, base64 included (Pub/Sub, quotas and limits)."""
TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path
RENEW_BEFORE = 225.0
"""Seconds before its end that a token is replaced: the metadata server gives a new one from five minutes before."""
_WHERE = "pubsub takes its token from the metadata server, so it works on Google Cloud only"
_ADVICE = {
    401: "The token of this machine's service account is refused",
    403: "Give this machine's service account the role roles/pubsub.publisher on the topic",
    404: "See whether `topic` names the project and the topic, and whether it is there",
}


def pubsub_topic(access: TopicAccess, topic: str, reach: Reach) -> Send:
    """A topic by its name ``projects/P/topics/T``, over connections of its own."""
    tokens, whom = Tokens(access.tokens, reach) if access.tokens else None, f"Pub/Sub ({topic})"
    # An emulator may be a service of the cluster; what gets a token must be asked over TLS.
    wire = reach.wire(access.origin, plain=lambda origin: tokens is None and in_cluster(origin))

    def send(message: Message, deadline: Deadline) -> None:
        token = tokens.current(deadline, whom) if tokens else ""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        reply = post(wire, access.url, headers, _body(message), deadline, whom)
        if reply.status == 401 and tokens:
            tokens.forget(token)
        if reply.status != 200:
            raise _refused(whom, reply, token)
        if not object_of(reply).get("messageIds"):
            raise refusal(whom, reply, "without a message's id", "See whether this is the address of Pub/Sub", [token])

    return send


def _body(message: Message) -> bytes:
    """The document as the message, and as attributes what subscriptions filter by; the subject for who looks at the console."""
    document = fitted(message.document, lambda each: len(json.dumps(each)) <= LARGEST)
    data = base64.b64encode(json.dumps(document).encode()).decode()
    return json.dumps({"messages": [{"data": data, "attributes": attributes(message) | {"subject": message.subject}}]}).encode()


class Tokens:
    """The token of this machine's service account, fetched when it is needed and kept until shortly before its end."""

    def __init__(self, origin: str, reach: Reach) -> None:
        self._wire = reach.wire(origin, plain=METADATA_SERVER.__eq__)
        self._url, self._clock = origin + TOKEN, reach.clock
        self._fetching = threading.Lock()
        self._token, self._ends = "", float("-inf")

    def current(self, deadline: Deadline, whom: str) -> str:
        """The kept one, or a new one. Raises NotTold."""
        with self._fetching:
            if self._now() >= self._ends - RENEW_BEFORE:
                self._token, self._ends = self._fetched(deadline, whom)
            return self._token

    def forget(self, refused: str) -> None:
        """The next message is sent with a new one, unless there has been one since."""
        with self._fetching:
            if refused == self._token:
                self._ends = float("-inf")

    def _fetched(self, deadline: Deadline, whom: str) -> tuple[str, float]:
        asked = self._now()
        try:
            reply = self._wire.request("GET", self._url, headers={"Metadata-Flavor": "Google"}, deadline=deadline)
        except CallFailed as failure:
            raise NotTold(f"{whom} was not asked, for there is no token: {failure.message}. {_WHERE}.") from None
        given = object_of(reply)
        token, seconds = given.get("access_token"), given.get("expires_in")
        usable = isinstance(token, str) and 0 < len(token) < 8192 and token.isascii() and token.isprintable() and " " not in token
        if reply.status != 200 or not usable or type(seconds) is not int:
            why = f"the metadata server answered {reply.status}" + ("" if reply.status != 200 else " without a token")
            raise NotTold(f"{whom} was not asked, for there is no token: {why}. Give this machine or service a service account.")
        return str(token), asked + seconds

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _refused(whom: str, reply: Reply, token: str) -> NotTold:
    error = object_of(reply).get("error")
    given = error if isinstance(error, dict) else {}
    said = " ".join(f"{given[key]}" for key in ("status", "message") if given.get(key))
    return refusal(whom, reply, said, _ADVICE.get(reply.status, "See whether `topic` is right"), [token])
