"""The table and its variables: every key of a kind, and for each mistake an error that names it and repeats no value."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import ValidationError

from handlers.documents import fault
from handlers.errors import Misconfigured
from handlers.settings import load
from handlers.settings.topics import find_topics
from tests.scripted import World, world_in
from tests.topics.stage import ARN, AWS, ERP, FILES, NIGHTLY, TOPIC, WEBHOOK_SECRET, rules_with

CANARY = "hunter2-hunter2-hunter2"
SNS: dict[str, Any] = {"kind": "sns", "arn": ARN}
PUBSUB: dict[str, Any] = {"kind": "pubsub", "topic": TOPIC}
SINK: dict[str, Any] = {"kind": "cloudevents", "url": "https://sink.example.com/in"}
URN = "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:ops"

ACCEPTED = {
    "sns": SNS,
    "sns elsewhere": {"kind": "sns", "arn": "arn:aws-cn:sns:cn-north-1:123456789012:Ops_1-a"},
    "pubsub": PUBSUB,
    "pubsub of a domain": {"kind": "pubsub", "topic": "projects/example.com:backup-1/topics/Ops.a_b~c+d"},
    "sink": SINK | {"secret": "env:WEBHOOK", "mode": "binary", "outcomes": ["failed"], "rules": ["*"], "vaults": ["erp", FILES]},
    "K_SINK": {"kind": "cloudevents", "sink": "K_SINK"},
    "bare host": {"kind": "cloudevents", "url": "https://sink.example.com"},
}


@pytest.mark.parametrize("topic", ACCEPTED.values(), ids=ACCEPTED)
def test_every_key_of_every_kind_is_accepted(topic: dict[str, Any]) -> None:
    environ = AWS | {"WEBHOOK": WEBHOOK_SECRET, "K_SINK": "https://broker.example.com/x"}
    assert find_topics(rules_with({"ops": topic}), environ)["ops"].url.startswith("https://")


MISTAKES: dict[str, tuple[dict[str, Any], str, str]] = {
    "sns without arn": ({"kind": "sns"}, "arn", 'is required: the topic that kind = "sns" publishes to'),
    "pubsub without topic": ({"kind": "pubsub"}, "topic", 'is required: the topic that kind = "pubsub" publishes to'),
    "smn without urn": ({"kind": "smn"}, "urn", 'is required: the topic that kind = "smn" publishes to'),
    "nowhere": ({"kind": "cloudevents"}, "url", 'is required, or sink = "K_SINK"'),
    "twice": (SINK | {"sink": "K_SINK"}, "sink", "stands in place of url"),
    "another variable": ({"kind": "cloudevents", "sink": CANARY}, "sink", "'K_SINK'"),
    "arn of smn": ({"kind": "smn", "urn": URN, "arn": ARN}, "arn", 'goes with kind = "sns" only'),
    "urn of sns": (SNS | {"urn": URN}, "urn", 'goes with kind = "smn" only'),
    "project of sns": (SNS | {"project": "prod"}, "project", 'goes with kind = "smn" only'),
    "secret of sns": (SNS | {"secret": "env:X"}, "secret", 'goes with kind = "cloudevents" only'),
    "mode of pubsub": (PUBSUB | {"mode": "binary"}, "mode", 'goes with kind = "cloudevents" only'),
    "url of log": ({"kind": "log", "url": "https://x.example"}, "url", 'goes with kind = "cloudevents" only'),
    "another service's arn": (SNS | {"arn": f"arn:aws:sqs:eu-central-1:123456789012:{CANARY}"}, "arn", "arn:aws:sns:<region>"),
    "an arn and more": (SNS | {"arn": f"{ARN}/x"}, "arn", "arn:aws:sns:<region>"),
    "fifo": (SNS | {"arn": f"{ARN}.fifo"}, "arn", "is a FIFO topic, which reaches queues only"),
    "bare topic": (PUBSUB | {"topic": CANARY}, "topic", "projects/<project>/topics/<topic>"),
    "a path in it": (PUBSUB | {"topic": "projects/backup-1/topics/../x"}, "topic", "projects/<project>/topics/<topic>"),
    "google's own": (PUBSUB | {"topic": "projects/backup-1/topics/google-x"}, "topic", "projects/<project>/topics/<topic>"),
    "no url": (SINK | {"url": CANARY}, "url", "https://host/path, without user"),
    "user": (SINK | {"url": f"https://u:{CANARY}@sink.example.com/"}, "url", "without user"),
    "query": (SINK | {"url": f"https://sink.example.com/?key={CANARY}"}, "url", "without user, query"),
    "the secret itself": (SINK | {"secret": CANARY}, "secret", 'must say where the secret is: "env:NAME"'),
    "another mode": (SINK | {"mode": "batched"}, "mode", "'binary' or 'structured'"),
    "no rule": (SNS | {"rules": []}, "rules", "must not be empty"),
    "unknown rule": (SNS | {"rules": ["nightly-epr"]}, "rules[0]", "none of the rules; did you mean 'nightly-erp'?"),
    "a glob for nothing": (SNS | {"rules": ["*", "erp-*"]}, "rules[1]", "none of the rules"),
    "unknown vault": (SNS | {"vaults": ["erb"]}, "vaults[0]", "none of the vaults; did you mean 'erp'?"),
    "null": (SNS | {"mode": None}, "mode", "must not be null"),
    "key of nobody": (SINK | {"urll": CANARY}, "urll", "did you mean 'url'"),
}


@pytest.mark.parametrize(("topic", "key", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_table_is_named(topic: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        rules_with({"ops": topic})
    where, sentence = fault(caught.value)
    assert where == f"topics.ops.{key}".rstrip(".")
    assert says in sentence
    assert CANARY not in f"{where} {sentence}"


def test_where_vaults_are_found_by_tags_their_names_are_not_known_beforehand() -> None:
    tagged = [{"name": "tagged", "timer": "nightly", "vault_tags": {"backup": "yes"}}]
    rules_with({"ops": SNS | {"vaults": ["anything"]}}, rules=tagged)
    with pytest.raises(ValidationError):
        rules_with({"ops": SNS | {"rules": ["anything"]}}, rules=tagged)


def test_only_topics_of_smn_are_of_a_project() -> None:
    two = {"projects": {"a": {}, "b": {}}, "vaults": {"erp": {"id": ERP, "project": "a"}}}
    one = [{"name": "nightly-erp", "timer": "nightly", "vaults": ["erp"]}]
    rules_with({"ops": SNS, "here": {"kind": "log"}, "there": PUBSUB, "sink": SINK}, rules=one, **two)
    with pytest.raises(ValidationError, match="more than one"):
        rules_with({"ops": {"kind": "smn", "urn": URN}}, rules=one, **two)
    assert NIGHTLY


# --- the environment ------------------------------------------------------------------------------------------------------

SHORT = "whsec_" + base64.b64encode(b"x" * 23).decode()
ENVIRONMENTS: dict[str, tuple[dict[str, Any], dict[str, str], str, str]] = {
    "no keys": (SNS, {}, "AWS_ACCESS_KEY_ID", "is not set"),
    "sns in plain http": (SNS, AWS | {"RESTORE_POINT_SNS_ENDPOINT": "http://sns.example"}, "RESTORE_POINT_SNS_ENDPOINT", "https"),
    "sink in plain http": (SINK | {"url": "http://sink.example/"}, {}, "topics.ops.url", "https://"),
    "sink at an address": (SINK | {"url": "https://10.0.0.7/"}, {}, "topics.ops.url", "must name its host"),
    "the metadata server": (SINK | {"url": "http://metadata.google.internal/x"}, {}, "topics.ops.url", "https://"),
    "nearly a cluster": (SINK | {"url": "http://a.b.svc.example.com/"}, {}, "topics.ops.url", "https://"),
    "no K_SINK": ({"kind": "cloudevents", "sink": "K_SINK"}, {}, "K_SINK", "is not set"),
    "K_SINK in plain http": ({"kind": "cloudevents", "sink": "K_SINK"}, {"K_SINK": "http://sink.example"}, "K_SINK", "https://"),
    "K_SINK with a user": ({"kind": "cloudevents", "sink": "K_SINK"}, {"K_SINK": f"https://{CANARY}@x.io"}, "K_SINK", "user"),
    "no secret": (SINK | {"secret": "env:WEBHOOK"}, {}, "topics.ops.secret", "WEBHOOK is not set"),
    "no file": (SINK | {"secret": "file:/no/such"}, {}, "topics.ops.secret", "/no/such is not set or cannot be read"),
    "short": (SINK | {"secret": "env:WEBHOOK"}, {"WEBHOOK": SHORT}, "topics.ops.secret", "base64 of at least 24 bytes"),
    "no base64": (SINK | {"secret": "env:WEBHOOK"}, {"WEBHOOK": f"{CANARY}!?!?"}, "topics.ops.secret", "must hold base64"),
    "short text": (SINK | {"secret": "env:WEBHOOK"}, {"WEBHOOK": "x"}, "topics.ops.secret", "at least 24 printable"),
    "emulator elsewhere": (PUBSUB, {"PUBSUB_EMULATOR_HOST": "pubsub.example:8085"}, "PUBSUB_EMULATOR_HOST", "https://"),
    "emulator's path": (PUBSUB, {"PUBSUB_EMULATOR_HOST": f"localhost:8085/{CANARY}"}, "PUBSUB_EMULATOR_HOST", "without path"),
    "tokens from elsewhere": (PUBSUB, {"GCE_METADATA_HOST": "tokens.example"}, "GCE_METADATA_HOST", "https://"),
    "tokens of the cluster": (PUBSUB, {"GCE_METADATA_HOST": "tokens.a.svc"}, "GCE_METADATA_HOST", "https://"),
    "pubsub in plain http": (
        PUBSUB, {"RESTORE_POINT_PUBSUB_ENDPOINT": "http://a.b.svc"}, "RESTORE_POINT_PUBSUB_ENDPOINT", "https://",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("topic", "environ", "setting", "says"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_a_start_refuses_what_every_message_would_fail_for(
    topic: dict[str, Any], environ: dict[str, str], setting: str, says: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        find_topics(rules_with({"ops": topic}), environ)
    assert caught.value.setting == setting
    assert says in caught.value.message
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "url", "tokens"),
    [
        ({}, "https://pubsub.googleapis.com/v1/", "http://metadata.google.internal"),
        ({"GCE_METADATA_HOST": "metadata.google.internal"}, "https://pubsub.googleapis.com/v1/", "http://metadata.google.internal"),
        ({"GCE_METADATA_HOST": "169.254.169.254"}, "https://pubsub.googleapis.com/v1/", "http://metadata.google.internal"),
        ({"GCE_METADATA_HOST": "127.0.0.1:1"}, "https://pubsub.googleapis.com/v1/", "http://127.0.0.1:1"),
        ({"RESTORE_POINT_PUBSUB_ENDPOINT": "https://eu-pubsub.example"}, "https://eu-pubsub.example/v1/", "http://metadata.google.internal"),
        ({"PUBSUB_EMULATOR_HOST": "localhost:8085"}, "http://localhost:8085/v1/", ""),
        ({"PUBSUB_EMULATOR_HOST": "pubsub.test.svc:8085"}, "http://pubsub.test.svc:8085/v1/", ""),
    ],
)  # fmt: skip
def test_where_pubsub_and_its_token_are(environ: dict[str, str], url: str, tokens: str) -> None:
    found = find_topics(rules_with({"ops": PUBSUB}), environ)["ops"]
    assert (found.url, found.tokens) == (f"{url}{TOPIC}:publish", tokens)


def test_sns_is_asked_in_the_topics_region() -> None:
    assert find_topics(rules_with({"ops": SNS}), AWS | {"AWS_REGION": "us-east-1"})["ops"].url == (
        "https://sns.eu-central-1.amazonaws.com/"
    )


@pytest.fixture
def world(tmp_path: Path) -> Any:
    with world_in(tmp_path) as made:
        yield made


def test_a_clock_that_is_wrong_on_purpose_meets_no_real_topic(world: World) -> None:
    now = {"RESTORE_POINT_NOW": "2026-03-02T10:15:00Z"}
    world.write_rules(topics='[topics.ops]\nkind = "cloudevents"\nurl = "https://sink.example.com/"\n')
    with pytest.raises(Misconfigured, match="RESTORE_POINT_NOW"):
        load(world.environ(**now))
    world.write_rules(topics='[topics.ops]\nkind = "cloudevents"\nurl = "http://127.0.0.1:1/"\n')
    assert load(world.environ(**now)).topics["ops"].on_this_machine


def test_no_value_stands_in_what_settings_print(world: World) -> None:
    world.write_rules(topics='[topics.ops]\nkind = "cloudevents"\nurl = "https://x.example/"\nsecret = "env:WEBHOOK"\n')
    settings = load(world.environ(WEBHOOK=WEBHOOK_SECRET))
    assert WEBHOOK_SECRET not in repr(settings)
    assert settings.topics["ops"].key is not None
