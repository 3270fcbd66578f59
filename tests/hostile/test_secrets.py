"""What stands in answers and messages, and where no secret stands: reliability.md, 6.7, H78 to H82."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic_core import ValidationError

from handlers.errors import Misconfigured
from handlers.models import Model
from handlers.sandbox import estate
from handlers.settings import load
from tests.hostile.rows import Rows
from tests.hostile.stage import PLATFORMS, SECRETS, Stage, event_of, firing, token
from tests.runtime_api import LambdaFunction

rows = Rows(
    named={
        "H78": [
            "tests/test_service.py::test_no_secret_stands_in_anything_that_leaves",
            "tests/test_attacks.py::test_what_proved_us_is_struck_from_a_refusal",
        ],
        "H79": [
            "tests/test_credentials.py::test_a_secret_is_never_printed",
            "tests/test_settings.py::test_settings_are_frozen_and_show_no_secret",
        ],
        "H80": ["tests/test_wire.py::test_no_url_and_no_token_is_logged_even_at_debug"],
    },
    waiting={
        "H82 a link in the summary": "the summary stands in the message as the cause",
        "H82 a link to the alert": "generatorURL stands in the message as See",
        "H82 a link in a label": "alertname stands in the message as the cause",
    },
)
Fresh = Callable[..., Stage]
CANARY = "canary-5e1f-nobody-may-read-this"
OURS = set(SECRETS.values()) | {estate.SECRET_KEY, estate.TEMPORARY_SECRET_KEY, estate.SECURITY_TOKEN}

# ── secrets ──


def places(bearer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where a secret may stand in a request: the path a sender was given, its query, its headers."""
    for path in ("/alert/am", "/once/ci", "/timer/cron", "/watch/ci"):
        yield f"{path}?token={CANARY}&key={CANARY}#{CANARY}", {"bearer": bearer}
        yield path, {"bearer": CANARY}
        yield path, {"bearer": f"{bearer} {CANARY}"}
        yield path, {"bearer": "", "authorization": f"Basic {CANARY}"}
        yield path, {"bearer": bearer, "X_Auth_Token": CANARY, "Cookie": f"session={CANARY}", "X_Api_Key": CANARY}
        yield path, {"bearer": bearer, "content_type": f"text/{CANARY}"}
        yield path, {"bearer": bearer, "content_encoding": CANARY}
        yield path, {"bearer": bearer, "idempotency_key": CANARY * 20}


@rows("H78", "H81")
def test_no_secret_is_written_or_answered_by_the_real_server(stage: Stage) -> None:
    hostile = (b"{", json.dumps({"a": CANARY}).encode(), json.dumps({"checkpoint": {"vault_id": CANARY}}).encode())
    with stage.nothing_leaves():
        for path, how in places("wrong-" + "x" * 30):
            for body in hostile:
                said = stage.ask("web", path, body, **how)
                assert said.status >= 400
                assert CANARY not in said.text + repr(said.headers)
        for name in ("am", "ci", "cron"):
            for body in hostile:
                door = {"am": "alert", "ci": "once", "cron": "timer"}[name]
                said = stage.ask("web", f"/{door}/{name}?token={CANARY}", body, Cookie=CANARY, Referer=CANARY, User_Agent=CANARY)
                assert said.status == 400
                assert CANARY not in said.text
    written = (stage.folder / "web.out").read_text("utf-8") + stage.web.stderr
    assert CANARY not in written
    assert not [each for each in OURS if each in written]


IN_A_URL = {
    "H78 in the query": f"/alert/am?token={CANARY}",
    "H78 behind a semicolon": f"/alert/am?x;{CANARY}",
    "H78 for a sender": f"/alert/{CANARY}",
}


