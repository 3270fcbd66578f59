"""The queues themselves: SQS, a broker that takes CloudEvents, functions that are invoked later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from handlers.dispatch import EVENT_TYPE, Queue, Waiting, message
from handlers.errors import CallFailed, Rejected
from handlers.iam import Session
from handlers.settings.aws import Aws
from handlers.settings.queue import QueueAccess
from handlers.signing import sign_aws
from handlers.wire import Clock, Deadline, Wire, in_cluster
from handlers.wire.reply import Reply

SEND_SECONDS = 5.0
"""For one request to a queue."""
SQS_HOLDS = 900.0
"""Seconds. The longest delay of a message (SQS API reference, SendMessageBatch: DelaySeconds)."""
TOGETHER = 10
"""Entries of one SendMessageBatch, and wishes of one message to the other queues."""


def open_queue(found: QueueAccess, sessions: Mapping[str, Session], clock: Clock, ca_file: str) -> Queue:
    """What the settings name."""
    if found.kind == "functiongraph":
        return Invocations(sessions[found.project], found.url)
    wire = Wire([found.origin], clock, ca_file=ca_file, plain=in_cluster)
    if found.kind == "sqs":
        assert found.aws is not None  # noqa: S101 - settings give it with every queue of SQS
        return Sqs(wire, found.aws, found.url, clock)
    return Sink(wire, found.url)


class Sqs:
    """A message for each wish, held back until its slot (SQS API reference, JSON protocol)."""

    holds = SQS_HOLDS

    def __init__(self, wire: Wire, aws: Aws, url: str, clock: Clock) -> None:
        self._wire, self._aws, self._url, self._clock = wire, aws, url, clock

    def send(self, waiting: Sequence[Waiting], now: float, deadline: Deadline) -> None:
        """See Queue. Some of a batch may be refused while others are taken."""
        _each(waiting, deadline, lambda some, soon: self._batch(some, now, soon))

    def close(self) -> None:
        """See Queue."""
        self._wire.close()

    def _batch(self, some: Sequence[Waiting], now: float, deadline: Deadline) -> None:
        entries = [
            {"Id": f"{number}", "MessageBody": json.dumps(message([each])), "DelaySeconds": self._delay(each, now)}
            for number, each in enumerate(some)
        ]
        body = json.dumps({"QueueUrl": self._url, "Entries": entries}).encode()
        reply = self._wire.request("POST", f"{self._aws.origin}/", headers=self._headers(body), body=body, deadline=deadline)
        answer = _object(reply)
        if reply.status != 200:
            raise _refused("SQS", reply, f"{answer.get('__type', '')}".rpartition("#")[2])
        taken = answer.get("Successful")
        if (lost := len(some) - (len(taken) if isinstance(taken, list) else 0)) > 0:
            raise Rejected(f"SQS did not take {lost} of {len(some)} messages", status=200)

    def _headers(self, body: bytes) -> dict[str, str]:
        keys = self._aws.keys()
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessageBatch"}
        return headers | sign_aws(
            "POST",
            f"{self._aws.origin}/",
            headers,
            body,
            access_key=keys.access_key,
            secret_key=keys.secret_key.reveal(),
            security_token=keys.security_token.reveal() if keys.security_token else "",
            region=self._aws.region,
            service="sqs",
            now=self._clock.now(),
        )

    @staticmethod
    def _delay(each: Waiting, now: float) -> int:
        """Whole seconds, never later than its slot."""
        return int(min(max(each.slot - now, 0.0), SQS_HOLDS))


class Sink:
    """A broker, by CloudEvents in the binary form of HTTP (CloudEvents 1.0; Knative: K_SINK). It holds nothing back."""

    holds = 0.0

    def __init__(self, wire: Wire, url: str) -> None:
        self._wire, self._url = wire, url

    def send(self, waiting: Sequence[Waiting], now: float, deadline: Deadline) -> None:
        """See Queue."""
        _each(waiting, deadline, lambda some, soon: self._event(some, now, soon))

    def close(self) -> None:
        """See Queue."""
        self._wire.close()

    def _event(self, some: Sequence[Waiting], now: float, deadline: Deadline) -> None:
        body = json.dumps(message(some)).encode()
        headers = {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-type": EVENT_TYPE,
            "ce-source": "restore-point",
            "ce-id": hashlib.sha256(body + f"{now}".encode()).hexdigest()[:32],
        }
        reply = self._wire.request("POST", self._url, headers=headers, body=body, deadline=deadline)
        if not 200 <= reply.status < 300:
            raise _refused("the broker", reply)


class Invocations:
    """The function that works, invoked asynchronously (FunctionGraph API, invocations-async). It is invoked at once."""

    holds = 0.0

    def __init__(self, session: Session, url: str) -> None:
        self._session, self._url = session, url

    def send(self, waiting: Sequence[Waiting], now: float, deadline: Deadline) -> None:
        """See Queue."""
        _each(waiting, deadline, self._invoke)

    def close(self) -> None:
        """See Queue. The connections are the session's."""

    def _invoke(self, some: Sequence[Waiting], deadline: Deadline) -> None:
        reply = self._session.request("POST", self._url, deadline, body=json.dumps(message(some)).encode())
        if reply.status != 202:
            raise _refused("FunctionGraph", reply, f"{_object(reply).get('error_code', '')}")


def _each(waiting: Sequence[Waiting], deadline: Deadline, send: Callable[[Sequence[Waiting], Deadline], None]) -> None:
    """TOGETHER at a time; what one request could not bring keeps the others from nothing. Raises the last CallFailed."""
    failed: CallFailed | None = None
    before = False
    for start in range(0, len(waiting), TOGETHER):
        if deadline.short():
            raise Rejected(f"there was no time for {len(waiting) - start} of {len(waiting)} messages")
        try:
            send(waiting[start : start + TOGETHER], Deadline.after(deadline.clock, min(deadline.left(), SEND_SECONDS)))
            before = False
        except CallFailed as failure:
            if before:  # twice in a row: it is down, and time is better spent on what can be done without it
                raise
            failed, before = failure, True
    if failed is not None:
        raise failed


def _object(reply: Reply) -> Mapping[str, Any]:
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refused(who: str, reply: Reply, code: str = "") -> CallFailed:
    return Rejected(f"{who} answered {reply.status}", code=code[:60], status=reply.status, request_id=reply.request_id)
