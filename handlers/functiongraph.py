"""Huawei FunctionGraph: the platform's call becomes an Envelope, the outcomes its answer.

``timer`` is for TIMER triggers, ``alert`` and ``once`` for APIG and SMN triggers and for direct invocation, ``watch`` for a TIMER
trigger every few minutes. Raising means one more delivery, as often as the function's asynchronous policy says.

Settings are the function's environment variables, whether the runtime puts them into the process or hands them out by
``getUserData``, which tells values but no names: so HW_REGION_NAME must say the region. Where they name no keys, the function's
agency speaks: its temporary keys come with every call.

Verified in the documents: ``getUserData(name)`` and the context's other methods, the preset RUNTIME_... variables, events and
results, the asynchronous policy. Not verified on the platform: whether a Python function sees its variables in the process as
well (documented for custom runtimes), what ``getUserData`` gives for a name that is not set (nothing and "" are taken alike),
and what stands for keys without an agency (nothing, "" and "null" are). ``tests/functiongraph/README.md`` has the whole list, and
the commands that would tell.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

from handlers import starting
from handlers.answers import each_of, function_answer, gateway_answer
from handlers.carriers.batches import smn_records
from handlers.carriers.gateways import apig_http
from handlers.credentials import AccessKey, Handed, Platform, Secret
from handlers.envelope import Door, Envelope
from handlers.errors import Refusal
from handlers.rules import checked_project_id
from handlers.service import Service
from handlers.settings import Settings, load
from handlers.warm import Warm


class Context(Protocol):
    """What is used of FunctionGraph's context object."""

    def getRequestID(self) -> str: ...  # noqa: D102, N802 - FunctionGraph's names say it
    def getRemainingTimeInMilliSeconds(self) -> int: ...  # noqa: D102, N802
    def getUserData(self, key: str) -> str | None: ...  # noqa: D102, N802
    def getProjectID(self) -> str: ...  # noqa: D102, N802
    def getSecurityAccessKey(self) -> str | None: ...  # noqa: D102, N802
    def getSecuritySecretKey(self) -> str | None: ...  # noqa: D102, N802
    def getSecurityToken(self) -> str | None: ...  # noqa: D102, N802


def timer(event: object, context: Context) -> dict[str, Any]:
    """A TIMER trigger fired, or another cloud's scheduler calls by API Gateway."""
    return _answer("timer", event, context)


def alert(event: object, context: Context) -> dict[str, Any]:
    """A monitoring alert, by API Gateway (its path ends in the sender's name), by an SMN topic, or invoked directly."""
    return _answer("alert", event, context)


def once(event: object, context: Context) -> dict[str, Any]:
    """A one-off: somebody asks for one restore point."""
    return _answer("once", event, context)


def watch(event: object, context: Context) -> dict[str, Any]:
    """Look after what is due. What the event holds does not matter, unless it is an HTTP request: that must prove itself."""
    with warm.using(context) as ours:
        return gateway_answer(ours, _envelope("watch", event, context), apig_http)


def worker(event: object, context: Context) -> dict[str, Any]:
    """Invoked with wishes that one run could not take: what is asked for stands in the ledger."""
    return _answer("worker", event, context)


def forwarded(door: Door, event: object, context: Context) -> dict[str, Any]:
    """What is known to have come by a gateway: an HTTP request that must prove itself, whatever else its sender wrote into it."""
    with warm.using(context) as ours:
        return gateway_answer(ours, _envelope(door, event, context), apig_http)


def refused(door: Door, context: Context, refusal: Refusal) -> dict[str, Any]:
    """For an event that could not be read at all."""
    with warm.using(context) as ours:
        return function_answer(ours.refuse(_envelope(door, None, context), refusal))


class _Warm:
    """What a warm instance keeps: its service, and the keys it signs with, which end after 24 hours and come with every call."""

    def __init__(self) -> None:
        self._warm, self._handing = Warm(), threading.Lock()
        self._handed: Handed | None = None

    def using(self, context: Context) -> AbstractContextManager[Service]:
        """The service of one event; a bad configuration fails every event, loudly."""
        keys = _keys(context)
        with self._handing:
            if keys and self._handed:
                self._handed.keys = keys
        return self._warm.using(lambda: self._read(context, keys))

    def clear(self) -> None:
        """As at a cold start."""
        self._warm.clear()
        self._handed = None

    def _read(self, context: Context, keys: AccessKey | None) -> Settings:
        """The settings of a service that begins."""
        handed = Handed(keys) if keys else None
        settings = load(platform=Platform(_UserData(context), handed, _project_id(context)))
        with self._handing:
            self._handed = handed
        return settings


warm = _Warm()


class _UserData(Mapping[str, str]):
    """The function's environment variables as its context hands them out: by name, never as a list."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __getitem__(self, name: str) -> str:
        value = self._context.getUserData(name)
        if not isinstance(value, str) or not value:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _answer(door: Door, event: object, context: Context) -> dict[str, Any]:
    with warm.using(context) as ours:
        envelope = _envelope(door, event, context)  # now: finding out whether a secret has changed takes some of the time
        try:
            records = smn_records(envelope)
        except Refusal as refusal:
            return function_answer(ours.refuse(envelope, refusal))
        if not records:
            return gateway_answer(ours, envelope, apig_http)
        return function_answer(*each_of(ours, records, lambda: _seconds(context)))


def _envelope(door: Door, event: object, context: Context) -> Envelope:
    return Envelope(door, "functiongraph", str(context.getRequestID()), event, _seconds(context))


def _seconds(context: Context) -> float:
    return context.getRemainingTimeInMilliSeconds() / 1000


def _keys(context: Context) -> AccessKey | None:
    """The agency's temporary keys; None without an agency, for which containers are told "null"."""
    found = (context.getSecurityAccessKey(), context.getSecuritySecretKey(), context.getSecurityToken())
    access, secret, token = (each if isinstance(each, str) and each != "null" else "" for each in found)
    return AccessKey(access, Secret(secret), Secret(token)) if access and secret and token else None


def _project_id(context: Context) -> str:
    """The function's own project; empty where the runtime says something else, as some regions do."""
    with suppress(ValueError, TypeError):
        return checked_project_id(context.getProjectID())
    return ""


starting.over()
