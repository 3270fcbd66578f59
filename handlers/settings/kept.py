"""Secrets that AWS Secrets Manager keeps: what a variable or a rule refers to by ARN is asked for when it is first needed.

    arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-xxxxxx        the secret's whole text
    arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-xxxxxx#KEY    a text in the JSON object that it holds

One signed GetSecretValue for each ARN, never at import, and again when it is older than RESTORE_POINT_SECRETS_SECONDS: a rotation
needs no deployment. Only the region's own Secrets Manager is asked, or RESTORE_POINT_SECRETSMANAGER_ENDPOINT.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from handlers.clock import SystemClock
from handlers.errors import CallFailed, Misconfigured
from handlers.settings.aws import Aws, find_aws
from handlers.signing import sign_aws
from handlers.wire import Clock, Deadline, Wire
from handlers.wire.reply import Reply

KEPT_SECONDS = 300
"""How long a value is used before it is asked for again."""
GRACE_SECONDS = 3600.0
"""How long a value is used that cannot be asked for again. Then every event fails: it may have been replaced long ago."""
CALL_SECONDS = 2.0
"""For one request. A webhook is answered within four seconds."""
CHECK_SECONDS = 2.0
"""For asking all of them again: an event waits for it, once in RESTORE_POINT_SECRETS_SECONDS."""
_RETRY_SECONDS = 30.0
"""Before what could not be asked is asked again, so that not every event waits for it."""
_REFERENCE = (
    r"(?P<arn>arn:aws(?:-[a-z]+)*:secretsmanager:[a-z]{2,}(?:-[a-z0-9]+)+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512})"
    r"(?:#(?P<key>[^\s#]{1,256}))?"
)
_ADVICE = {
    "ResourceNotFoundException": "there is no such secret; correct the ARN",
    "AccessDeniedException": "these keys may not read it; allow secretsmanager:GetSecretValue on it (and kms:Decrypt by its key)",
    "DecryptionFailure": "it cannot be decrypted; allow kms:Decrypt by its key",
    "UnrecognizedClientException": "AWS does not know these keys; correct AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN",
    "ExpiredTokenException": "these keys have expired; set new ones",
    "InvalidSignatureException": "AWS refuses the signature; correct AWS_SECRET_ACCESS_KEY, or set this machine's clock",
    "InvalidRequestException": "it is marked for deletion, or holds no value; restore it",
}


class _NotTold(Exception):
    """Why Secrets Manager gave no value."""


class Kept:
    """The secrets of one environment. Threads share it; nothing of it is ever written anywhere."""

    def __init__(
        self, environ: Mapping[str, str], clock: Clock | None = None, *, ca_file: str = "", seconds: float = KEPT_SECONDS
    ) -> None:
        self._environ, self._clock, self._ca_file, self._seconds = environ, clock or SystemClock(), ca_file, seconds
        self._asking, self._checking = threading.Lock(), threading.Lock()
        self._texts: dict[str, str] = {}
        self._settings: dict[str, str] = {}
        self._since = self._next = 0.0
        self._lost = ""
        """Why nothing here may be used any more."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment with the secrets in the place of their ARNs. Reading one may raise Misconfigured."""
        return _Resolved(self._environ, self)

    def value(self, setting: str, reference: str) -> str:
        """What ``setting`` refers to. Raises Misconfigured, which names the setting and repeats no value."""
        found = re.fullmatch(_REFERENCE, reference)
        if not found:
            why = "names no secret: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, with #KEY for a text in its JSON"
            raise Misconfigured(setting, why)
        with self._asking:
            arn = found["arn"]
            if arn not in self._texts:
                try:
                    text = self._asked(arn)
                except _NotTold as problem:
                    raise Misconfigured(setting, f"refers to a secret that cannot be read: {problem}") from None
                if not self._texts:
                    self._confirmed()
                self._texts[arn], self._settings[arn] = text, setting
            text = self._texts[arn]
        return _under(found["key"], text, setting) if found["key"] else text.strip()

    def changed(self) -> bool:
        """Whether a secret has another value by now; what was read from it has to be read again then.

        Raises Misconfigured when that could not be found out for GRACE_SECONDS.
        """
        if self._checking.acquire(blocking=False):  # one thread asks, and the others do not wait for it
            try:
                now = self._clock.monotonic()
                if self._texts and now >= self._next:
                    return self._checked(now)
            finally:
                self._checking.release()
        if self._lost:
            raise Misconfigured(next(iter(self._settings.values())), self._lost)
        return False

    def _checked(self, now: float) -> bool:
        deadline = Deadline.after(self._clock, CHECK_SECONDS)
        try:
            changed = any(self._asked(arn, deadline) != text for arn, text in [*self._texts.items()])
        except _NotTold as problem:
            return self._borne(problem, now)
        self._confirmed()
        return changed

    def _borne(self, problem: _NotTold, now: float) -> bool:
        """For a while. Fails closed after it, until Secrets Manager answers."""
        self._next = self._clock.monotonic() + min(_RETRY_SECONDS, self._seconds)
        if now - self._since > self._seconds + GRACE_SECONDS:
            self._lost = f"refers to a secret that cannot be read any more: {problem}"
            raise Misconfigured(next(iter(self._settings.values())), self._lost)
        return False

    def _confirmed(self) -> None:
        self._since = self._clock.monotonic()
        self._next, self._lost = self._since + self._seconds, ""

    def _asked(self, arn: str, until: Deadline | None = None) -> str:
        """Its current text; asked twice where the first answer is none, and there is time.

        Raises _NotTold, or Misconfigured without AWS's keys.
        """
        aws = find_aws(self._environ, "secretsmanager", arn.split(":")[3])
        wire = Wire([aws.origin], self._clock, ca_file=self._ca_file)
        try:
            for last in (False, True):
                try:
                    return _text(self._request(wire, aws, arn, until))
                except CallFailed as failure:
                    if last:
                        raise _NotTold(f"Secrets Manager does not answer ({failure.message})") from None
        finally:
            wire.close()
        raise AssertionError("the second round always returns or raises")

    def _request(self, wire: Wire, aws: Aws, arn: str, until: Deadline | None) -> Reply:
        keys, body = aws.keys(), json.dumps({"SecretId": arn}).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
        headers |= sign_aws(
            "POST",
            f"{aws.origin}/",
            headers,
            body,
            access_key=keys.access_key,
            secret_key=keys.secret_key.reveal(),
            security_token=keys.security_token.reveal() if keys.security_token else "",
            region=aws.region,
            service="secretsmanager",
            now=self._clock.now(),
        )
        deadline = Deadline.after(self._clock, min(CALL_SECONDS, until.left()) if until else CALL_SECONDS)
        reply = wire.request("POST", f"{aws.origin}/", headers=headers, body=body, deadline=deadline)
        if reply.status >= 500 or _error(reply) == "ThrottlingException":
            raise CallFailed("it is in trouble, or takes no more", status=reply.status)
        return reply


class _Resolved(Mapping[str, str]):
    """An environment whose references to secrets read as what they refer to."""

    def __init__(self, environ: Mapping[str, str], kept: Kept) -> None:
        self._environ, self._kept = environ, kept

    def __getitem__(self, name: str) -> str:
        value = self._environ[name]
        return self._kept.value(name, value.strip()) if re.fullmatch(_REFERENCE, value.strip()) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def _text(reply: Reply) -> str:
    """Raises _NotTold."""
    text = _object(reply.body).get("SecretString")
    if reply.status != 200:
        error = _error(reply)
        raise _NotTold(_ADVICE.get(error, f"Secrets Manager refuses it ({error[:40] or f'HTTP {reply.status}'})"))
    if not isinstance(text, str) or not text.strip():
        raise _NotTold("it holds no text")
    return text


def _under(key: str, text: str, setting: str) -> str:
    value = _object(text).get(key)
    if not isinstance(value, str) or not value.strip():
        raise Misconfigured(setting, "refers to a secret that is no JSON object with a text under the key after #")
    return value.strip()


def _error(reply: Reply) -> str:
    return f"{_object(reply.body).get('__type', '')}".rpartition("#")[2] if reply.status != 200 else ""


def _object(text: str | bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
