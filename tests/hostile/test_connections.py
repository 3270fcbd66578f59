"""Where an event might have us connect to: reliability.md, 6.6, H66 to H70."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import aws_lambda
from handlers.errors import Misconfigured
from handlers.sandbox import estate
from tests.aws.template import FUNCTIONS, PARAMETERS, VARIABLES
from tests.hostile.rows import Rows
from tests.hostile.stage import QUEUE, TOPIC, Context, Stage, asked, cold, firing, simple
from tests.scripted import BACKUPS, CREATE, PUBLISH, SHOW, TOKENS, VAULT, Target, answers, world_in
from tests.sockets import Server, always, reply
from tests.test_settings import BAD_ENDPOINTS, CANARY
from tests.web_server import ROOT

rows = Rows(
    named={
        "H66": ["tests/test_wire.py::test_a_url_of_another_origin_reaches_nobody"],
        "H67": [
            "tests/test_cbr.py::test_an_id_that_is_none_becomes_no_path",
            "tests/test_wire.py::test_an_absolute_url_in_a_path_stays_a_path",
            "tests/test_wire.py::test_nothing_written_after_an_origin_leads_elsewhere",
        ],
        "H68": ["tests/test_settings.py::test_no_other_endpoint_is_spoken_to"],
        "H69": [
            "tests/test_wire.py::test_a_redirect_is_an_answer_and_nobody_follows_it",
            "tests/test_wire.py::test_no_socket_is_opened_to_another_host_even_if_a_url_got_through",
        ],
        "H70": ["tests/test_wire.py::test_a_certificate_for_another_name_is_refused_by_name"],
    },
    waiting={},
)
Fresh = Callable[..., Stage]

# ── URLs in events ──

URLS: dict[str, str] = {
    "H66 metadata": "http://169.254.169.254/latest/meta-data/",
    "H66 metadata by a number": "http://2852039166/",
    "H66 a file": "file:///etc/passwd",
    "H66 a listener of ours": "http://{evil}/",
    "H66 over TLS": "https://{evil}/",
    "H66 behind a user": "https://smn.myhuaweicloud.com@{evil}/",
    "H66 behind two users": "https://user@smn.myhuaweicloud.com@{evil}/",
    "H66 a host that begins alike": "https://smn.myhuaweicloud.com.evil.example/",
    "H66 a host that ends alike": "https://evil-smn.myhuaweicloud.com/",
    "H66 gopher": "gopher://{evil}/_GET",
    "H66 without a scheme": "//{evil}/",
}


def confirmation(url: str, kind: str = "SubscriptionConfirmation") -> dict[str, Any]:
    return {
        "Type": kind, "MessageId": "1", "TopicArn": "arn:aws:sns:eu-central-1:1:t", "Token": "t", "SubscribeURL": url,
        "UnsubscribeURL": url, "SigningCertURL": url, "SignatureVersion": "1", "Signature": "AA==", "Message": "confirm",
        "Timestamp": "2026-11-23T02:00:00.000Z",
    }  # fmt: skip


def huawei(url: str) -> dict[str, Any]:
    return {
        "type": "SubscriptionConfirmation", "message_id": "1", "topic_urn": TOPIC, "subscribe_url": url, "unsubscribe_url": url,
        "signing_cert_url": url, "signature": "AA==", "signature_version": "v1", "message": "confirm", "timestamp": "x",
    }  # fmt: skip


@rows.cases("url", URLS)
def test_no_url_of_a_confirmation_is_opened(stage: Stage, url: str) -> None:
    """Nor of the certificate that is said to have signed it."""
    bad = url.format(evil=stage.evil)
    with stage.nothing_leaves():
        for document in (confirmation(bad), confirmation(bad, "UnsubscribeConfirmation"), huawei(bad)):
            for said in stage.everywhere("/alert/mon", document):
                assert said.status == 200
                assert said.words == ["skipped"]
                assert bad not in said.text
            for said in stage.everywhere("/alert/mon", document, bearer="wrong"):
                assert said.status == 401
        sqs = {"eventSource": "aws:sqs", "eventSourceARN": QUEUE, "messageId": "1", "body": json.dumps(confirmation(bad))}
        assert stage.hand("lambda", "alert", {"Records": [sqs]}).text == '{"batchItemFailures": []}'


@rows.cases("url", {f"{name}, in an alert": url for name, url in URLS.items()})
def test_no_url_of_an_alert_is_opened(fresh: Fresh, url: str) -> None:
    made = fresh(told=True)
    bad = url.format(evil=made.evil)
    body = firing(runbook_url=bad, url=bad, endpoint=bad) | {"externalURL": bad, "groupKey": bad}
    body["alerts"][0] |= {"generatorURL": bad, "silenceURL": bad, "imageURL": bad, "annotations": {"runbook_url": bad}}
    assert made.ask("lambda", "/alert/am", body).words == ["created"]
    assert made.ask("functiongraph", "/alert/mon", simple() | {"link": bad}).words == ["created"]
    wrapped = {"Type": "Notification", "TopicArn": "t", "MessageId": "1", "Message": json.dumps(simple(x="2"))}
    signed = wrapped | {"SigningCertURL": bad, "UnsubscribeURL": bad}
    assert made.ask("functiongraph", "/alert/mon", signed).status in (200, 202)
    assert made.trap.accepted == 0
    hosts = set(re.findall(rb"(?mi)^host: ?([^\r]+)", bytes(made.line.sent)))
    assert hosts == {made.line.endpoint.removeprefix("http://").encode()}


# ── ids in paths ──

IDS: dict[str, str] = {
    "H67 a way up": "/../../iam",
    "H67 a way up behind the right one": f"{estate.ERP_VAULT_ID}/../../../v3/auth/tokens",
    "H67 a host": "//evil.example",
    "H67 a URL": "https://evil.example",
    "H67 a query": f"{estate.ERP_VAULT_ID}?x=1",
    "H67 a fragment": f"{estate.ERP_VAULT_ID}#x",
    "H67 a coded slash": f"{estate.ERP_VAULT_ID}%2f..",
    "H67 a backslash": "\\\\evil.example\\x",
    "H67 a dot": ".",
    "H67 a blank": " ",
    "H67 a request of its own": f"{estate.ERP_VAULT_ID} HTTP/1.1\r\nHost: evil\r\n\r\nGET /",
}


@rows.cases("text", IDS)
def test_an_id_that_is_none_reaches_no_path(stage: Stage, text: str) -> None:
    with stage.nothing_leaves():
        for body in (
            {"checkpoint": {"vault_id": text}},
            asked(resources=[text]),
            asked(policy_id=text),
            asked(resource_details=[{"id": text, "type": "OS::Nova::Server"}]),
        ):
            for said in stage.everywhere("/once/ci", body):
                assert said.status in (400, 403)
        for said in stage.everywhere("/alert/am", firing(vault_id=text)):
            assert said.status == 403


@rows("H67")
@given(text=st.text(max_size=60) | st.from_regex(r"[0-9a-f-]{30,40}[/?#.\\]?[a-z./]{0,8}", fullmatch=True))
def test_any_text_for_an_id_is_refused_without_a_call(stage: Stage, text: str) -> None:
    with stage.nothing_leaves():
        for path, body in (("/once/ci", {"checkpoint": {"vault_id": text}}), ("/alert/am", firing(vault_id=text))):
            assert stage.ask("lambda", path, body).status in (400, 403)


@rows.cases("text", {f"{name}, of a resource": text for name, text in IDS.items()})
def test_a_resource_by_another_name_is_looked_for_and_never_asked_for(fresh: Fresh, text: str) -> None:
    """A label may name a resource as it is called in the vault, so the vault is looked at; the name itself goes nowhere."""
    made = fresh()
    said = made.ask("lambda", "/alert/am", firing(severity="one", resource=text))
    assert said.status in (200, 403)
    assert made.posts() == []
    paths = {each.path for each in made.sandbox.exchanges}
    assert paths <= {f"/v3/{estate.PROJECT_ID}/vaults/{estate.ERP_VAULT_ID}", f"/v3/{estate.PROJECT_ID}/vaults"}
    assert b"evil" not in bytes(made.line.sent)


# ── endpoints ──


@rows.cases("url", {f"H68 {url}": url for url in BAD_ENDPOINTS})
def test_the_start_refuses_another_kind_of_endpoint(fresh: Fresh, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    made = fresh()
    with made.nothing_leaves():
        for name in ("HUAWEICLOUD_SDK_IAM_ENDPOINT", "HUAWEICLOUD_SDK_REGION_CBR_SANDBOX_1"):
            before = made.environ[name]
            monkeypatch.setenv(name, url.replace("\\\\", "\\"))
            cold()
            with pytest.raises(Misconfigured) as problem:
                aws_lambda.timer({}, Context())
            assert CANARY not in str(problem.value)
            monkeypatch.setenv(name, before)


@rows("H70")
def test_endpoints_are_configuration_and_certificates_are_always_checked() -> None:
    """No parameter, variable or line of code turns the check of the host's name off."""
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "handlers").rglob("*.py"))
    for word in ("verify=False", "CERT_NONE", "check_hostname = False", "_create_unverified_context", "trust_env=True"):
        assert word not in code
    names = [
        *PARAMETERS,
        *VARIABLES,
        *(name for each in FUNCTIONS.values() for name in each.get("Environment", {}).get("Variables", {})),
    ]
    assert not [name for name in names if re.search(r"(?i)insecure|verify|skip.?tls", name)]


