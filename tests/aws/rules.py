"""The rules that the stack of tests/aws is deployed with: a vault for each way in, and many for a timer of many."""

from __future__ import annotations

import json

from tests.aws.emulator import ACCOUNT, REGION
from tests.many.cloud import vault_id

STACK = "restore-point"
TOKEN = "example-token-of-am-opens-nothing"
VAULTS = 48
GONE = "00000000-0000-4000-8000-000000000000"
"""A vault that no cloud has."""
SENDERS = """
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:RESTORE_POINT_ALERT_TOKEN"
[senders.alarms]
dialect = "alertmanager"
proof = "platform"
sources = ["{topic}"]
[senders.people]
dialect = "once"
proof = "platform"
[[rules]]
name = "alerts"
sender = "am"
vaults = ["v1"]
[[rules]]
name = "alarms"
sender = "alarms"
vaults = ["v2"]
[[rules]]
name = "by-hand"
sender = "people"
vaults = ["v3"]
"""


def schedule(name: str) -> str:
    return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{name}"


def rules(endpoint: str) -> str:
    """Vault 0 for the schedule, 1 for alerts at the URL, 2 for the topic's, 3 for one-offs, the others for a timer of many."""
    vaults = {f"v{number}": vault_id(number) for number in range(VAULTS)} | {"gone": GONE}
    wanted = {"nightly": ["v0"], "poison": ["gone"], "many": [f"v{number}" for number in range(4, VAULTS)]}
    tables = [f'[projects.cloud]\nrequests_per_second = 200\nendpoint = "{endpoint}"']
    tables += [f'iam_endpoint = "{endpoint}"\nsmn_endpoint = "{endpoint}"']
    tables += [f'[vaults.{name}]\nid = "{each}"' for name, each in vaults.items()]
    tables += [SENDERS.format(topic=f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-alerts")]
    tables += [f'[timers.{name}]\nsource = "{schedule(f"{STACK}-timer" if name == "nightly" else name)}"' for name in wanted]
    tables += [f'[[rules]]\nname = "{name}"\ntimer = "{name}"\nvaults = {json.dumps(each)}' for name, each in wanted.items()]
    return "\n".join(tables)
