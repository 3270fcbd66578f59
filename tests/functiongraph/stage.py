"""A cloud, the function's code with its rules, and an agency: what the tests of this folder have in common."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from handlers.sandbox import estate
from tests.functiongraph import code
from tests.functiongraph.calls import Keys
from tests.functiongraph.runtime import Function
from tests.leaks.canaries import Search
from tests.ledger.servers import redis
from tests.scripted import World

TOPIC = f"urn:smn:{estate.REGION}:{estate.PROJECT_ID}:alarms"
TRIGGER = "restore_point_nightly"
TOKENS = {"AM_TOKEN": "example-token-of-am-opens-nothing", "CI_TOKEN": "example-token-of-ci-opens-nothing"}
JSON_TYPE = {"Content-Type": "application/json"}
AM, CI = ({"Authorization": f"Bearer {each}", **JSON_TYPE} for each in TOKENS.values())
FILES = {"checkpoint": {"vault_id": estate.FILES_VAULT_ID}}
SIMPLE = {"status": "firing", "labels": {"service": "files"}}
KEY_SECONDS = 900
"""What the sandbox gives a temporary key at least; FunctionGraph's last 24 hours."""
RULES = f"""
[vaults.files]
id = "{estate.FILES_VAULT_ID}"
[timers.nightly]
source = "{TRIGGER}"
[senders.am]
dialect = "simple"
proof = "bearer"
secret = "env:AM_TOKEN"
[senders.alarms]
dialect = "simple"
proof = "platform"
sources = ["{TOPIC}"]
[senders.ci]
dialect = "once"
proof = "bearer"
secret = "env:CI_TOKEN"
[senders.ops]
dialect = "once"
proof = "platform"
sources = []
[[rules]]
name = "nightly-files"
timer = "nightly"
vaults = ["files"]
[[rules]]
name = "am-files"
sender = "am"
match = {{ service = "files" }}
vaults = ["files"]
[[rules]]
name = "alarm-files"
sender = "alarms"
match = {{ service = "files" }}
vaults = ["files"]
[[rules]]
name = "ci-files"
sender = "ci"
vaults = ["files"]
[[rules]]
name = "ops-files"
sender = "ops"
vaults = ["files"]
"""


def fired(ago: float = 5, trigger: str = TRIGGER) -> dict[str, str]:
    """A TIMER trigger's event."""
    at = (datetime.now(UTC) - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"version": "v2.0", "time": at, "trigger_type": "TIMER", "trigger_name": trigger, "user_event": ""}


def told(*messages: str, topic: str = TOPIC) -> dict[str, Any]:
    """An SMN trigger's event."""
    return {
        "record": [
            {
                "event_version": "1.0",
                "event_source": "smn",
                "event_subscription_urn": f"{topic}:{number:032x}",
                "smn": {
                    "topic_urn": topic,
                    "timestamp": "2026-11-27T02:00:00Z",
                    "message_attributes": None,
                    "message": each,
                    "type": "notification",
                    "message_id": f"{number:032x}",
                    "subject": "alarm",
                },
            }
            for number, each in enumerate(messages)
        ],
        "functionname": "restore-point",
        "requestId": "r",
        "timestamp": "t",
    }


class Stage:
    """``function`` makes functions of one code folder, whose keys are the agency's and whose ledger is one in Valkey."""

    def __init__(self, folder: Path, at: datetime, cloud: estate.Estate = estate.DEFAULT) -> None:
        self.world, self.folder, self._leaving = World(folder, at, cloud), folder, ExitStack()
        self._leaving.callback(self.world.close)
        self.code, self.rules = code.folder(), folder / "rules.toml"
        self.rules.write_text(RULES, encoding="utf-8")
        self.ledger = redis().place()
        self._functions = list[Function]()
        self.handed = list[Keys]()
        """What the agency gave, one for each call."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """What the agency handed out stands in no byte of any log or answer."""
        logs = [each.log.read_text("utf-8") for each in self._functions if each.log.exists()]
        said = {"log": logs, "answer": [text for each in self._functions for text in each.said]}
        self._leaving.close()
        if kind is None:
            secrets = {f"key {number}": key for number, key in enumerate(key for keys in self.handed for key in keys[1:] if key)}
            assert Search(secrets).everywhere(said) == []

    def variables(self, **more: str) -> dict[str, str]:
        """Of a function with an agency: endpoints, ledger and senders' secrets, and no keys of its own."""
        given = {name: value for name, value in self.world.environ().items() if not name.endswith(("_AK", "_SK", "_PROJECT_ID"))}
        own = {"HW_REGION_NAME": estate.REGION, "RESTORE_POINT_RULES": str(self.rules), **TOKENS, **self.ledger}
        own["RESTORE_POINT_QUEUE"] = "sink:http://127.0.0.1:9/nobody"  # a worker works where there is a queue
        return given | own | more

    def write_rules(self, vaults: Sequence[str]) -> None:
        """One timer for all of these, by their ids."""
        tables = [f'[vaults.v{number}]\nid = "{each}"' for number, each in enumerate(vaults)]
        names = json.dumps([f"v{number}" for number in range(len(vaults))])
        rule = f'[timers.nightly]\nsource = "{TRIGGER}"\n[[rules]]\nname = "nightly"\ntimer = "nightly"\nvaults = {names}\n'
        fast = "[projects.here]\nrequests_per_second = 50\n"
        self.rules.write_text("\n".join([fast, *tables, rule]), encoding="utf-8")

    def function(
        self, door: str, variables: Mapping[str, str] | None = None, *, keys: Callable[[], Keys] | None = None, **more: Any
    ) -> Function:
        """Of the entry ``index.DOOR``."""
        variables = self.variables() if variables is None else variables
        given: dict[str, Any] = {"keys": keys or self.agency, "project_id": estate.PROJECT_ID} | more
        self._functions.append(self._leaving.enter_context(Function(self.code, f"index.{door}", variables, **given)))
        return self._functions[-1]

    def agency(self) -> Keys:
        """New keys for every call, from the sandbox's IAM."""
        account = estate.ACCOUNT
        user = {"name": account.username, "password": account.password, "domain": {"name": account.domain_name}}
        identity = {"methods": ["password"], "password": {"user": user}}
        token, _ = self._iam("/v3/auth/tokens", {"auth": {"identity": identity, "scope": {"project": {"id": estate.PROJECT_ID}}}})
        wanted = {"methods": ["token"], "token": {"id": token, "duration_seconds": KEY_SECONDS}}
        made = self._iam("/v3.0/OS-CREDENTIAL/securitytokens", {"auth": {"identity": wanted}})[1]["credential"]
        self.handed.append((made["access"], made["secret"], made["securitytoken"], token))
        return self.handed[-1]

    def _iam(self, path: str, document: object) -> tuple[str, Any]:
        client = http.client.HTTPConnection(self.world.sandbox.endpoint.removeprefix("http://"), timeout=10)
        client.request("POST", path, json.dumps(document), JSON_TYPE)
        answer = client.getresponse()
        assert answer.status == 201, answer.read()
        found = answer.headers.get("X-Subject-Token", ""), json.loads(answer.read())
        client.close()
        return found

    def names(self) -> list[str]:
        """Of the restore points there are, by the sandbox's own record."""
        return [each["name"] for each in self.world.sandbox.restore_points()]
