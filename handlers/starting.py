"""A process that starts makes a hundred thousand objects and no garbage: to look for some in vain is a tenth of a cold start.

Entry modules import this first, and say ``over()`` when all modules are there; on Lambda, where nothing comes but one event at a
time, when the first one is over. What comes later, whoever sends it, is looked after as ever.
"""

from __future__ import annotations

import gc

_STEADY = gc.get_threshold()
if _STEADY[0]:
    gc.set_threshold(50_000, *_STEADY[1:])


def over() -> None:
    """What is there now stays, and is not looked through again."""
    if gc.get_threshold() != _STEADY:
        gc.freeze()
        gc.set_threshold(*_STEADY)
