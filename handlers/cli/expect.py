"""What an event must come to, as its outcome file says (``NAME.outcome.json``, see events/README.md), and what it came to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic_core import ValidationError

from handlers.documents import Strict, fault
from handlers.errors import Misconfigured
from handlers.models import Field

OVER_HTTP = ("outcome", "reason", "rule", "vault")
"""All that an HTTP sender is told of an outcome; an invoked function tells everything."""
JUDGED = (*OVER_HTTP, "causes")


class Wanted(Strict):
    """One outcome that must come. What is not named is not judged; ``exclude_volumes`` only CBR's own record can tell."""

    outcome: Literal["created", "joined", "skipped", "refused", "later", "failed"]
    reason: str = ""
    rule: str = ""
    vault: str = ""
    causes: int = 1
    resources: tuple[str, ...] = ()
    exclude_volumes: tuple[str, ...] = ()
    message_has: str = ""

    def fits(self, outcome: Mapping[str, Any], *, over_http: bool) -> bool:
        """Whether this is the one; over HTTP less is said of it."""
        keys = OVER_HTTP if over_http else JUDGED
        if any(outcome[key] != getattr(self, key) for key in keys if key in self.model_fields_set):
            return False
        if over_http:
            return True
        taken = {each["id"] for each in (*outcome["resources"], *outcome["skipped_resources"])}
        if "resources" in self.model_fields_set and self.outcome == "created" and taken != set(self.resources):
            return False
        return self.message_has in outcome["message"]


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
    again: tuple[str, ...] = ()
    """Of a batch: the ids of the messages that the queue must hand out again. Its outcomes stand in the log lines alone."""
    outcomes: tuple[Wanted, ...]

    def differences(self, answer: Mapping[str, Any]) -> list[str]:
        """Sentences that say where an answer is not what was expected; none: it is."""
        if "batchItemFailures" in answer:
            ids = sorted(each["itemIdentifier"] for each in answer["batchItemFailures"])
            return [] if ids == sorted(self.again) else [f"to be handed out again are {ids} and should be {sorted(self.again)}"]
        over_http = "statusCode" in answer
        status = answer["statusCode"] if over_http else answer["status"]
        found = [] if status == self.status else [f"the answer is {status} and should be {self.status}"]
        keys, came = OVER_HTTP if over_http else JUDGED, list(answer["outcomes"])
        met = _paired(came, self.outcomes, over_http=over_http)
        found += [
            f"came and was not expected: {_say(each, keys)}" for place, each in enumerate(came) if place not in met.values()
        ]
        missing = [each for place, each in enumerate(self.outcomes) if place not in met]
        return found + [f"was expected and did not come: {_say(each.model_dump(exclude_unset=True), None)}" for each in missing]


def read_expected(file: Path) -> Expected:
    """Raises Misconfigured naming file and key."""
    try:
        return Expected.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        key, sentence = fault(error)
        raise Misconfigured(f"{file.name}: {key}", sentence) from None
    except OSError as error:
        raise Misconfigured("--expect", f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Misconfigured("--expect", f"{file} is no JSON") from None


def _paired(came: list[Any], wanted: Sequence[Wanted], *, over_http: bool) -> dict[int, int]:
    """As many of the expected as can be, each with one that came: augmenting paths, so that no vague one takes another's."""
    met: dict[int, int] = {}

    def place(number: int, tried: set[int]) -> bool:
        for index, outcome in enumerate(came):
            if index not in tried and wanted[number].fits(outcome, over_http=over_http):
                tried.add(index)
                holder = next((each for each, taken in met.items() if taken == index), None)
                if holder is None or place(holder, tried):
                    met[number] = index
                    return True
        return False

    for number in range(len(wanted)):
        place(number, set())
    return met


def _say(outcome: Mapping[str, Any], keys: tuple[str, ...] | None) -> str:
    return ", ".join(
        f"{key} {value!r}" for key, value in outcome.items() if (keys is None or key in keys) and value not in (None, "")
    )
