"""SMN: topics, message templates, and the messages published to topics, which are kept.

Limits and codes are those of the SMN API reference. Every answer repeats the request id in its body.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from handlers.sandbox import messages, moments, problems
from handlers.sandbox.exchange import Reply, Request, readable
from handlers.sandbox.ids import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_TOPICS = 3000
MOST_TEMPLATES = 100
KEPT_MESSAGES = 10_000
_LARGEST_BYTES = 64 * 1024 * 1024
ATTRIBUTES = ("access_policy", "introduction")
PROTOCOLS = ("default", "email", "sms", "dms", "http", "https", "functiongraph", "functionstage", "application")
_DISPLAY_NAME_BYTES = 192
_CONTENT_BYTES = 256 * 1024
_URN = re.compile(r"urn:smn:[^:]+:[^:]+:[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Topic:
    """``created_at`` in seconds since 1970."""

    urn: str
    display_name: str
    created_at: float


@dataclass(frozen=True)
class Template:
    """The text for one protocol; several may share a name."""

    id: str
    name: str
    protocol: str
    content: str
    created_at: float


class Topics:
    """One method per route. ``published`` is what subscribers would have got, oldest first: the newest ``keep`` at most."""

    def __init__(self, urns: Iterable[str], *, region: str = "", seed: int = 0, keep: int = KEPT_MESSAGES) -> None:
        self.topics = {urn: Topic(urn, "", 0.0) for urn in urns}
        self.region = region or next((urn.split(":")[2] for urn in self.topics), "")
        self.templates: dict[str, Template] = {}
        self.published: deque[dict[str, Any]] = deque()
        self._keep, self._bytes = keep, 0
        self._seed, self._made = seed, 0

    def create(self, request: Request) -> Reply:
        """201, and 200 for a topic that is there already: creating one is idempotent."""
        given = _given(request)
        name, display_name = given.get("name"), given.get("display_name", "")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise problems.by_code("SMN.0002")
        if not isinstance(display_name, str) or messages.size(display_name) > _DISPLAY_NAME_BYTES:
            raise problems.by_code("SMN.0003")
        urn = f"urn:smn:{self.region}:{request.segments['project_id']}:{name}"
        if urn in self.topics:
            return Reply(200, {"request_id": request.request_id, "topic_urn": urn})
        if len(self.topics) >= MOST_TOPICS:
            raise problems.by_code("SMN.0004")
        self.topics[urn] = Topic(urn, display_name, request.at)
        return Reply(201, {"request_id": request.request_id, "topic_urn": urn})

    def list(self, request: Request) -> Reply:
        """Newest first; ``topic_count`` counts all of them, whatever the page."""
        rows = [_row(topic) | {"enterprise_project_id": "0"} for topic in reversed(self.topics.values())]
        return Reply(200, {"request_id": request.request_id, "topic_count": len(rows), "topics": _page(rows, request)})

    def show(self, request: Request) -> Reply:
        """As in the list, with its times."""
        topic = self._topic(request)
        at = _second(topic.created_at)
        return Reply(200, {"request_id": request.request_id, **_row(topic), "create_time": at, "update_time": at})

    def show_attributes(self, request: Request) -> Reply:
        """Both are empty unless somebody sets them, and here nobody can."""
        self._topic(request)
        names = [value for name, value in request.query if name == "name"] or ATTRIBUTES
        if not set(names) <= set(ATTRIBUTES):
            raise problems.by_code("SMN.0046")
        return Reply(200, {"request_id": request.request_id, "attributes": dict.fromkeys(names, "")})

    def delete(self, request: Request) -> Reply:
        """200 with a body, not 204."""
        del self.topics[self._topic(request).urn]
        return Reply(200, {"request_id": request.request_id})

    def publish(self, request: Request) -> Reply:
        """Not idempotent: the same message twice is two messages."""
        topic, given = self._topic(request), _given(request, code="SMN.0009")
        subject, text = messages.read(given, self._template_texts)
        message_id = self._new_id()
        message = {"topic_urn": topic.urn, "subject": subject, "message": text, "message_id": message_id, "at": request.at}
        self._keep_message(message)
        return Reply(200, {"request_id": request.request_id, "message_id": message_id})

    def create_template(self, request: Request) -> Reply:
        """201; unlike a topic, one that is there already is an error."""
        given = _given(request)
        name, content = given.get("message_template_name"), given.get("content")
        protocol = given.get("protocol", "default")
        if not isinstance(name, str) or not _TEMPLATE_NAME.fullmatch(name):
            raise problems.by_code("SMN.0032")
        if not isinstance(content, str) or not 0 < messages.size(content) <= _CONTENT_BYTES:
            raise problems.by_code("SMN.0024")
        if protocol not in PROTOCOLS:
            raise problems.by_code("SMN.0011")
        if protocol in self._template_texts(name):
            raise problems.by_code("SMN.0025")
        if len(self.templates) >= MOST_TEMPLATES:
            raise problems.by_code("SMN.0044")
        template = Template(self._new_id(), name, protocol, content, request.at)
        self.templates[template.id] = template
        return Reply(201, {"request_id": request.request_id, "message_template_id": template.id})

    def list_templates(self, request: Request) -> Reply:
        """Oldest first, without their texts."""
        wanted = dict(request.query)
        rows = [
            _template_row(template)
            for template in self.templates.values()
            if wanted.get("message_template_name", template.name) == template.name
            and wanted.get("protocol", template.protocol) == template.protocol
        ]
        page = _page(rows, request)
        return Reply(200, {"request_id": request.request_id, "message_template_count": len(rows), "message_templates": page})

    def show_template(self, request: Request) -> Reply:
        """With its text."""
        template = self._template(request)
        return Reply(200, {"request_id": request.request_id, **_template_row(template), "content": template.content})

    def delete_template(self, request: Request) -> Reply:
        """200 with a body, as for a topic."""
        del self.templates[self._template(request).id]
        return Reply(200, {"request_id": request.request_id})

    def save(self) -> dict[str, Any]:
        """What `load` brings back; JSON can hold it."""
        return {
            "made": self._made,
            "topics": [asdict(topic) for topic in self.topics.values()],
            "templates": [asdict(template) for template in self.templates.values()],
            "published": [*self.published],
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """In the place of what is there."""
        self._made = saved["made"]
        self.topics = {row["urn"]: Topic(**row) for row in saved["topics"]}
        self.templates = {row["id"]: Template(**row) for row in saved["templates"]}
        self.published, self._bytes = deque(), 0
        for message in saved["published"]:
            self._keep_message(message)

    def leap(self) -> None:
        """Leave out ids somebody may have given who did not write them down."""
        self._made += BLOCK

    def _keep_message(self, message: dict[str, Any]) -> None:
        self.published.append(message)
        self._bytes += _weight(message)
        while len(self.published) > self._keep or (self._bytes > _LARGEST_BYTES and len(self.published) > 1):
            self._bytes -= _weight(self.published.popleft())

    def _topic(self, request: Request) -> Topic:
        """The official SDK encodes the colons (recorded), others do not; segments come decoded."""
        urn = request.segments["topic_urn"]
        if not _URN.fullmatch(urn):
            raise problems.by_code("SMN.0005")
        if urn not in self.topics:
            raise problems.by_code("SMN.0006")
        return self.topics[urn]

    def _template(self, request: Request) -> Template:
        template = self.templates.get(request.segments["message_template_id"])
        if template is None:
            raise problems.by_code("SMN.0027")
        return template

    def _template_texts(self, name: str) -> dict[str, str]:
        return {template.protocol: template.content for template in self.templates.values() if template.name == name}

    def _new_id(self) -> str:
        self._made += 1
        return blake2b(f"{self._seed}/{self._made}".encode(), digest_size=16).hexdigest()


def _weight(message: dict[str, Any]) -> int:
    return messages.size(message["message"]) + messages.size(message["subject"])


def _given(request: Request, code: str = "SMN.0002") -> dict[str, Any]:
    given = readable(request.body)
    if not isinstance(given, dict):
        raise problems.by_code(code)
    return given


def _page(rows: Any, request: Request) -> Any:
    """``offset`` from 0, ``limit`` 1 to 100 and 100 unless given."""
    query = dict(request.query)
    offset, limit = query.get("offset", "0"), query.get("limit", "100")
    if not (re.fullmatch(r"[0-9]{1,9}", offset) and re.fullmatch(r"[0-9]{1,3}", limit) and 1 <= int(limit) <= 100):
        raise problems.by_code("SMN.0015")
    return rows[int(offset) : int(offset) + int(limit)]


def _row(topic: Topic) -> dict[str, Any]:
    name = topic.urn.rpartition(":")[2]
    return {"topic_urn": topic.urn, "name": name, "display_name": topic.display_name, "push_policy": 0}


def _template_row(template: Template) -> dict[str, Any]:
    return {
        "message_template_id": template.id,
        "message_template_name": template.name,
        "protocol": template.protocol,
        "tag_names": messages.variables(template.content),
        "create_time": _second(template.created_at),
        "update_time": _second(template.created_at),
    }


def _second(at: float) -> str:
    return moments.moment(at).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
