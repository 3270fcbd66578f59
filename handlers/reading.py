"""From a delivery to its triggers: the door chooses the dialects, the document only fills them in."""

from __future__ import annotations

from handlers.envelope import Envelope, check
from handlers.errors import Refusal
from handlers.timers import read_timer
from handlers.trigger import Trigger


def read(envelope: Envelope) -> list[Trigger]:
    """The triggers of one delivery; raises Refusal. A body shaped for another door never opens it."""
    try:
        check(envelope.document)
    except (ValueError, RecursionError) as error:
        raise Refusal("malformed", f"the event {error}", field="document") from None
    if envelope.door == "timer":
        return [read_timer(envelope.document)]
    raise Refusal("wrong_door", f"no event is read at the door {envelope.door!r}", field="document")
