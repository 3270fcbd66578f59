"""One table, asked over wire: signed, repeated where nothing was decided, and every refusal in words that say what to do."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from handlers.errors import CallFailed, LedgerDown, Misconfigured, Unclear
from handlers.ledger.patience import LEAST_SECONDS, VERB_SECONDS
from handlers.signing import sign_aws
from handlers.wire import Deadline, Wire
from handlers.wire.reply import Reply

if TYPE_CHECKING:
    from handlers.settings.aws import Aws
    from handlers.wire import Clock

ANSWER_CAP = 8 << 20
"""Bytes. A page of a query holds 1 MB, and JSON may write one byte as six."""
REFUSED = "ConditionalCheckFailedException"
"""In an answer: what stood in the way of a conditional write."""
_FIRST_WAIT = 0.05
"""Seconds before the first repetition; doubled for each further one."""

_OVERLOADED = "it takes no more just now; raise its limits, or send fewer deliveries at once"
_FOREIGN = "what answers there is no DynamoDB; correct RESTORE_POINT_DYNAMODB_ENDPOINT"
_AGAIN = frozenset(
    "ProvisionedThroughputExceededException ThrottlingException RequestLimitExceeded LimitExceededException "
    "ReplicatedWriteConflictException".split()
)
"""Refused, and not for good (docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html)."""
_ADVICE = {
    "ResourceNotFoundException": "there is no such table in this region; create it as template.yaml does, or correct AWS_REGION",
    "AccessDeniedException": "these keys may not use it; allow dynamodb:GetItem and PutItem on it and Query on its indexes",
    "UnrecognizedClientException": "AWS does not know these keys; correct AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN",
    "ExpiredTokenException": "these keys have expired; set new ones",
    "InvalidSignatureException": "AWS refuses the signature; correct AWS_SECRET_ACCESS_KEY, or set this machine's clock",
    "ItemCollectionSizeLimitExceededException": "a shard of it is full (10 GB); turn on its time to live (attribute ttl)",
    "ValidationException": "its keys or indexes are not a ledger's, or a record is too large; create it as template.yaml does",
}


class Table:
    """All threads share it."""

    def __init__(self, name: str, aws: Aws, clock: Clock, ca_file: str) -> None:
        self._name, self._aws, self._clock, self._ca_file, self._closed = name, aws, clock, ca_file, False
        self._process, self._wire = os.getpid(), self._new_wire()

    def down(self, advice: str) -> LedgerDown:
        """What a verb raises."""
        return LedgerDown(f"ledger {self._name}: {advice}")

    def close(self) -> None:
        """Its connections."""
        self._closed = True
        self._wire.close()

    def call(self, action: str, wanted: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """The answer to a request that DynamoDB has decided, with REFUSED in it where a condition failed.

        What it could not decide (a rate, 5xx, a lost answer) is repeated until the verb's time is over. Raises LedgerDown.
        """
        body = json.dumps({"TableName": self._name} | wanted, separators=(",", ":")).encode()
        wait = _FIRST_WAIT
        while True:
            answer, why = self._once(action, body, Deadline.after(self._clock, min(deadline.left(), VERB_SECONDS)))
            if answer is not None:
                if REFUSED in answer and "ConditionExpression" not in wanted:
                    raise self.down(_FOREIGN)
                return answer
            pause = wait * (0.5 + os.urandom(1)[0] / 255)  # apart from the others that were refused at the same moment
            self._clock.sleep(min(pause, deadline.left()))
            if deadline.left() <= LEAST_SECONDS:
                raise self.down(why)
            wait *= 2

    def _once(self, action: str, body: bytes, deadline: Deadline) -> tuple[dict[str, Any] | None, str]:
        """The decided answer, or None and why it may be asked again. Raises LedgerDown for what repeating does not mend."""
        try:
            reply = self._open().request(
                "POST", f"{self._aws.origin}/", headers=self._headers(action, body), body=body, deadline=deadline
            )
        except Misconfigured as problem:
            raise self.down(f"{problem}") from None
        except Unclear as failure:
            return None, f"it does not answer; see whether it can be reached ({failure.message})"
        except CallFailed as failure:
            raise self.down(f"it cannot be reached; look at the network and the endpoint ({failure.message})") from failure
        if reply.status >= 500:
            return None, f"it is in trouble (HTTP {reply.status}); wait, or look at AWS's health page"
        answer = _parsed(reply)
        if answer is None:
            raise self.down(_FOREIGN)
        return self._decided(reply.status, answer)

    def _decided(self, status: int, answer: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
        if status == 200:
            return answer, ""
        error = f"{answer.get('__type', '')}".rpartition("#")[2]
        if error == REFUSED:
            return {REFUSED: answer.get("Item") or {}}, ""
        if error in _AGAIN:
            return None, _OVERLOADED
        raise self.down(
            _ADVICE.get(error, f"it refuses what a ledger needs ({error[:40] or f'HTTP {status}'}); look at the table")
        )

    def _headers(self, action: str, body: bytes) -> dict[str, str]:
        keys = self._aws.keys()
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{action}"}
        return headers | sign_aws(
            "POST",
            f"{self._aws.origin}/",
            headers,
            body,
            access_key=keys.access_key,
            secret_key=keys.secret_key.reveal(),
            security_token=keys.security_token.reveal() if keys.security_token else "",
            region=self._aws.region,
            service="dynamodb",
            now=self._clock.now(),
        )

    def _open(self) -> Wire:
        if self._closed:
            raise self.down("it is closed; open it again")
        if self._process != os.getpid():  # connections must not be shared with the process this one was forked from
            self._process, self._wire = os.getpid(), self._new_wire()
        return self._wire

    def _new_wire(self) -> Wire:
        return Wire([self._aws.origin], self._clock, ca_file=self._ca_file, body_cap=ANSWER_CAP)


def _parsed(reply: Reply) -> dict[str, Any] | None:
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
