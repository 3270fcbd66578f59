"""What a container image on FunctionGraph is told to be: RESTORE_POINT_DOOR makes it an event function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import get_args

from handlers.credentials import NO_PLATFORM, AccessKey, Handed, Platform, Secret
from handlers.envelope import Door
from handlers.errors import Misconfigured
from handlers.values import dataclass

_SETTING = "RESTORE_POINT_DOOR"
_OTHERS = {"K_SERVICE": "Knative or Cloud Run", "AWS_LAMBDA_FUNCTION_NAME": "AWS Lambda"}
"""Where nobody is kept from the port by being FunctionGraph: whoever asks would be taken for the platform."""
DOORS: Mapping[str, Door] = {each: each for each in get_args(Door)}
_TO_COME = Platform({}, Handed(AccessKey("to-come", Secret("to-come"), Secret("to-come"))))
"""Stands at the start for the keys of an agency, which come with each call; nothing is signed with it."""


@dataclass(frozen=True)
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


def awaited() -> Platform:
    """What a server may count on at its start: an event function on its agency, any other on nothing. Raises Misconfigured."""
    return _TO_COME if find_image() else NO_PLATFORM
