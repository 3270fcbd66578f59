"""SNS: what its subscribers get, from an emulator, and the request to the letter, as the official client makes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest

from handlers.errors import NotTold
from handlers.message import Message
from handlers.topics.sns import LARGEST, publication
from tests.sockets import Server, always, reply
from tests.topics.servers import Ministack, form_of
from tests.topics.stage import ARN, AWS, AWS_TOKEN, created, document_of, failed, large, opened, sns, soon

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = json.loads((Path(__file__).parents[1] / "recordings" / "botocore-sns-publish.json").read_text(encoding="utf-8"))
TAKEN = b"<PublishResponse><PublishResult><MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult>"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Ministack]:
    made = Ministack()
    try:
        made.start()
        yield made
    finally:
        made.stop()


def text_of(xml: str, tag: str) -> str:
    return next(each.text or "" for each in ET.fromstring(xml).iter() if each.tag.rpartition("}")[2] == tag)


class Subscribed:
    """A topic with one queue of its own; ``policy`` is its filter."""

    def __init__(self, cloud: Ministack, name: str, policy: dict[str, Any] | None = None) -> None:
        self.cloud = cloud
        self.arn = text_of(cloud.ask("sns", Action="CreateTopic", Name=name), "TopicArn")
        self.queue = text_of(cloud.ask("sqs", Action="CreateQueue", QueueName=name, Version="2012-11-05"), "QueueUrl")
        place = f"arn:aws:sqs:eu-central-1:{self.arn.split(':')[4]}:{name}"
        given = {"Attributes.entry.1.key": "FilterPolicy", "Attributes.entry.1.value": json.dumps(policy)} if policy else {}
        cloud.ask("sns", Action="Subscribe", TopicArn=self.arn, Protocol="sqs", Endpoint=place, **given)

    def send(self, *messages: Message) -> None:
        topic, environ = sns(self.cloud.origin)
        with opened({"ops": topic | {"arn": self.arn}}, environ) as topics:
            for each in messages:
                topics["ops"].send(each, soon(20))

    def got(self) -> list[dict[str, Any]]:
        """The notifications that wait in the queue."""
        xml = self.cloud.ask("sqs", Action="ReceiveMessage", QueueUrl=self.queue, MaxNumberOfMessages="10", Version="2012-11-05")
        return [json.loads(each.text or "") for each in ET.fromstring(xml).iter() if each.tag.rpartition("}")[2] == "Body"]


def test_a_queue_gets_the_document_and_what_filters_go_by(cloud: Ministack) -> None:
    subscribed, message = Subscribed(cloud, "programs"), failed()
    subscribed.send(message)
    (notification,) = subscribed.got()
    assert document_of(notification["Message"]) == message.document
    assert notification["Subject"] == message.subject
    assert message.subject.startswith("Restore point FAILED: vault erp")
    assert notification["MessageAttributes"] == {
        name: {"Type": "String", "Value": value}
        for name, value in {
            "outcome": "failed", "rule": "nightly-erp", "vault": "erp", "trigger": "timer", "sender": "nightly",
        }.items()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "passes"),
    [
        ({"outcome": ["failed"]}, ["failed"]),
        ({"outcome": [{"anything-but": "failed"}]}, ["created"]),
        ({"rule": [{"prefix": "nightly-"}], "vault": ["erp"]}, ["failed"]),
        ({"vault": ["files", "erp"], "trigger": ["timer"]}, ["failed", "created"]),
        ({"sender": [{"exists": False}]}, ["created"]),
    ],
    ids=["outcome", "not", "rule", "vault", "absent"],
)
def test_a_subscription_hears_what_its_filter_policy_lets_through(
    cloud: Ministack, request: pytest.FixtureRequest, policy: dict[str, Any], passes: list[str]
) -> None:
    subscribed = Subscribed(cloud, f"filter-{request.node.callspec.id.replace('[', '-').strip(']')}", policy)
    subscribed.send(failed(), created())
    assert sorted(document_of(each["Message"])["outcome"] for each in subscribed.got()) == sorted(passes)


@pytest.mark.parametrize("name", ["server", 'q"\\' * 80, "ü𝄞" * 100])
def test_a_message_about_256_resources_is_taken(cloud: Ministack, name: str) -> None:
    subscribed, message = Subscribed(cloud, f"large-{len(name)}"), large(name)
    assert len(json.dumps(message.document)) * 6 > LARGEST
    subscribed.send(message)
    (notification,) = subscribed.got()
    document = document_of(notification["Message"])
    assert (document["shortened"], document["outcome"], document["vault"]) == (True, "available", "erp")
    assert document["resources"]


def test_a_topic_that_is_not_there_is_named_with_what_to_do(cloud: Ministack) -> None:
    topic, environ = sns(cloud.origin)
    with opened({"ops": topic | {"arn": f"{ARN}-gone"}}, environ) as topics, pytest.raises(NotTold) as caught:
        topics["ops"].send(failed(), soon(20))
    assert f"{ARN}-gone" in str(caught.value)
    assert "404 NotFound" in str(caught.value)
    assert "See whether its arn names the topic, its account and its region" in str(caught.value)


# --- the request ------------------------------------------------------------------------------------------------------


class At:
    """A clock for what is signed; time goes on for deadlines."""

    def __init__(self, moment: datetime) -> None:
        self.moment, self._passed = moment, 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        self._passed += seconds


@pytest.mark.parametrize("recorded", RECORDED["requests"], ids=["keys", "temporary"])
def test_the_request_is_the_official_clients_to_the_letter(recorded: dict[str, Any]) -> None:
    """But for the message itself: the recording's takes its place in what is encoded and signed."""
    given, sent = recorded["parameters"], recorded["request"]
    about = {name: each["StringValue"] for name, each in given["MessageAttributes"].items()}
    ours = publication(Message(about["outcome"], given["Subject"], "text", about), given["TopicArn"])
    assert urlencode(ours | {"Message": given["Message"]}) == sent["body"]

    from handlers.settings.aws import find_aws
    from handlers.topics.sns import _signed

    keys = {"AWS_ACCESS_KEY_ID": recorded["access_key"], "AWS_SECRET_ACCESS_KEY": recorded["secret_key"]}
    aws = find_aws({**keys, "AWS_SESSION_TOKEN": recorded["security_token"]}, "sns", "eu-central-1")
    at = datetime.strptime(sent["headers"]["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    headers, _ = _signed(aws, f"{aws.origin}/", sent["body"].encode(), At(at))
    wanted = {name.lower(): value for name, value in sent["headers"].items() if name.lower() != "host"}
    assert {name.lower(): value for name, value in headers.items()} == wanted
    assert f"{aws.origin}/" == sent["url"]


def test_people_get_the_text_and_programs_the_document() -> None:
    message = failed()
    structure = json.loads(publication(message, ARN)["Message"])
    assert structure["default"] == message.text
    assert structure["sms"] == message.subject
    for protocol in ("http", "https", "email-json", "sqs", "lambda", "firehose"):
        assert json.loads(structure[protocol]) == message.document


@pytest.mark.parametrize("vault", ["", "v" * 600, "ü" * 600, "a\r\nBcc: x", "\ud800", "\x00\x1b", " "])
def test_subject_and_attributes_are_always_such_as_sns_takes(vault: str) -> None:
    with Server(always(reply(body=TAKEN))) as server:
        topic, environ = sns(server.origin)
        with opened({"ops": topic}, environ) as topics:
            topics["ops"].send(failed(vault=vault), soon())
    form = form_of(server.asked[0].body)
    assert 0 < len(form["Subject"]) < 100
    assert form["Subject"].isascii()
    assert form["Subject"].isprintable()
    values = {form[name.replace(".Value.DataType", ".Name")]: form[name.replace("DataType", "StringValue")]
              for name in form if name.endswith(".DataType")}  # fmt: skip
    assert all(0 < len(value) <= 256 and value.isprintable() for value in values.values())
    assert set(values) == {"outcome", "rule", "trigger", "sender", *(["vault"] if vault else [])}
    assert server.asked[0].headers["x-amz-security-token"] == AWS_TOKEN


def test_a_message_whose_every_word_is_long_ends_as_its_text_alone() -> None:
    long = Message("failed", "subject", "text", {"message": "x" * 100_000})
    form = publication(long, ARN)
    assert json.loads(form["Message"]) == {"default": long.text}


def test_keys_that_the_platform_replaces_are_read_anew_and_their_loss_is_told() -> None:
    environ = dict(AWS)
    with Server(always(reply(body=TAKEN))) as server:
        environ["RESTORE_POINT_SNS_ENDPOINT"] = server.origin
        with opened({"ops": {"kind": "sns", "arn": ARN}}, environ) as topics:
            topics["ops"].send(failed(), soon())
            environ["AWS_ACCESS_KEY_ID"] = "AKIDANOTHER"
            topics["ops"].send(failed(), soon())
            del environ["AWS_SECRET_ACCESS_KEY"]
            with pytest.raises(NotTold, match="AWS_SECRET_ACCESS_KEY"):
                topics["ops"].send(failed(), soon())
    assert ["AKIDEXAMPLE/" in each.headers["authorization"] for each in server.asked] == [True, False]
