"""A Service of Cloud Run, for ``gcloud run services replace``: field names by its YAML reference (v1)."""

from __future__ import annotations

import json

from handlers.cli.pack.manifest import CONCURRENCY, IMAGE, INSTANCES, NAME, SECONDS, Documents, regions, secrets
from handlers.rules import Rules

_ABOUT = """\
Cloud Run: gcloud run services replace cloudrun.yaml --region REGION
Every variable below with a secretKeyRef is a secret of that name in Secret Manager; the service account needs
roles/secretmanager.secretAccessor on each. The ledger is Valkey (Memorystore) in the network named below.
Timers: a Cloud Scheduler job each, POST to /timer/SENDER; its name is what [timers.…] source says. The watch: a job every five
minutes, POST to /watch/SENDER. Alerts: POST to /alert/SENDER. Who may call it at all: roles/run.invoker for allUsers, since
senders prove themselves here."""


def documents(rules: Rules) -> Documents:
    """The one document."""
    secret = [{"name": name, "valueFrom": {"secretKeyRef": {"name": name, "key": "latest"}}} for name in secrets(rules)]
    container = {
        "image": IMAGE,
        "ports": [{"containerPort": 8080}],
        "env": [*({"name": name, "value": "REGION"} for name in regions(rules)), *secret],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
        "startupProbe": {"httpGet": {"path": "/healthz"}, "periodSeconds": 2, "failureThreshold": 15},
    }
    network = json.dumps([{"network": "default", "subnetwork": "default"}])
    template = {
        "metadata": {
            "annotations": {
                "autoscaling.knative.dev/minScale": "0",
                "autoscaling.knative.dev/maxScale": str(INSTANCES),
                "run.googleapis.com/startup-cpu-boost": "true",
                "run.googleapis.com/network-interfaces": network,
                "run.googleapis.com/vpc-access-egress": "private-ranges-only",
            }
        },
        "spec": {
            "containerConcurrency": CONCURRENCY,
            "timeoutSeconds": SECONDS,
            "serviceAccountName": f"{NAME}@PROJECT.iam.gserviceaccount.com",
            "containers": [container],
        },
    }
    about = {"name": NAME, "annotations": {"run.googleapis.com/ingress": "all"}}
    service = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": about, "spec": {"template": template}}
    return [(_ABOUT, service)]
