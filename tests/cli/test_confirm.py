"""``restore-point confirm``: a person's one look at a link, after all the refusals a message could need."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from handlers.cli.confirm import asked, check, opened
from handlers.clock import SystemClock
from handlers.errors import Misconfigured, Refusal
from handlers.rules import Rules
from handlers.sandbox import estate
from handlers.wire import Deadline, Wire
from tests.cli.terminal import RULES, Inside, Terminal

ARN = "arn:aws:sns:eu-central-1:123456789012:alarms"
URN = f"urn:smn:eu-de:{estate.PROJECT_ID}:alarms"
SNS = "https://sns.eu-central-1.amazonaws.com"
SMN = "https://console.otc.t-systems.com"
LINK = f"{SNS}/?Action=ConfirmSubscription&TopicArn={ARN}&Token=t"
SMN_LINK = f"{SMN}/smn/subscription/confirm?token=t&topic_urn={URN}"
SENDERS = f"""
[senders.mon]
dialect = "simple"
proof = "sns"
sources = ["{ARN}"]
[senders.aom]
dialect = "simple"
proof = "smn"
sources = ["{URN}"]
"""
LISTED = Rules.model_validate(
    {
        "senders": {
            "mon": {"dialect": "simple", "proof": "sns", "sources": [ARN]},
            "aom": {"dialect": "simple", "proof": "smn", "sources": [URN]},
        }
    }
)


class Fake:
    """A network that keeps what it was asked, and answers."""

    users, retired = 0, False

    def __init__(self, status: int = 200) -> None:
        self.status, self.asked = status, list[tuple[str, str, bytes]]()

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        self.asked.append((method, url, body))
        return self.status, (), b""

    def close(self) -> None:
        pass


def confirmed(what: str, network: Fake, rules: Rules = LISTED) -> int:
    """As ``run`` goes about it, over this network."""
    topic, link = asked(what)
    check(topic, link, rules)
    clock = SystemClock(None)
    origin = "/".join(link.split("/")[:3])
    wire = Wire([origin], clock, network=lambda _: network)
    return opened(wire, link, Deadline.after(clock, 5))


def message(link: str, topic: str = ARN, kind: str = "SubscriptionConfirmation") -> dict[str, str]:
    return {"Type": kind, "TopicArn": topic, "Message": "You have chosen", "SubscribeURL": link, "Token": "t"}


def smn(link: str, topic: str = URN) -> dict[str, str]:
    return {"type": "SubscriptionConfirmation", "topic_urn": topic, "message": "You are invited", "subscribe_url": link}


@pytest.mark.parametrize("link", [LINK, SMN_LINK], ids=["sns", "smn"])
def test_only_the_link_of_a_listed_topic_at_the_services_own_host_is_opened(tmp_path: Path, link: str) -> None:
    network, file = Fake(), tmp_path / "message.json"
    file.write_text(json.dumps(message(link) if link == LINK else smn(link)))
    for what in (link, str(file)):
        assert confirmed(what, network) == 200
    assert network.asked == [("GET", link, b"")] * 2


def test_what_the_service_answers_is_said() -> None:
    network = Fake(403)
    assert confirmed(LINK, network) == 403
    assert len(network.asked) == 1


ELSEWHERE = {
    "another host": LINK.replace(SNS, "https://evil.example"),
    "our host as a user": LINK.replace(SNS, "https://sns.eu-central-1.amazonaws.com@evil.example"),
    "our host as a part": LINK.replace(SNS, "https://sns.eu-central-1.amazonaws.com.evil.example"),
    "a user at our host": LINK.replace(SNS, "https://evil@sns.eu-central-1.amazonaws.com"),
    "another port": LINK.replace(SNS, f"{SNS}:8443"),
    "http": LINK.replace("https://", "http://"),
    "another service": LINK.replace("//sns.", "//sqs."),
    "metadata": f"http://169.254.169.254/?Action=ConfirmSubscription&TopicArn={ARN}",
    "another action": LINK.replace("ConfirmSubscription", "Unsubscribe"),
    "two actions": f"{LINK}&Action=Unsubscribe",
    "no action": LINK.replace("Action=ConfirmSubscription&", ""),
    "another topic": LINK.replace("alarms", "alarms2"),
    "another account's": LINK.replace("123456789012", "210987654321"),
    "no topic": LINK.replace("TopicArn", "Topic"),
    "two topics": f"{LINK}&TopicArn={ARN}2",
    "two topics, ours last": LINK.replace("TopicArn=", f"TopicArn={ARN}2&TopicArn="),
    "a topic of SMN beside ours": f"{SMN_LINK.replace('alarms', 'other')}&TopicArn={ARN}",
    "a topic in other letters": f"{SMN_LINK}&TOPIC_URN={URN}2",
    "another region's": LINK.replace("//sns.eu-central-1", "//sns.us-east-1"),
    "SMN's to unsubscribe": SMN_LINK.replace("subscription/confirm", "subscription/unsubscribe"),
    "another path of SMN's console": SMN_LINK.replace("smn/subscription/confirm", "smn/"),
    "SNS's action at SMN": SMN_LINK.replace("smn/subscription/confirm?", "smn/?Action=ConfirmSubscription&"),
    "a path of the service's API": f"{SMN}.evil.example/?topic_urn={URN}",
}


@pytest.mark.parametrize("link", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_any_other_link_is_not_opened(tmp_path: Path, link: str) -> None:
    network, file = Fake(), tmp_path / "message.json"
    file.write_text(json.dumps(message(link)))
    for what in (link, str(file)):
        with pytest.raises((Misconfigured, Refusal)):
            confirmed(what, network)
    assert network.asked == []


WRONG: dict[str, object] = {
    "a notification": message(LINK, kind="Notification"),
    "one that takes it back": message(LINK, kind="UnsubscribeConfirmation"),
    "another topic than its link's": message(LINK, topic=ARN + "2"),
    "no link": {key: value for key, value in message(LINK).items() if key != "SubscribeURL"},
    "no message": {"a": 1},
    "an alert": {"status": "firing", "labels": {"a": "b"}},
    "text": "text",
    "a list": [],
    "SMN's, of another topic": smn(SMN_LINK, URN + "2"),
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())
def test_any_other_message_opens_nothing(tmp_path: Path, document: object) -> None:
    network, file = Fake(), tmp_path / "message.json"
    file.write_text(json.dumps(document))
    with pytest.raises((Misconfigured, Refusal)):
        confirmed(str(file), network)
    assert network.asked == []


def test_a_topic_of_no_sender() -> None:
    network = Fake()
    with pytest.raises(Misconfigured, match="is in no sender's sources: list it there first"):
        confirmed(LINK, network, Rules())
    assert network.asked == []


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (ELSEWHERE["another host"], "is not opened"),
        (ELSEWHERE["another topic"], "is in no sender's sources"),
        (ELSEWHERE["another action"], "something else than to confirm"),
        ("gone.json", "gone.json"),
    ],
)
def test_the_command_says_why(ruled: Terminal, inside: Inside, what: str, says: str) -> None:
    ruled.write("rules.toml", RULES + SENDERS)
    ran = inside(ruled, "confirm", what)
    assert ran.code == 2
    assert says in ran.err
    assert inside(ruled, "confirm", what, "--json").json["error"]


def test_any_other_message_is_refused_in_a_sentence(ruled: Terminal, inside: Inside) -> None:
    ruled.write("rules.toml", RULES + SENDERS)
    for name, document in WRONG.items():
        ran = inside(ruled, "confirm", ruled.write("message.json", document if not isinstance(document, str) else '"text"'))
        assert ran.code in (1, 2), name
        assert ran.err.startswith("restore-point: ")
