"""Write a commented rules.toml, with the vaults that are there if asked."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from handlers.cli import DONE, print_json
from handlers.errors import Misconfigured
from handlers.timers import SCHEDULER_INPUT

_HEAD = """\
# Rules of restore-point: which timer, alert or person may have which vaults backed up. Checked strictly: restore-point check

# A project is found through the environment (HUAWEICLOUD_SDK_AK … or OS_USERNAME …). To speak to several, name them:
# [projects.prod]
# project_id = "f841e01fd2b14e7fa41b6ae7aa6b0594"
# region = "eu-de"
# cloud = "otc"                  # or "huawei"; or endpoint = "https://cbr.…" for other clouds
# credentials = "env:PROD_"      # reads PROD_HUAWEICLOUD_SDK_AK …
# requests_per_second = 5

# The vaults that may be backed up at all.
"""
_VAULT = """\
# [vaults.erp]
# id = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
# max_age = "26h"                # told when a resource of it has no good restore point younger than this
"""
_TAIL = f"""
# The schedules that may speak, each by its exact name. An EventBridge Scheduler schedule is understood without an Input,
# or with this one:
# {SCHEDULER_INPUT}
# [timers.nightly]
# source = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"
# every = "24h"                  # told when it has not come for that long, and an hour more (grace = "1h")

# Who may send alerts or ask for one-offs, and how they prove who they are. Over HTTP the sender is the last part of the path.
# [senders.am]
# dialect = "alertmanager"       # "grafana", "cloudwatch", "cloud-eye" …; "simple", "generic"; or "once", "timer"
# proof = "bearer"               # Authorization: Bearer …; or "platform" with sources = ["urn:smn:…", "arn:aws:iam::…:user/…"]
# secret = "env:RESTORE_POINT_ALERT_TOKEN"   # or "file:/…": where it stands, never the secret itself; 24 characters or more

# Who is told. Without any topic nobody hears of a failure but the platform's dead-letter queue.
# [topics.ops]
# kind = "smn"                   # or "sns" (arn), "pubsub" (topic), "cloudevents" (url or sink), "log"
# urn = "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:ops"
# outcomes = ["failed", "partly", "broken", "overdue", "missed", "healed"]   # by default all but joined, skipped and later

# When this timer fires, these vaults get a restore point.
# [[rules]]
# name = "nightly-erp"
# timer = "nightly"
# vaults = ["erp"]               # or vault_tags = {{ backup = "yes" }}: whichever carry these tags when it fires
# max_event_age = "24h"          # older events are skipped
# give_up_after = "6h"           # a vault that stays busy for longer is told as failed
# [rules.parameters]             # all optional: the API's own fields
# incremental = true
# description = "taken by restore-point"

# When this sender sends a firing alert that has these labels, too. One cause gets one restore point within the window.
# [[rules]]
# name = "disk-failing"
# sender = "am"
# match = {{ severity = "critical", host = "erp-*" }}   # all of them; * stands for any text
# by = ["alertname", "host"]     # the labels that make two alerts the same cause; all labels by default
# window = "1h"
# budget_per_hour = 10           # restore points of this rule; what is asked for beyond that is skipped and told
# vaults = ["erp"]
# resource_from = "resource_id"  # the label that has the id, or the name, of the one server to back up
# else = "whole vault"           # or "refuse", where it names none
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``init``."""
    parser.add_argument("--from-cloud", action="store_true", help="list the project's vaults in the file")
    parser.add_argument("--to", metavar="FILE", default="rules.toml", help="where to write (default: rules.toml)")


def run(arguments: argparse.Namespace) -> int:
    """Write the file; never over one that is there."""
    path = Path(arguments.to)
    try:
        if path.exists():  # known before the cloud is asked
            raise FileExistsError
        vaults = _vaults(arguments.rules) if arguments.from_cloud else _VAULT
        with path.open("x", encoding="utf-8") as file:
            file.write(_HEAD + vaults + _TAIL)
    except FileExistsError:
        raise Misconfigured(str(path), "is there already; move it away, or write elsewhere with --to FILE") from None
    except OSError as error:
        raise Misconfigured(str(path), f"cannot be written: {error.strerror}") from None
    if arguments.json:
        print_json({"written": str(path)})
    else:
        print(f"wrote {path}; next: restore-point check --rules {path}")
    return DONE


def _vaults(rules_file: str | None) -> str:
    """The vaults of the environment's project, ready to be named by rules."""
    from handlers.service import Service
    from handlers.settings import load
    from handlers.wire import Deadline

    settings = load({**os.environ, "RESTORE_POINT_RULES": ""}, rules_file)  # that file may be the one to write
    if len(settings.projects) > 1:
        raise Misconfigured("--from-cloud", f"lists the vaults of one project, and {settings.rules_file} names several")
    service = Service(settings)
    try:
        (cbr,) = service.cbrs.values()
        found = cbr.vaults(Deadline.after(service.clock, 30.0))
    finally:
        service.close()
    lines, names = [], set[str]()
    for vault in found:
        word = re.sub(r"[^a-z0-9_-]+", "-", vault.name.lower()).strip("-_")[:50] or "vault"
        name = word if word not in names else f"{word}-{vault.id[:8]}"
        names.add(name)
        used = f"{(vault.billing.used or 0) / 1024:.1f} of {vault.billing.size or 0} GB used"
        lines.append(f'[vaults.{name}]              # {len(vault.resources)} resources, {used}\nid = "{vault.id}"\n')
    return "\n".join(lines) or "# (the project has no vault)\n"
