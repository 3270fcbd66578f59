"""Manifests of Knative: the Service, what calls it by the clock, a Broker for alerts and for work that is handed on.

Field names by the resources' own definitions (Serving v1, Eventing v1, Sources v1). PingSources and Triggers can set no header,
so they cannot send a sender's secret. A proxy in the cluster adds it; or Eventing's own tokens do (its feature
``authentication-oidc``), where the rules say ``proof = "oidc"``. A worker asks for no proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from handlers.cli.pack.manifest import CONCURRENCY, IMAGE, INSTANCES, NAME, SECONDS, Documents, regions, secrets
from handlers.cli.pack.proxy import PROXY, Route, proxy
from handlers.rules import Rules, Sender

WISHES = "restore-point.wishes"
"""The type of a message that hands on work."""
ALERT = "restore-point.alert"
"""The type of an event that brings an alert, followed by the sender's name."""

_PINGED = re.compile(r"/apis/v1/namespaces/([a-z0-9-]{1,63})/pingsources/([a-z0-9.-]{1,253})")
_CRON = {60: "* * * * *", 3600: "0 * * * *", 86400: "0 2 * * *", 7 * 86400: "0 2 * * 0"}
_RETRIES = {"retry": 5, "backoffPolicy": "exponential", "backoffDelay": "PT2S"}
_SERVER = f"""\
The server. A variable with a secretKeyRef is a key of the Secret {NAME}: the cloud's keys, what proves each sender, and
the ledger's address (valkeys://:PASSWORD@HOST:6379/0). Read all of it, and replace what is in capitals.
Its label keeps it from the public gateway: all that is below reaches it within the cluster. Delete the label where a sender
calls from outside. Then /worker, which asks for no proof, is public with the rest; it makes haste with what was asked for, and
asks for nothing: keep it from the outside by a rule of your gateway's."""
_BROKER = f"""\
Alerts, and work that is handed on.
Whoever may post to this Broker, or create PingSources or Triggers here, speaks as the senders whose proof the proxy adds: it
vouches for all that Eventing brings. So keep both to whom you would give the secrets themselves: the rights to create
in eventing.knative.dev and sources.knative.dev, and a NetworkPolicy for the Broker's ingress where you have one.
With Eventing's tokens (features authentication-oidc and transport-encryption) its default, allow-same-namespace, lets post who
has a token of this namespace; an EventPolicy says it by name. The server sends its own messages to the Broker without a token:
either of them refuses them, and the watch does that work in its own time. For those who bring alerts:
  apiVersion: eventing.knative.dev/v1alpha1
  kind: EventPolicy
  metadata: {{name: {NAME}, namespace: NAMESPACE}}
  spec:
    to: [{{ref: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: {NAME}}}}}]
    from: [{{sub: "system:serviceaccount:NAMESPACE:ACCOUNT"}}]
Not verified, for want of a cluster: kubectl get broker {NAME} shows it under status.policies."""
_Document = dict[str, Any]


def documents(rules: Rules) -> Documents:
    """All of it, the proxy last. The namespace is that of the rules' PingSources."""
    namespace = next((place for place, _ in pinged(rules).values()), NAME)
    return [*_always(rules, namespace), *_clocks(rules, namespace), *_alerts(rules, namespace), *_proxy(rules, namespace)]


def _always(rules: Rules, namespace: str) -> Iterator[tuple[str, _Document]]:
    yield (
        _BROKER.replace("NAMESPACE", namespace),
        _resource("eventing.knative.dev/v1", "Broker", _named(NAME, namespace), {"delivery": dict(_RETRIES)}),
    )
    subject = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", **_named(NAME, namespace)}
    broker = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", **_named(NAME, namespace)}}
    yield (
        "Tells the server where the Broker is, in K_SINK. It stands before the server, which does not start without.",
        _resource("sources.knative.dev/v1", "SinkBinding", _named(NAME, namespace), {"subject": subject, "sink": broker}),
    )
    yield _SERVER, _service(rules, namespace)
    yield (
        "Work that is handed on: a message says which wishes are next, and what they are stands in the ledger.",
        _trigger("worker", namespace, WISHES, _direct("/worker", namespace)),
    )


def _clocks(rules: Rules, namespace: str) -> Iterator[tuple[str, _Document]]:
    for name, (place, called) in pinged(rules).items():
        timer = rules.timers[name]
        how = f"[timers.{name}] fires: namespace and name are its source, so change neither."
        cron = _CRON.get(int(timer.every or 86400), "0 2 * * *")
        yield from _ping(how, _named(called, place), cron, "timer", timer.sender or "", rules, namespace)
    who = watcher(rules)
    if who:
        about = "The watch: takes up what is due, follows what runs, tells what is overdue."
        yield from _ping(about, _named(f"{NAME}-watch", namespace), "* * * * *", "watch", who, rules, namespace)


