"""Rules with senders of every kind, and ``plan`` asked about a document."""

from __future__ import annotations

from typing import Any

from handlers.sandbox import estate
from tests.cli.terminal import SCHEDULE, Inside, Ran, Terminal

URN, ARN = f"urn:smn:eu-de:{estate.PROJECT_ID}:alarms", "arn:aws:sns:eu-central-1:123456789012:alarms"
QUEUE, PING = "arn:aws:sqs:eu-central-1:123456789012:alerts", "/apis/v1/namespaces/backup/pingsources/nightly"
RULES = f"""\
[vaults.erp]
id = "{estate.ERP_VAULT_ID}"
[vaults.files]
id = "{estate.FILES_VAULT_ID}"
[timers.nightly]
source = "{SCHEDULE}"
[timers.ping]
source = "{PING}"
sender = "knative"
[senders.knative]
dialect = "timer"
proof = "bearer"
secret = "env:KNATIVE"
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:AM"
[senders.mon]
dialect = "simple"
proof = "platform"
sources = ["{URN}", "{ARN}", "{QUEUE}"]
[senders.ops]
dialect = "once"
proof = "platform"
[[rules]]
name = "critical"
sender = "am"
match = {{ severity = "critical", host = "erp-*" }}
vaults = ["erp"]
[rules.parameters]
[[rules.parameters.resource_details]]
id = "{estate.ERP_DB_ID}"
type = "OS::Nova::Server"
extra_info = {{ exclude_volumes = ["{estate.ERP_DB_DATA_DISK_ID}"] }}
[[rules]]
name = "any-host"
sender = "am"
match = {{ host = "erp-*" }}
vaults = ["erp"]
parameters = {{ resources = ["{estate.ERP_DB_ID}"] }}
max_event_age = "1h"
[[rules]]
name = "other"
sender = "am"
match = {{ severity = "warning", team = "files" }}
vaults = ["files"]
[[rules]]
name = "mon-files"
sender = "mon"
vaults = ["files"]
[[rules]]
name = "nightly-files"
timer = "nightly"
vaults = ["files"]
[[rules]]
name = "ping-files"
timer = "ping"
vaults = ["files"]
[[rules]]
name = "ops-erp"
sender = "ops"
vaults = ["erp"]
"""
CRITICAL = {"alertname": "Corrupt", "host": "erp-db", "severity": "critical"}


def alerts(*labels: dict[str, str], **more: object) -> dict[str, Any]:
    return {"alerts": [{"status": "firing", "labels": each} | more for each in labels]}


def planned(inside: Inside, terminal: Terminal, document: object, *arguments: str) -> Ran:
    return inside(terminal, "plan", terminal.write("event.json", document), *arguments)


def why(ran: Ran) -> Any:
    return ran.json["explained"]
