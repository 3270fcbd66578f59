"""Confirm a subscription of SNS or SMN: what no function ever does by itself.

FILE is the message that asks for it, as it was posted, or its link alone. The topic the link names must be one of a sender's
``sources``, and the link must lead to the service's own place for that.
"""

from __future__ import annotations

import argparse
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from handlers.carriers.unwrapping import Confirmation, is_confirming, unwrapped
from handlers.cli import DONE, FAILED, print_json
from handlers.cli.plan import read_file
from handlers.clock import SystemClock
from handlers.envelope import parse_json
from handlers.errors import Misconfigured, Refusal
from handlers.rules import Rules
from handlers.settings import load
from handlers.wire import Deadline, Wire

CALL_SECONDS = 15.0


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``confirm``."""
    parser.add_argument("what", metavar="FILE|LINK", help="the message that asks for it (- for standard input), or its link")


def run(arguments: argparse.Namespace) -> int:
    """Check whose it is and where it leads, then open the link once."""
    settings = load(rules_file=arguments.rules)
    topic, link = asked(arguments.what)
    check(topic, link, settings.rules)
    clock = SystemClock(None)
    wire = Wire(["{0.scheme}://{0.netloc}".format(urlsplit(link))], clock, ca_file=settings.ca_file)
    try:
        status = opened(wire, link, Deadline.after(clock, CALL_SECONDS))
    finally:
        wire.close()
    done = 200 <= status < 300
    if arguments.json:
        print_json({"topic": topic, "confirmed": done, "status": status})
    else:
        print(f"{topic}: {'confirmed' if done else f'the service answered {status}; such a link is good for two or three days'}")
    return DONE if done else FAILED


def opened(wire: Wire, link: str, deadline: Deadline) -> int:
    """The status of the one GET. Raises CallFailed."""
    return wire.request("GET", link, headers={"Accept": "*/*"}, deadline=deadline).status


def asked(what: str) -> tuple[str, str]:
    """Topic and link. Raises Refusal, Misconfigured."""
    if re.match(r"https?://", what):
        return topic_of(what), what
    document: Any = parse_json(read_file(what), f"message in {what}")
    (carried,) = unwrapped(document)[:1]
    # A link for taking a subscription back would be followed by none, or, at SNS, by the subscription again.
    if not isinstance(carried.document, Confirmation) or carried.document.kind != "SubscriptionConfirmation":
        raise Refusal("malformed", f"the message in {what} asks for no subscription to be confirmed", field="Type")
    link = carried.document.url
    if link and topic_of(link) != carried.document.topic:
        raise Refusal("malformed", "SubscribeURL: is another topic's than the message's", field="SubscribeURL")
    return carried.document.topic, link


def topic_of(link: str) -> str:
    """The topic a link confirms; nothing where it names several, of which the service might take another than we do."""
    query = parse_qs(urlsplit(link).query)
    named = [topic for key, topics in query.items() if key.lower() in ("topicarn", "topic_urn") for topic in topics]
    return named[0] if len(named) == 1 else ""


def check(topic: str, link: str, rules: Rules) -> None:
    """Raises Misconfigured where it is nobody's, or leads elsewhere."""
    if not is_confirming(link):
        raise Misconfigured("link", "leads to neither SNS's nor SMN's place for confirming: it is not opened")
    parts = urlsplit(link)
    if topic.startswith("arn:") and not parts.netloc.startswith(f"sns.{topic.split(':')[3]}."):
        raise Misconfigured("link", "leads to another region's SNS than the topic's: it is not opened")
    of_sns = parse_qs(parts.query).get("Action") == ["ConfirmSubscription"]
    if not (of_sns if topic.startswith("arn:") else parts.path == "/smn/subscription/confirm"):
        raise Misconfigured("link", "asks the service for something else than to confirm a subscription: it is not opened")
    if not any(topic in sender.sources for sender in rules.senders.values()):
        raise Misconfigured("topic", f"{topic or 'none'} is in no sender's sources: list it there first")
