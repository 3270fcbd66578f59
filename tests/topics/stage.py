"""A topic of each kind as the settings open it, and a message for it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from handlers.clock import SystemClock
from handlers.message import Message, compose
from handlers.outcome import Available, Created, Failed, Outcome
from handlers.rules import Rules
from handlers.settings import Settings
from handlers.settings.topics import find_topics
from handlers.topics import Reach, Topic, open_topics
from handlers.vault_backup import CheckpointResource, SkippedResource
from handlers.wire import Clock, Deadline
from tests.sockets import Peer, Script, reply

if TYPE_CHECKING:
    from collections.abc import Iterator

ARN = "arn:aws:sns:eu-central-1:123456789012:restore-points"
TOPIC = "projects/backup-1/topics/restore-points"
AWS_SECRET, AWS_TOKEN = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaDGV1+EXAMPLE=="
AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": AWS_SECRET, "AWS_SESSION_TOKEN": AWS_TOKEN}
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
GOOGLE_TOKEN = "ya29.not-a-token-but-as-long-as-some-are"
KNOWN = {
    "sns": (AWS_SECRET, AWS_TOKEN, "AKIDEXAMPLE"),
    "pubsub": (GOOGLE_TOKEN,),
    "cloudevents": (WEBHOOK_SECRET, WEBHOOK_SECRET.removeprefix("whsec_")),
}
"""What whoever answers may know of us, and repeat."""
SECRETS = [secret for secrets in KNOWN.values() for secret in secrets]
NAMED = {"sns": f"SNS ({ARN})", "pubsub": f"Pub/Sub ({TOPIC})", "cloudevents": "The sink at 127.0.0.1:"}

ERP = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
FILES = "a4d1c7e2-58b3-4f06-9c2d-71e8b50f3a96"
NIGHTLY = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"


def rules_with(topics: Mapping[str, Mapping[str, Any]], **more: Any) -> Rules:
    """Two vaults, each with a rule of its own, and these topics."""
    document: dict[str, Any] = {
        "vaults": {"erp": {"id": ERP}, "files": {"id": FILES}},
        "timers": {"nightly": {"source": NIGHTLY}, "weekly": {"source": f"{NIGHTLY}-weekly"}},
        "rules": [
            {"name": "nightly-erp", "timer": "nightly", "vaults": ["erp"]},
            {"name": "weekly-files", "timer": "weekly", "vaults": ["files"]},
        ],
        "topics": topics,
    }
    return Rules.model_validate(document | more)


@contextmanager
def opened(
    topics: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str], clock: Clock | None = None, network: Any = None
) -> Iterator[dict[str, Topic]]:
    """Topics by name, as a service opens them."""
    rules, reach = rules_with(topics), Reach(clock or SystemClock(), network=network)
    settings = Settings(rules, "", {}, {}, "memory", topics=find_topics(rules, environ))
    try:
        yield {each.name: each for each in open_topics(settings, {}, reach, lambda _: None)}
    finally:
        reach.close()


def sns(endpoint: str) -> tuple[dict[str, Any], dict[str, str]]:
    return {"kind": "sns", "arn": ARN}, {**AWS, "RESTORE_POINT_SNS_ENDPOINT": endpoint}


def pubsub(endpoint: str) -> tuple[dict[str, Any], dict[str, str]]:
    return {"kind": "pubsub", "topic": TOPIC}, {"PUBSUB_EMULATOR_HOST": endpoint.removeprefix("http://")}


def webhook(endpoint: str) -> tuple[dict[str, Any], dict[str, str]]:
    return {"kind": "cloudevents", "url": f"{endpoint}/in", "secret": "env:WEBHOOK"}, {"WEBHOOK": WEBHOOK_SECRET}


KINDS: dict[str, Callable[[str], tuple[dict[str, Any], dict[str, str]]]] = {"sns": sns, "pubsub": pubsub, "cloudevents": webhook}


def failed(**more: Any) -> Message:
    """What everybody should hear of."""
    about = {"vault": "erp", "vault_id": ERP, "rule": "nightly-erp", "trigger": "timer", "sender": "nightly"}
    return compose(Failed(**{"reason": "vault_full", "message": "Vault erp is full: enlarge it.", **about, **more}))


def created() -> Message:
    return compose(Created(reason="created", message="It began.", vault="files", rule="weekly-files", trigger="timer"))


def large(name: str) -> Message:
    """256 resources are the most a vault holds."""
    resource: dict[str, Any] = {"type": "OS::Nova::Server", "protect_status": "available", "resource_size": 40, "backup_size": 1}
    resources = tuple(CheckpointResource(id=f"{number:036}", name=name, **resource) for number in range(256))
    skipped = tuple(
        SkippedResource(id=f"{n:036}", type="t", name=name, code="BackupService.6125", reason=name) for n in range(256)
    )
    outcome: Outcome = Available(reason="complete", message="m", vault="erp", resources=resources, skipped_resources=skipped)
    return compose(outcome)


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(SystemClock(), seconds)


def is_a_sentence(text: str) -> bool:
    """One line for a log or a mailbox."""
    return text.isprintable() and text.isascii() and text.endswith(".") and len(text) < 700


def document_of(text: str | bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    assert found["schema"] == "restore-point/1"
    return found


def resets(peer: Peer) -> None:
    peer.request()
    peer.reset()


def echoes(status: int) -> Script:
    """Repeats in its answer what it was sent, as services do that explain a signature."""

    def script(peer: Peer) -> None:
        while asked := peer.request():
            head = " ".join(f"{name}:{value}" for name, value in asked.headers.items())
            document = {"error": {"status": "ECHO", "message": head}}
            xml = f"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>{head}</Message></Error></ErrorResponse>"
            wanted = xml if b"Action=Publish" in asked.body else json.dumps(document)
            peer.send(reply(status, wanted.encode(), reason="No"))

    return script