# ── redirects ──

KINDS: dict[str, Target] = {
    "the POST": CREATE,
    "the look": BACKUPS,
    "the vault": VAULT,
    "the token": TOKENS,
    "the topic": PUBLISH,
}
REDIRECTS = {
    f"H69 {status} of {name}": (status, target) for status in (301, 302, 303, 307, 308) for name, target in KINDS.items()
}


@rows.cases("case", REDIRECTS)
def test_nobody_is_led_away_by_an_answer(tmp_path: Path, case: tuple[int, Target]) -> None:
    status, target = case
    with Server(always(reply())) as evil, world_in(tmp_path) as world:
        away = answers(status, b"", {"Location": f"{evil.origin}/v3/elsewhere", "Refresh": f"0; url={evil.origin}/"})
        world.door.on(target, away, always=True)
        service = world.service(world.password())
        world.fire(service)
        world.sweep(service)
        assert evil.accepted == 0
        assert len(world.door.came(CREATE)) <= 2
        assert not [seen for seen in world.door.seen if "elsewhere" in seen.target]


LINKS: dict[str, Any] = {
    "H69 links in a list": {"links": [{"rel": "next", "href": "{evil}/next"}], "backups": [], "count": 5000},
    "H69 an endpoint in a list": {"endpoint": "{evil}", "next": "{evil}", "backups": [], "count": 0},
}


@rows.cases("document", LINKS)
def test_no_link_in_an_answer_is_followed(tmp_path: Path, document: dict[str, Any]) -> None:
    with Server(always(reply())) as evil, world_in(tmp_path) as world:
        led = json.loads(json.dumps(document).replace("{evil}", evil.origin))
        for target in (BACKUPS, SHOW):
            world.door.on(target, answers(200, led), always=True)
        service = world.service()
        world.fire(service)
        world.clock.forward(120)
        world.sweep(service)
        assert evil.accepted == 0


def test_the_trap_does_close() -> None:
    """What every test above counts on: who connects is counted."""
    import socket

    with Server(always(reply())) as evil:
        socket.create_connection(("127.0.0.1", evil.port), 2).close()
        for _ in range(200):
            if evil.accepted:
                break
            evil.over.wait(0.01)
        assert evil.accepted == 1
