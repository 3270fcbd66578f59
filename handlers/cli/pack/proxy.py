"""The proxy of the Knative manifests: nginx, which adds what PingSources and Triggers cannot send.

What it adds comes from the Secret, by the image's own way with templates (``/etc/nginx/templates``, envsubst). Whoever can reach
it speaks as those senders, so only Eventing may (a NetworkPolicy, where the cluster's network obeys one).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.cli.pack.manifest import NAME, SECONDS

PROXY = f"{NAME}-proxy"
IMAGE = "docker.io/nginxinc/nginx-unprivileged:stable"
TEMPLATE = "default.conf.template"
_ABOUT = """\
The proxy: PingSources and Triggers can set no header, so it adds their senders' Authorization from the Secret (a secret here
must hold no ", $ or \\)."""
_PORT = 8080
_LABELS = {"app": PROXY}


@dataclass(frozen=True)
class Route:
    """A path, and the variable that holds the bearer of its sender."""

    path: str
    variable: str


def proxy(namespace: str, routes: Sequence[Route]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Its resources."""
    metadata = {"name": PROXY, "namespace": namespace, "labels": dict(_LABELS)}
    text = configuration(f"{NAME}.{namespace}.svc.cluster.local", routes)
    yield _ABOUT, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {TEMPLATE: text}}
    variables = dict.fromkeys(each.variable for each in routes)
    env = [{"name": name, "valueFrom": {"secretKeyRef": {"name": NAME, "key": name}}} for name in variables]
    yield "", _deployment(metadata, env)
    service = {"selector": dict(_LABELS), "ports": [{"port": 80, "targetPort": _PORT}]}
    yield "", {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service}
    eventing = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "knative-eventing"}}}
    policy = {
        "podSelector": {"matchLabels": dict(_LABELS)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [eventing], "ports": [{"port": _PORT}]}],
    }
    about = "Whoever reaches the proxy speaks as those senders: Eventing alone may."
    yield about, {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": policy}


def configuration(host: str, routes: Sequence[Route], port: int = _PORT) -> str:
    """nginx's, a template: ``${NAME}`` is what the environment says."""
    lines = [
        "server {",
        f"  listen {port};",
        "  client_max_body_size 1m;",
        "  proxy_http_version 1.1;",
        f"  proxy_read_timeout {SECONDS}s;",
        "  location / { return 404; }",
    ]
    for each in routes:
        proof = f'proxy_set_header Authorization "Bearer ${{{each.variable}}}";'
        lines.append(f"  location = {each.path} {{ {proof} proxy_pass http://{host}; }}")
    return "\n".join([*lines, "}", ""])


def _deployment(metadata: dict[str, Any], env: list[dict[str, Any]]) -> dict[str, Any]:
    container = {
        "name": "nginx",
        "image": IMAGE,
        "ports": [{"containerPort": _PORT}],
        "env": env,
        "volumeMounts": [{"name": "templates", "mountPath": "/etc/nginx/templates"}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    pod = {"containers": [container], "volumes": [{"name": "templates", "configMap": {"name": PROXY}}]}
    template = {"metadata": {"labels": dict(_LABELS)}, "spec": {"automountServiceAccountToken": False, **pod}}
    spec = {"replicas": 1, "selector": {"matchLabels": dict(_LABELS)}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
