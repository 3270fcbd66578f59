"""Exactly one restore point per cause, although CBR has no idempotency key: the only place that knows how.

claim (outlives the platform's kill and CBR's settling) → look (by the cause in the name) → one POST → outcome. In doubt the
claim is kept: the watch, or the next delivery after its end, looks again before anything is sent.
"""

from __future__ import annotations

from typing import Any

from handlers.errors import Busy, CallFailed, NotSent, Rejected, Throttled, Unauthorized, Unclear, Untrusted
from handlers.meaning import is_busy
from handlers.outcome import Created, Outcome
from handlers.plan.planned import Planned
from handlers.restore_point.claiming import claim
from handlers.restore_point.held import Held, Taking
from handlers.restore_point.looking import Cbr, find_listed, find_ours, is_plain, logged, serving
from handlers.restore_point.restraint import give_back, restrained, restrained_before
from handlers.restore_point.words import rights, say, skip, trust
from handlers.values import replace
from handlers.vault_backup import Checkpoint, CheckpointVault, SkippedResource
from handlers.wire import Deadline

CONFLICT = " It was asked for with other parameters before, and those count: give this wish a key of its own if that matters."
_MAY_EXIST = ("unclear", "wrong_answer")


def take(planned: Planned, cbr: Cbr, tools: Taking, deadline: Deadline) -> Outcome:
    """One outcome for one planned restore point. Sends at most one POST, whatever happens. Raises nothing of its own."""
    started = tools.clock.monotonic()
    held = claim(planned, tools, deadline)
    outcome = _look_and_post(held, cbr, deadline) if isinstance(held, Held) else held
    message = outcome.message + (CONFLICT if outcome.conflict else "")
    return replace(outcome, message=message, duration_ms=round((tools.clock.monotonic() - started) * 1000))


def _look_and_post(held: Held, cbr: Cbr, deadline: Deadline) -> Outcome:
    what = held.planned.what
    if deadline.short():
        return held.later("no_time", f"Too little time was left to ask CBR for {what}.")
    if early := restrained_before(held):
        return early
    try:
        found = find_ours(held, cbr, deadline)
    except CallFailed as failure:
        return held.doubted(cbr.said_at, looked=False) or _not_looked(held, failure)
    if found:
        return held.join("found", found)
    if held.gives_up:
        return held.gave_up(looked=True)
    if doubtful := held.doubted(cbr.said_at, looked=True):
        return doubtful
    if deadline.short():
        return held.later("no_time", f"Looking took too long to still ask CBR for {what}.")
    return restrained(held) or _post(held, cbr, deadline)


def _post(held: Held, cbr: Cbr, deadline: Deadline) -> Outcome:
    """The one POST of a delivery."""
    try:
        checkpoint, request_id = cbr.create(held.planned.backup, deadline)
        outcome = _answered(held, cbr, checkpoint, request_id, deadline)
    except CallFailed as failure:
        outcome = _not_created(held, cbr, failure, deadline)
    if not isinstance(outcome, Created) and outcome.reason not in _MAY_EXIST:
        give_back(held)
    return outcome


def _not_looked(held: Held, failure: CallFailed) -> Outcome:
    """Looking failed: nothing is sent blindly."""
    what = held.planned.what
    perhaps = " An earlier try may have made it: look at the vault's backups." if held.wish and held.wish.perhaps else ""
    unreachable = f"CBR could not be asked about {what}: {say(failure)}"
    match failure:
        case _ if held.unsettled:  # whatever it is: a claim that may be somebody's must not come free by it
            return held.later("cbr_unreachable", unreachable, failure)
        case Unauthorized():
            return held.failed("not_authorized", rights(what, failure) + perhaps, failure)
        case Untrusted():
            return held.failed("not_trusted", trust(what, failure) + perhaps, failure)
        case Rejected():
            return held.failed("rejected", f"CBR refused to list the backups for {what}: {say(failure)}{perhaps}", failure)
        case _ if held.gives_up:
            return held.gave_up(looked=False)
        case _:
            return held.later("cbr_unreachable", unreachable, failure)