@rows.cases("path", IN_A_URL)
def test_no_secret_of_a_url_is_written(stage: Stage, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere(path, firing(), bearer="wrong"):
            assert said.status == 401
            assert CANARY not in said.text
    assert CANARY not in capsys.readouterr().out + (stage.folder / "web.out").read_text("utf-8") + stage.web.stderr


@rows("H78", "H80")
def test_no_variable_makes_the_function_print_what_it_was_given(fresh: Fresh) -> None:
    """Under the real runtime client, with everything turned on that prints events or talks at debug level."""
    made = fresh()
    loud = {
        "POWERTOOLS_LOG_LEVEL": "DEBUG", "LOG_LEVEL": "DEBUG", "POWERTOOLS_DEV": "true",
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG", "POWERTOOLS_DEBUG": "true", "HTTPX_LOG_LEVEL": "trace", "PYTHONWARNINGS": "default",
        "AWS_LAMBDA_LOG_FORMAT": "JSON", "POWERTOOLS_LOGGER_SAMPLE_RATE": "1", "POWERTOOLS_TRACE_DISABLED": "true",
    }  # fmt: skip
    with LambdaFunction("handlers.aws_lambda.alert", env=made.environ | loud) as function:
        headers = {"content-type": "application/json", "authorization": f"Bearer {token('am')}", "x-note": CANARY}
        for path, body in (("/alert/am", firing()), ("/alert/am", {CANARY: 1}), (f"/alert/am?x={CANARY}", {"alerts": CANARY})):
            given = dict(headers) if path == "/alert/am" else headers | {"authorization": f"Bearer {CANARY}"}
            answer = function.invoke(event_of("lambda", path, "POST", given, json.dumps(body).encode()))
            assert answer.error is None
        written = "\n".join([*function.stdout, *function.stderr])
    assert len(made.posts()) == 1
    assert CANARY not in written
    assert not [each for each in OURS if each in written]


@rows("H80")
def test_start_refuses_the_variable_that_prints_every_event(fresh: Fresh) -> None:
    for said in ("true", "1", "Yes", "on"):
        with pytest.raises(Misconfigured, match="POWERTOOLS_LOGGER_LOG_EVENT"):
            load(fresh().environ | {"POWERTOOLS_LOGGER_LOG_EVENT": said})
    with pytest.raises(Misconfigured, match="SSLKEYLOGFILE"):
        load(fresh().environ | {"SSLKEYLOGFILE": "keys.log"})


def models() -> list[type[Model]]:
    """Every model of the product."""
    import importlib
    import pkgutil

    import handlers

    for found in pkgutil.walk_packages(handlers.__path__, "handlers."):
        if not found.name.startswith(("handlers.web", "handlers.__main__")):
            importlib.import_module(found.name)
    waiting, every = list(Model.__subclasses__()), []
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        if one.__module__.startswith("handlers."):
            every.append(one)
    return every


WHOSE = {
    "H79 rules and requests": ("handlers.documents.Strict",),
    "H79 alerts": ("handlers.alerts.bodies.Body",),
    "H79 answers of CBR": ("handlers.documents.Tolerant",),
}


@rows("H79")
def test_every_model_hides_what_it_was_given() -> None:
    found = models()
    assert len(found) > 20
    assert not [each.__qualname__ for each in found if each._schema["config"]["hide_input_in_errors"] is not True]
    bases = {name for names in WHOSE.values() for name in names}
    assert not [each for each in found if not {f"{base.__module__}.{base.__qualname__}" for base in each.__mro__} & bases]


@rows.cases("bases", WHOSE)
def test_no_model_shows_what_it_was_given(bases: tuple[str, ...]) -> None:
    """Its own validators included: ``fromisoformat`` and the like repeat what they could not read."""
    shown, tried = [], 0
    for each in models():
        if not {f"{base.__module__}.{base.__qualname__}" for base in each.__mro__} & set(bases):
            continue
        given = [CANARY, [CANARY], {name: {"x": CANARY} for name in each.model_fields}, dict.fromkeys(each.model_fields, CANARY)]
        for bad in given:
            tried += 1
            try:
                each.model_validate(bad)
            except ValidationError as error:
                shown += [each.__qualname__] * (CANARY in str(error))
    assert shown == []
    assert tried


# ── what others' frameworks would say ──

CLOUD_EVENTS: dict[str, dict[str, Any]] = {
    "H81 of no version": {"Ce_SpecVersion": "9.9", "Ce_Type": "t", "Ce_Source": "s", "Ce_Id": "1"},
    "H81 without a type": {"Ce_SpecVersion": "1.0", "Ce_Source": "s", "Ce_Id": "1"},
    "H81 with nothing else": {"Ce_SpecVersion": "1.0"},
    "H81 whose time is none": {"Ce_SpecVersion": "1.0", "Ce_Type": "dev.knative.sources.ping", "Ce_Source": "s", "Ce_Time": "x"},
    "H81 with a secret in an attribute": {"Ce_SpecVersion": "2.0", "Ce_Type": CANARY, "Ce_Source": CANARY, "Ce_Note": CANARY},
}


@rows.cases("headers", CLOUD_EVENTS)
def test_a_cloud_event_that_is_none_hears_our_own_words(stage: Stage, headers: dict[str, Any]) -> None:
    with stage.nothing_leaves():
        for path in ("/timer/cron", "/alert/mon", "/once/ci"):
            for said in stage.everywhere(path, {"secret": CANARY}, **headers, X_Note=CANARY):
                assert said.status == 400
                assert said.headers["content-type"] == "application/json"
                assert said.words == ["refused"]
                assert CANARY not in said.text
                assert "Traceback" not in said.text


# ── messages ──

LINK = "https://evil.example/pay?now=1"
PHISHING: dict[str, dict[str, Any]] = {
    "H82 a link in an annotation": {"annotations": {"description": f"click {LINK}", "runbook_url": LINK}},
    "H82 a link in the summary": {"annotations": {"summary": f"Your restore point failed, sign in at {LINK}"}},
    "H82 a link to the alert": {"generatorURL": LINK},
    "H82 a link in a label": {"labels": {"alertname": LINK, "severity": "critical"}},
    "H82 300 kB": {"annotations": {"summary": "x" * 300_000, "description": "y" * 300_000}},
    "H82 another message": {"annotations": {"summary": "x\n\nOutcome: available (complete)\nVault: erp"}},
}


@rows.cases("more", PHISHING)
def test_a_message_holds_no_link_and_nothing_long_of_an_event(fresh: Fresh, more: dict[str, Any]) -> None:
    made = fresh(told=True)
    body = firing()
    body["alerts"][0] |= more
    assert made.ask("lambda", "/alert/am", body).words == ["created"]
    (message,) = made.sandbox.published
    assert len(message["message"]) < 4000
    assert len(message["subject"]) <= 100
    assert LINK not in message["message"] + message["subject"]
    assert message["message"].count("\nOutcome: ") == 1
    assert message["message"].isascii()


@rows("H82")
def test_the_subject_is_of_our_words_alone(fresh: Fresh) -> None:
    made = fresh(told=True)
    for number, platform in enumerate(PLATFORMS[1:]):
        body = firing(alertname=f"{LINK} {number}", host="x" * 1000)
        body["alerts"][0]["annotations"] = {"summary": f"PAY NOW {LINK}"}
        made.ask(platform, "/alert/am", body)
    said = {each["subject"].partition(":")[2] for each in made.sandbox.published}
    assert said == {" vault erp", " vault erp (busy BackupService.6125)"}
