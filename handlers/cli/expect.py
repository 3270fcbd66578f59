"""What an event must come to, as its outcome file says (``NAME.outcome.json``, see events/README.md), and what it came to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from handlers.documents import Strict, fault
from handlers.errors import Misconfigured

OVER_HTTP = ("outcome", "reason", "rule", "vault")
"""All that an HTTP sender is told of an outcome; an invoked function tells everything."""
JUDGED = (*OVER_HTTP, "causes")


class Expected(Strict):
    """One outcome file. ``path`` and ``headers`` are of an HTTP request whose body is the event."""

    door: Annotated[Literal["timer", "alert", "once"], Field(alias="as")]
    sender: str = ""
    why: str = ""
    now: str
    platforms: tuple[Literal["lambda", "functiongraph", "web"], ...]
    not_on: dict[str, str] = Field(default_factory=dict)
    path: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    status: int
    outcomes: tuple[dict[str, Any], ...]

    def differences(self, answer: Mapping[str, Any]) -> list[str]:
        """Sentences that say where an answer is not what was expected; none: it is."""
        over_http = "statusCode" in answer
        status = answer["statusCode"] if over_http else answer["status"]
        found = [] if status == self.status else [f"the answer is {status} and should be {self.status}"]
        keys, left = OVER_HTTP if over_http else JUDGED, list(self.outcomes)
        for outcome in answer["outcomes"]:
            fitting = next((each for each in left if _fits(outcome, each, keys, over_http=over_http)), None)
            if fitting is None:
                found.append(f"came and was not expected: {_say(outcome, keys)}")
            else:
                left.remove(fitting)
        return found + [f"was expected and did not come: {_say(each, (*keys, 'resources', 'message_has'))}" for each in left]


def read_expected(file: Path) -> Expected:
    """Raises Misconfigured naming file and key."""
    try:
        return Expected.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        key, sentence = fault(error)
        raise Misconfigured(f"{file.name}: {key}", sentence) from None
    except OSError as error:
        raise Misconfigured("--expect", f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Misconfigured("--expect", f"{file} is no JSON") from None


def _fits(outcome: Mapping[str, Any], wanted: Mapping[str, Any], keys: tuple[str, ...], *, over_http: bool) -> bool:
    if any(outcome[key] != wanted[key] for key in keys if key in wanted):
        return False
    if over_http:
        return True
    if "resources" in wanted and outcome["outcome"] == "created":
        taken = {each["id"] for each in (*outcome["resources"], *outcome["skipped_resources"])}
        if taken != set(wanted["resources"]):
            return False
    return wanted.get("message_has", "") in outcome["message"]


def _say(outcome: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return ", ".join(f"{key} {outcome[key]!r}" for key in keys if outcome.get(key) not in (None, ""))
