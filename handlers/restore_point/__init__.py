"""Exactly one restore point per cause, although CBR has no idempotency key: the only place that knows how.

claim (outlives the platform's kill and CBR's settling) → look (by the cause in the name) → one POST → outcome. In doubt the
claim is kept: the watch, or the next delivery after its end, looks again before anything is sent.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from handlers.cbr import Backup, Operation, Vault
from handlers.errors import Busy, CallFailed, NotSent, Rejected, Throttled, Unauthorized, Unclear
from handlers.meaning import is_busy
from handlers.outcome import Created, Outcome
from handlers.plan.planned import Planned
from handlers.restore_point.claiming import claim
from handlers.restore_point.held import Held, Taking
from handlers.restore_point.restraint import give_back, restrained, restrained_before
from handlers.vault_backup import Checkpoint, CheckpointVault, SkippedResource, VaultBackup, is_named_for
from handlers.wire import Deadline

LEAST_SECONDS = 2.0
"""With less time left than this nothing is started: it could not finish."""
CONFLICT = " It was asked for with other parameters before, and those count: give this wish a key of its own if that matters."
_GONE = ("error", "deleting", "waiting_delete", "deleted", "error-deleting")
"""States of a backup that is none or will be none (CBR API reference). One of a state nobody knows yet counts as there."""


_MAY_EXIST = ("unclear", "wrong_answer")
_NOW = {
    "6105": "Check the vault's id and its project in the rules.",
    "6112": "Look at the vault's status in the console: it may be frozen or being deleted.",
    "6113": "Look at the vault's status in the console: it may be frozen or being deleted.",
    "6114": "Enlarge the vault, or delete backups nobody needs.",
    "6124": "A replication vault takes no backups: name the vault it replicates.",
    "6135": "A resource that was asked for is not associated with this vault: associate it, or leave it out.",
    "6142": "Enlarge a vault, or delete backups nobody needs.",
    "6302": "A resource that was asked for is gone: take it out of the rule.",
    "8300": "Raise the quota of snapshots, or delete some.",
    "9900": "CBR does not take this request: check the rule's parameters.",
}
"""What to do now, for the refusals a person can do something about."""


class Cbr(Protocol):
    """What this file asks of the API."""

    @property
    def said_at(self) -> datetime | None: ...  # noqa: D102
    def create(self, backup: VaultBackup, deadline: Deadline) -> tuple[Checkpoint, str]: ...  # noqa: D102
    def backups(self, deadline: Deadline, *, vault_id: str, since: datetime | None = None) -> list[Backup]: ...  # noqa: D102
    def operations(self, deadline: Deadline, *, vault_id: str, since: datetime) -> list[Operation]: ...  # noqa: D102
    def vault(self, vault_id: str, deadline: Deadline) -> Vault: ...  # noqa: D102


def take(planned: Planned, cbr: Cbr, tools: Taking, deadline: Deadline) -> Outcome:
    """One outcome for one planned restore point. Sends at most one POST, whatever happens. Raises nothing of its own."""
    started = tools.clock.monotonic()
    held = claim(planned, tools, deadline)
    outcome = _look_and_post(held, cbr, deadline) if isinstance(held, Held) else held
    message = outcome.message + (CONFLICT if outcome.conflict else "")
    return replace(outcome, message=message, duration_ms=round((tools.clock.monotonic() - started) * 1000))


def _look_and_post(held: Held, cbr: Cbr, deadline: Deadline) -> Outcome:
    what = held.planned.what
    if deadline.left() < LEAST_SECONDS:
        return held.later("no_time", f"Too little time was left to ask CBR for {what}.")
    if early := restrained_before(held):
        return early
    try:
        found = _ours(held, cbr, deadline)
    except CallFailed as failure:
        return _not_looked(held, failure)
    if found:
        return held.join("found", found)
    if held.gives_up:
        return held.gave_up(looked=True)
    if doubtful := held.doubted(cbr.said_at):
        return doubtful
    if deadline.left() < LEAST_SECONDS:
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


def _ours(held: Held, cbr: Cbr, deadline: Deadline) -> str:
    """The restore point this cause has already, by the name CBR keeps for us; a broken one does not count."""
    since, planned = held.look_since, held.planned
    past = held.wish.past if held.wish else ()
    for backup in cbr.backups(deadline, vault_id=planned.backup.vault_id, since=since):
        named = is_named_for(backup.name, planned.named_for) and (since is None or backup.created_at >= since)
        if named and backup.status not in _GONE and backup.checkpoint_id and backup.checkpoint_id not in past:
            return backup.checkpoint_id
    return ""


def _not_looked(held: Held, failure: CallFailed) -> Outcome:
    """Looking failed: nothing has been sent, and nothing is sent blindly."""
    what = held.planned.what
    match failure:
        case Unauthorized():
            return held.failed("not_authorized", _rights(what, failure), failure)
        case Rejected():
            return held.failed("rejected", f"CBR refused to list the backups for {what}: {_say(failure)}", failure)
        case _ if held.gives_up:
            return held.gave_up(looked=False)
        case _:
            return held.later("cbr_unreachable", f"CBR could not be asked about {what}: {_say(failure)}", failure)


def _not_created(held: Held, cbr: Cbr, failure: CallFailed, deadline: Deadline) -> Outcome:
    what = held.planned.what
    match failure:
        case Busy():
            return _join_or_later(held, cbr, failure, deadline)
        case Throttled():
            return held.later("throttled", f"CBR refused {what} for its rate: {_say(failure)}", failure)
        case NotSent():
            return held.later("not_sent", f"CBR could not be reached for {what}: {_say(failure)}", failure)
        case Unauthorized():
            return held.failed("not_authorized", _rights(what, failure), failure)
        case Unclear():
            why = f"CBR was asked for {what} and did not answer clearly, so it may exist: {_say(failure)}"
            return held.unclear("unclear", why, failure)
        case _:
            return held.failed("rejected", f"CBR refused {what}: {_say(failure)}", failure)


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
        why = f"CBR skipped every resource of {planned.what}: {'; '.join(map(_skip, vault.skipped_resources[:3]))}."
        return held.failed("all_skipped", why, nothing, **more)
    more["skipped_resources"] = skipped = (*vault.skipped_resources, *_unmentioned(planned, vault))
    held.done(checkpoint.id, "created", request_id=request_id, skipped=skipped)
    left_out = f"; it skipped {'; '.join(map(_skip, skipped[:3]))}" if skipped else ""
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
        if ours := _ours(held, cbr, deadline):
            return held.join("found", ours)
        vault = cbr.vault(planned.backup.vault_id, deadline)
        if not vault.resources and failure.code.endswith(".0001"):
            why = f"Vault {planned.whose} holds no resource, so there is nothing to back up: associate servers or disks with it."
            return held.failed("empty_vault", why, failure)
        asked = planned.backup.resource_ids or frozenset(each.id for each in vault.resources)
        if asked and _plain(planned) and (other := _serving(planned, asked, cbr, deadline)):
            return held.join("running_already", other)
    except CallFailed:
        pass  # not knowing more changes nothing: CBR refused, so nothing was executed
    return held.later("busy", f"CBR is busy and could not take {planned.what}: {_say(failure)}", failure)


def _plain(planned: Planned) -> bool:
    """Whether a restore point that somebody else asked for can be as good: nothing beyond the defaults was wanted."""
    asked = planned.backup.parameters
    details = (asked and asked.resource_details) or ()
    special = asked is not None and (asked.incremental is False or asked.retention_duration_days is not None)
    return not special and not any(each.extra_info for each in details)


def _serving(planned: Planned, asked: frozenset[str], cbr: Cbr, deadline: Deadline) -> str:
    """A running restore point of somebody else that began after the cause and covers what was asked."""
    covered: dict[str, set[str]] = {}
    for operation in cbr.operations(deadline, vault_id=planned.backup.vault_id, since=planned.occurred):
        running = operation.operation_type == "backup" and operation.status in ("running", "waiting")
        if running and operation.created_at >= planned.occurred:
            covered.setdefault(operation.checkpoint_id, set()).add(operation.resource_id)
    return next((checkpoint for checkpoint, resources in covered.items() if checkpoint and asked <= resources), "")


def _say(failure: CallFailed) -> str:
    now = _NOW.get(failure.code.removeprefix("BackupService."), "")
    return f"{failure.code + ': ' if failure.code else ''}{failure.message.rstrip('.')}.{' ' + now if now else ''}"


def _skip(resource: SkippedResource) -> str:
    return f"{resource.name or resource.id} ({f'{resource.code} {resource.reason}'.strip()})"


def _rights(what: str, failure: CallFailed) -> str:
    return (
        f"Our credentials were refused when asking for {what}: {_say(failure)} Check the access key, this clock (15 minutes "
        "at most) and the rights cbr:vaults:backup, cbr:vaults:get, cbr:backups:list and cbr:tasks:list."
    )
