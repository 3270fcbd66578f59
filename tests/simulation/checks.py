"""What must hold after every story, read from the sandbox's record, the ledger and the bytes that were written.

The letters are those of the list of invariants: I1 … I18 of safety, L1 … L5 of liveness.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from handlers.clock import SystemClock
from handlers.envelope import Door, Envelope
from handlers.errors import Refusal
from handlers.outcome import Failed, Later
from handlers.plan import plan
from handlers.plan.planned import Planned
from handlers.reading import read
from handlers.sandbox import estate
from handlers.settings import Settings
from handlers.trust import Trust
from handlers.vault_backup import is_named_for
from handlers.wire import Deadline
from tests.simulation.ports import START, Call
from tests.simulation.story import CLOCKS_OFF, KILL_SECONDS, Delivery, Story

_PATHS = (
    ("POST", r"/v3/{p}/checkpoints"),
    ("GET", r"/v3/{p}/(backups|operation-logs|vaults)"),
    ("GET", r"/v3/{p}/(checkpoints|vaults)/[0-9a-f-]{36}"),
    ("POST", r"/v3/auth/tokens"),
    ("POST", r"/v2/{p}/notifications/topics/[^/]+/publish"),
)
ALLOWED = [(method, re.compile(path.replace("{p}", estate.PROJECT_ID))) for method, path in _PATHS]
MOST_CALLS = 8


class Breach(AssertionError):
    """Names the invariant first."""


def check(story: Story) -> None:
    """Raises Breach."""
    for found in _breaches(story):
        raise Breach(found)


def _breaches(story: Story) -> Iterator[str]:
    yield from _restore_points(story)
    for delivery in story.deliveries:
        yield from _delivery(story, delivery)
        yield from _calls(delivery)
        yield from _written(delivery)
    yield from _settled(story)
    yield from story.watched
    yield from _secrets(story)


def wanted(story: Story, delivery: Delivery) -> list[Planned]:
    """What a delivery asks for, by the same pure files: only which causes there are is taken from them."""
    return asked(story.settings, delivery.door, delivery.id, delivery.document)


def asked(settings: Settings, door: Door, delivery_id: str, document: Any) -> list[Planned]:
    """The same, of a delivery in no story."""
    envelope, rules = Envelope(door, "lambda", delivery_id, document, KILL_SECONDS), settings.rules
    try:
        clock = SystemClock(None)  # neither it nor a network is asked about what a platform says
        trust = Trust(rules.senders, {}, clock, lambda _, __: b"", lambda _: [])
        sender = trust.verify(envelope, Deadline.after(clock, KILL_SECONDS)).sender
        triggers = read(envelope, sender, rules.senders.get(sender), START)
        return [each for each in plan(triggers, rules, delivery_id, START) if isinstance(each, Planned)]
    except Refusal:
        return []


def causes(story: Story) -> dict[str, Planned]:
    """Every cause of every delivery, as the one it leads."""
    found: dict[str, Planned] = {}
    for delivery in story.deliveries:
        for planned in wanted(story, delivery) if delivery.door != "watch" else ():
            for cause in (planned.cause, *planned.others):
                found.setdefault(cause, planned.led_by(cause))
    return found


# ── restore points ──


def _restore_points(story: Story) -> Iterator[str]:
    known = causes(story)
    of_cause = defaultdict[str, list[dict[str, Any]]](list)
    for point in story.sandbox.restore_points():
        if point["name"].startswith(("autobk_", "manualbk_")):
            continue
        named = [cause for cause, planned in known.items() if is_named_for(point["name"], planned.named_for)]
        if not named or not re.fullmatch(r"[A-Za-z0-9_-]{1,58}", point["name"]):
            yield f"I6: restore point {point['name']!r} carries no cause that was asked for"
        of_cause[named[0]].append(point)
    for cause, points in of_cause.items():
        if len({point["vault_id"] for point in points}) > 1:
            yield f"I6: one cause in two vaults: {points}"
        good = [point for point in points if point["resources"] and point["status"] != "error"]
        many = [second["name"] for first, second in pairwise(good) if _too_soon(first, second, known[cause].window)]
        if many and story.degraded:
            story.struck["two of one cause while the ledger was down"] += 1
        elif many:
            yield f"I1: two restore points of one cause: {many}"


def _too_soon(first: dict[str, Any], second: dict[str, Any], window: float | None) -> bool:
    """Whether they are of one window; clocks of instances may differ, so a window may seem to end that much earlier."""
    return window is None or second["created_at"] - first["created_at"] < window - max(CLOCKS_OFF) - KILL_SECONDS


def _delivery(story: Story, delivery: Delivery) -> Iterator[str]:
    yield from _said(story, delivery)
    if delivery.door == "watch" or delivery.ended not in ("returned", "raised"):
        return
    planned = wanted(story, delivery)
    if planned and len(delivery.outcomes) != len(planned):
        yield f"I2: {delivery.id} asked for {len(planned)} and ended in {[each.word for each in delivery.outcomes]}"
    unclear = [each for each in delivery.outcomes if isinstance(each, Later) and each.reason in ("unclear", "wrong_answer")]
    claims = [delivery.left.get(cause, ("", 0.0)) for each in planned for cause in (each.cause, *each.others)]
    if unclear and not delivery.down and not any(map(partial(_kept, delivery.over_at), claims)):
        yield f"I11: {delivery.id} ended unclear and left its claims {claims}"


def _kept(over_at: float, claim: tuple[str, float]) -> bool:
    """Or another run, whose clock is ahead, has found the restore point meanwhile."""
    state, ends = claim
    return state == "done" or (state in ("claimed", "sent") and ends > over_at)


def _said(story: Story, delivery: Delivery) -> Iterator[str]:
    """Whether what a run says of restore points is true, and whether its failures were told."""
    names = {point["id"]: point["name"] for point in story.sandbox.restore_points()}
    for outcome in delivery.outcomes:
        name = names.get(outcome.checkpoint_id, "")
        if outcome.word == "created" and not is_named_for(name, outcome.name.rpartition("-")[2]):
            yield f"I3: {delivery.id} says created, and there is no {outcome.name} ({outcome.checkpoint_id})"
        if outcome.word == "joined" and not name:
            yield f"I3: {delivery.id} says joined to {outcome.checkpoint_id}, which there is not"
        if isinstance(outcome, Failed) and delivery.ended == "returned" and not _told(story, outcome):
            yield f"L2: nobody was told that {delivery.id} failed: {outcome.message}"


def _told(story: Story, outcome: Failed) -> bool:
    """Or the same cause was asked for once more before the topic was back, and what came of that counts."""
    if _published(story, outcome, outcome.reason):
        return True
    record = story.ledger.get("wish", outcome.cause) if outcome.cause else None
    body = json.loads(record.body) if record else {"state": "failed", "reason": outcome.reason, "untold": "this"}
    if body["state"] != "failed" or body["reason"] in ("budget", "min_interval", "superseded"):
        return True
    return not body["untold"] and _published(story, outcome, body["reason"])


def _published(story: Story, outcome: Failed, reason: str) -> bool:
    about = outcome.vault or outcome.reason
    said = (message["message"] for message in story.sandbox.published)
    return any(f"failed ({reason})" in text and about in text for text in said)


def _calls(delivery: Delivery) -> Iterator[str]:
    """What one run asked of the cloud."""
    calls = delivery.network.calls if delivery.network else []
    for call in calls:
        if not any(call.method == method and path.fullmatch(call.path) for method, path in ALLOWED):
            yield f"I7, I18: {delivery.id} called {call.method} {call.path}"
    if delivery.name == "nobody's" and calls:
        yield f"I8: what no rule wants called {[call.path for call in calls]}"
    if delivery.door != "watch":
        yield from _creates(delivery, calls)


def _creates(delivery: Delivery, calls: list[Call]) -> Iterator[str]:
    creates = [call for call in calls if call.method == "POST" and call.path.endswith("/checkpoints")]
    if sum(call.applied for call in creates) > 1 or len(creates) > 2:
        yield f"I4: {delivery.id} sent {len(creates)} creates"
    asked = [call for call in calls if not call.path.endswith(("/publish", "/tokens"))]
    if len(asked) > MOST_CALLS:
        yield f"I15: {delivery.id} made {len(asked)} calls: {', '.join(map(str, asked))}"
    for create in creates:
        before = calls[: calls.index(create)]
        if not any(call.path.endswith("/backups") and call.applied and call.answered for call in before):
            yield f"I5: {delivery.id} sent a create without having looked"


# ── what was written ──


def _written(delivery: Delivery) -> Iterator[str]:
    text = delivery.stream.getvalue()
    documents = [json.loads(line) for line in text.splitlines()]
    if any(len(line) > 16_000 for line in text.splitlines()):
        yield f"I10: {delivery.id} wrote a line of more than 16,000 characters"
    measured = [each for each in documents if "_aws" in each]
    metrics = [each for each in measured if "Age" not in each]
    if any(
        set(each["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) != {"vault", "service"} for each in measured if "Age" in each
    ):
        yield f"I13: {delivery.id} measured ages by other dimensions: {measured}"
    if any(set(each["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) != {"door", "service"} for each in metrics):
        yield f"I13: {delivery.id} measured by other dimensions: {metrics}"
    if delivery.ended in ("returned", "raised"):
        if sum("delivery" in each for each in documents) != 1:
            yield f"I10: {delivery.id} wrote {len(documents)} lines about itself"
        words = Counter(outcome.word.capitalize() for outcome in delivery.outcomes)
        counted = {key: sum(value) for each in metrics for key, value in each.items() if key in words}
        if counted != words:
            yield f"I13: {delivery.id} counted {counted} and ended in {dict(words)}"


def _secrets(story: Story) -> Iterator[str]:
    bytes_written = [delivery.stream.getvalue() for delivery in story.deliveries]
    bytes_written += [json.dumps(message) for message in story.sandbox.published]
    bytes_written += [record.body for record in story.ledger.since("wish", 0)]
    for text in bytes_written:
        if estate.SECRET_KEY in text or estate.ACCOUNT.password in text or "Signature=" in text or "MII" in text:
            yield "I9: a secret was written"


# ── in the end ──


def _settled(story: Story) -> Iterator[str]:
    """L1: a cause recorded, or whose sender heard that it is taken care of, has a restore point, or it is known why not."""
    if still := story.ledger.due(float("inf"), 100):
        states = [(each.key[:16], json.loads(each.body).get("state", each.kind)) for each in still]
        yield f"L1: not settled after all the calm: {states}"
    ids = {point["id"] for point in story.sandbox.restore_points()}
    taken = set[str]().union(*(_causes_taken(story, delivery) for delivery in story.deliveries))
    for cause, planned in causes(story).items():
        record = story.ledger.get("wish", cause)
        if record is None:
            if cause in taken and not story.degraded:
                yield f"L1: {planned.cause_names} was taken care of, and nothing of it was recorded"
            continue
        body = json.loads(record.body)
        if body["state"] == "follows":  # what became of its leader could not be written down here, but it knows whom to ask
            leader = story.ledger.get("wish", body["leader"])
            body = json.loads(leader.body) if leader else body
        kept = body["state"] == "done" and body["checkpoint_id"] in ids
        if not kept and body["state"] != "failed" and body["ended"] != "broken":
            yield f"L1: {planned.cause_names} ended {body['state']} with restore point {body['checkpoint_id'] or 'none'}"


def _causes_taken(story: Story, delivery: Delivery) -> set[str]:
    """The causes of a delivery whose sender heard that all is well."""
    if delivery.ended != "returned" or delivery.door == "watch":
        return set()
    if not any(outcome.word in ("created", "joined", "later") for outcome in delivery.outcomes):
        return set()
    return {cause for planned in wanted(story, delivery) for cause in (planned.cause, *planned.others)}