def _ping(
    about: str, metadata: _Document, cron: str, door: str, sender: str, rules: Rules, namespace: str
) -> Iterator[tuple[str, _Document]]:
    sink = _sink(f"/{door}/{sender}", rules.senders.get(sender), namespace)
    if sink is None:
        return
    if "audience" in sink:
        who = f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}-oidc-sources.knative.dev-pingsource"
        about += (
            f"\nIts token's subject (token.subject of [senders.{sender}]) is {who}, unless that is longer than a name may be:\n"
        )
        about += "kubectl get pingsource says it under status.auth."
    spec = {"schedule": cron, "timezone": "Etc/UTC", "contentType": "application/json", "data": "{}", "sink": sink}
    yield about, _resource("sources.knative.dev/v1", "PingSource", metadata, spec)


def _alerts(rules: Rules, namespace: str) -> Iterator[tuple[str, _Document]]:
    for name, sender in rules.senders.items():
        sink = _sink(f"/alert/{name}", sender, namespace) if sender.door == "alert" else None
        if sink is not None:
            about = f"Alerts of [senders.{name}] that come by the Broker, as CloudEvents of this type."
            yield about, _trigger(f"alert-{_label(name)}", namespace, f"{ALERT}.{name}", sink)


def _proxy(rules: Rules, namespace: str) -> Iterator[tuple[str, _Document]]:
    """With a route for each path above that needs one."""
    paths = [("timer", rules.timers[name].sender or "") for name in pinged(rules)]
    paths += [("watch", watcher(rules)), *(("alert", name) for name, each in rules.senders.items() if each.door == "alert")]
    found = {f"/{door}/{name}": rules.senders[name] for door, name in paths if name in rules.senders}
    routes = [Route(path, (sender.secret or "").removeprefix("env:")) for path, sender in found.items() if _by_secret(sender)]
    return proxy(namespace, routes) if routes else iter(())


def pinged(rules: Rules) -> Mapping[str, tuple[str, str]]:
    """The timers that are PingSources: their namespaces and names."""
    found = {name: _PINGED.fullmatch(timer.source) for name, timer in rules.timers.items() if timer.sender}
    return {name: (match[1], match[2]) for name, match in found.items() if match}


def watcher(rules: Rules) -> str:
    """Who may ask for the watch: the first sender of one-offs that can be made to speak here."""
    fit = (name for name, each in rules.senders.items() if each.door == "once" and (_by_secret(each) or each.token))
    return next(fit, "")


def _by_secret(sender: Sender) -> bool:
    return sender.proof == "bearer" and (sender.secret or "").startswith("env:")


def _sink(path: str, sender: Sender | None, namespace: str) -> _Document | None:
    """Where an event for this sender goes; None where nothing here could prove it."""
    if sender is not None and sender.token is not None:
        return {**_direct(path, namespace), "audience": sender.token.audience}
    return _by_proxy(path, namespace) if sender is not None and _by_secret(sender) else None


def _by_proxy(path: str, namespace: str) -> _Document:
    return {"ref": {"apiVersion": "v1", "kind": "Service", **_named(PROXY, namespace)}, "uri": path}


def _direct(path: str, namespace: str) -> _Document:
    return {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", **_named(NAME, namespace)}, "uri": path}


def _trigger(name: str, namespace: str, kind: str, sink: _Document) -> _Document:
    spec = {"broker": NAME, "filter": {"attributes": {"type": kind}}, "subscriber": sink}
    return _resource("eventing.knative.dev/v1", "Trigger", _named(f"{NAME}-{name}", namespace), spec)


def _resource(version: str, kind: str, metadata: _Document, spec: _Document) -> _Document:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _named(name: str, namespace: str) -> _Document:
    return {"name": name, "namespace": namespace}


def _label(name: str) -> str:
    """A name of the rules as Kubernetes takes it."""
    return name.replace("_", "-").strip("-")


def _service(rules: Rules, namespace: str) -> _Document:
    plain = dict.fromkeys(regions(rules), "REGION")
    plain["RESTORE_POINT_QUEUE"] = "sink"
    secret = [{"name": name, "valueFrom": {"secretKeyRef": {"name": NAME, "key": name}}} for name in secrets(rules)]
    container = {
        "image": IMAGE,
        "ports": [{"containerPort": 8080}],
        "env": [*({"name": name, "value": value} for name, value in plain.items()), *secret],
        "readinessProbe": {"httpGet": {"path": "/healthz"}},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    scale = {"autoscaling.knative.dev/min-scale": "0", "autoscaling.knative.dev/max-scale": str(INSTANCES)}
    spec = {"containerConcurrency": CONCURRENCY, "timeoutSeconds": SECONDS, "containers": [container]}
    template = {"metadata": {"annotations": scale}, "spec": spec}
    metadata = {**_named(NAME, namespace), "labels": {"networking.knative.dev/visibility": "cluster-local"}}
    return _resource("serving.knative.dev/v1", "Service", metadata, {"template": template})
