"""What a container image on FunctionGraph is told to be: RESTORE_POINT_DOOR makes it an event function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from handlers.envelope import Door
from handlers.errors import Misconfigured

_SETTING = "RESTORE_POINT_DOOR"
_OTHERS = {"K_SERVICE": "Knative or Cloud Run", "AWS_LAMBDA_FUNCTION_NAME": "AWS Lambda"}
"""Where nobody is kept from the port by being FunctionGraph: whoever asks would be taken for the platform."""
DOORS: Mapping[str, Door] = {each: each for each in get_args(Door)}


@dataclass(frozen=True, slots=True)
class EventFunction:
    """``door`` is which of the entry functions POST /invoke means, ``project_id`` the function's own project."""

    door: Door
    project_id: str


def find_image(environ: Mapping[str, str] | None = None) -> EventFunction | None:
    """None: not told so, and then nothing of what FunctionGraph sends is believed. Raises Misconfigured."""
    given = os.environ if environ is None else environ
    name = given.get(_SETTING, "")
    if not name:
        return None
    if name not in DOORS:
        raise Misconfigured(_SETTING, f"must be one of {', '.join(DOORS)}")
    for variable, platform in _OTHERS.items():
        if given.get(variable):
            raise Misconfigured(_SETTING, f"is for FunctionGraph, and {variable} says that this is {platform}; unset it")
    # The header x-cff-project-id is wrong in some regions, the variable is not (Open Telekom Cloud's guide to HTTP functions).
    return EventFunction(DOORS[name], given.get("RUNTIME_PROJECT_ID", ""))
