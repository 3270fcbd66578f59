"""Confirm a subscription of SNS or SMN: what no function ever does by itself.

FILE is the message that asks for it, as it was posted, or its link alone. The topic must be one of a sender's ``sources``, the
link must lead to the service's own place for that, and a message that is signed must be signed rightly.
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
    parser.add_argument(
        "what", metavar="FILE|LINK", help="the message that asks for it (- for standard input), or the link in it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check whose it is and where it leads, then open the link once."""
    settings = load(rules_file=arguments.rules)
    topic, link = _asked(arguments.what)
    _check(topic, link, settings.rules)
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(link))
    clock = SystemClock(None)
    wire = Wire([origin], clock)
    try:
        reply = wire.request("GET", link, headers={"Accept": "*/*"}, deadline=Deadline.after(clock, CALL_SECONDS))
    finally:
        wire.close()
    done = 200 <= reply.status < 300
    said = (
        f"{topic}: {'confirmed' if done else f'the service answered {reply.status}; a link is good for 48 hours (SMN) or 3 days'}"
    )
    print_json({"topic": topic, "confirmed": done, "status": reply.status}) if arguments.json else print(said)
    return DONE if done else FAILED


def _asked(what: str) -> tuple[str, str]:
    """Topic and link. Raises Refusal, Misconfigured."""
    if re.match(r"https?://", what):
        query = parse_qs(urlsplit(what).query)
        topics = query.get("TopicArn") or query.get("topic_urn") or [""]
        return topics[0], what
    document: Any = parse_json(read_file(what), f"message in {what}")
    (carried,) = unwrapped(document)[:1]
    if not isinstance(carried.document, Confirmation):
        raise Refusal("malformed", f"the message in {what} asks for no subscription to be confirmed", field="Type")
    return carried.document.topic, carried.document.url


def _check(topic: str, link: str, rules: Rules) -> None:
    """Raises Misconfigured where it is nobody's, or leads elsewhere."""
    if not is_confirming(link):
        raise Misconfigured("link", "leads to neither SNS's nor SMN's place for confirming: it is not opened")
    if not any(topic in sender.sources for sender in rules.senders.values()):
        raise Misconfigured("topic", f"{topic or 'none'} is in no sender's sources: list it there first")
