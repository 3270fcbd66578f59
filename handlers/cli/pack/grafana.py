"""A Grafana dashboard over the log lines, for where there is no CloudWatch: the same panels as template.yaml's, by Loki.

Not verified, for want of a Grafana with a Loki; importing dashboard.json (Dashboards, New, Import) and choosing the data source
would tell.
"""

from __future__ import annotations

import json
from typing import Any

from handlers.rules import Rules

LINES = '{app="restore-point"}'
"""Which lines: the label by which a cluster's log collector knows the container. It is the dashboard's variable ``lines``."""
PANELS = {
    "What became of deliveries, an hour": ("created", "joined", "skipped", "later", "failed", "refused"),
    "What became of restore points, an hour": ("available", "partly", "broken"),
    "What people were told, an hour": ("overdue", "missed", "duplicate", "warning", "healed"),
}
"""Counts of a delivery's line, by outcome."""
DURATION = "How long a restore point's request took, ms"
AGES = "How old the newest good restore points are, s"
DOORS = ("timer", "alert", "once", "watch", "worker")


def dashboard(rules: Rules) -> str:
    """dashboard.json: ages of the vaults that have a ``max_age``."""
    panels = [
        _panel(title, [(word, f'sum(sum_over_time($lines | json n="counts.{word}" | unwrap n [1h]))') for word in words])
        for title, words in PANELS.items()
    ]
    slowest = 'max(max_over_time($lines | json n="duration_ms", d="delivery.door" | d = `{door}` | unwrap n [5m]))'
    panels.append(_panel(DURATION, [(door, slowest.replace("{door}", door)) for door in DOORS], unit="ms"))
    aged = [name for name, vault in rules.vaults.items() if vault.max_age]
    oldest = 'max(last_over_time($lines | json n="ages[\\"{vault}\\"]" | unwrap n [2h]))'
    panels.append(_panel(AGES, [(name, oldest.replace("{vault}", name)) for name in aged], unit="s"))
    for number, panel in enumerate(panels):
        panel.update(id=number + 1, gridPos={"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8})
    document = {
        "title": "restore-point",
        "uid": "restore-point",
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "type": "datasource", "query": "loki", "label": "data source"},
                {"name": "lines", "type": "textbox", "query": LINES, "label": "log lines"},
            ]
        },
        "panels": panels,
    }
    return json.dumps(document, indent=2) + "\n"


def _panel(title: str, queries: list[tuple[str, str]], unit: str = "short") -> dict[str, Any]:
    source = {"type": "loki", "uid": "$source"}
    targets = [
        {"refId": f"Q{place}", "datasource": source, "expr": expression, "legendFormat": label, "queryType": "range"}
        for place, (label, expression) in enumerate(queries)
    ]
    return {
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
    }