def _not_created(held: Held, cbr: Cbr, failure: CallFailed, deadline: Deadline) -> Outcome:
    what = held.planned.what
    match failure:
        case Busy():
            return _join_or_later(held, cbr, failure, deadline)
        case Throttled():
            why = f"CBR refused {what} for its rate: {say(failure)} If it goes on, lower requests_per_second of its project."
            return held.later("throttled", why, failure)
        case Untrusted():
            return held.failed("not_trusted", trust(what, failure), failure)
        case NotSent():
            return held.later("not_sent", f"CBR could not be asked for {what}: {say(failure)}", failure)
        case Unauthorized():
            return held.failed("not_authorized", rights(what, failure), failure)
        case Unclear():
            why = f"CBR was asked for {what} and did not answer clearly, so it may exist: {say(failure)}"
            return held.unclear("unclear", why, failure)
        case _:
            return held.failed("rejected", f"CBR refused {what}: {say(failure)}", failure)


def _answered(held: Held, cbr: Cbr, checkpoint: Checkpoint, request_id: str, deadline: Deadline) -> Outcome:
    """200: it may be for nothing, or for something else than was asked."""
    planned, vault = held.planned, checkpoint.vault or CheckpointVault()
    echoed = checkpoint.extra_info.name if checkpoint.extra_info else ""
    if vault.id not in ("", planned.backup.vault_id) or echoed not in ("", planned.name):
        why = f"CBR answered for another vault or name when asked for {planned.what}: look at restore point {checkpoint.id}."
        return held.unclear("wrong_answer", why)
    more: dict[str, Any] = {"skipped_resources": vault.skipped_resources, "checkpoint_id": checkpoint.id}
    if vault.skipped_resources and not vault.resources:
        codes = sorted({each.code for each in vault.skipped_resources})
        nothing = CallFailed("every resource was skipped", code=codes[0], status=200, request_id=request_id)
        if all(map(is_busy, codes)):
            return _join_or_later(held, cbr, nothing, deadline)
        why = f"CBR skipped every resource of {planned.what}: {'; '.join(map(skip, vault.skipped_resources[:3]))}."
        return held.failed("all_skipped", why, nothing, **more)
    more["skipped_resources"] = skipped = (*vault.skipped_resources, *_unmentioned(planned, vault))
    held.done(checkpoint.id, "created", request_id=request_id, skipped=skipped)
    left_out = f"; it skipped {'; '.join(map(skip, skipped[:3]))}" if skipped else ""
    return Created(
        reason="partly_skipped" if skipped else "accepted",
        message=f"CBR makes {planned.what}; {len(vault.resources)} take part{left_out}.",
        resources=vault.resources,
        request_id=request_id,
        **more,
        **held.about(),
    )


def _unmentioned(planned: Planned, vault: CheckpointVault) -> list[SkippedResource]:
    """Resources that were asked for and stand in neither of the answer's lists, if it has any at all."""
    said = {each.id for each in vault.resources} | {each.id for each in vault.skipped_resources}
    why = "CBR names it neither among the resources that take part nor among those it skipped"
    return [SkippedResource(id=each, reason=why) for each in sorted(planned.backup.resource_ids - said)] if said else []


def _join_or_later(held: Held, cbr: Cbr, failure: CallFailed, deadline: Deadline) -> Outcome:
    """CBR is at work on the vault: on our wish, on one that serves as well, or on something else."""
    planned = held.planned
    try:
        if ours := find_listed(held, cbr, deadline):
            return held.join("found", ours)
        vault = cbr.vault(planned.backup.vault_id, deadline)
        if not vault.resources and failure.code.endswith(".0001"):
            why = f"Vault {planned.whose} holds no resource, so there is nothing to back up: associate servers or disks with it."
            return held.failed("empty_vault", why, failure)
        since = min(planned.occurred, held.look_since)
        operations = cbr.operations(deadline, vault_id=planned.backup.vault_id, since=since)
        if ours := logged(held, operations):
            return held.join("found", ours)
        asked = planned.backup.resource_ids or frozenset(each.id for each in vault.resources)
        if asked and is_plain(planned) and (other := serving(planned, asked, operations)):
            return held.join("running_already", other)
    except CallFailed:
        pass  # not knowing more changes nothing: CBR refused, so nothing was executed
    return held.later("busy", f"CBR is busy and could not take {planned.what}: {say(failure)}", failure)
