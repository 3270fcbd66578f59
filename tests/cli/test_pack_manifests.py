"""The manifests that ``pack web`` writes, by themselves: fields that exist, names that the rules say, and YAML that reads back.

The tables below hold the fields these manifests use, as the resources' own definitions name them (Knative Serving v1, Eventing v1
and Sources v1; Kubernetes apps/v1, v1 and networking.k8s.io/v1; Cloud Run's YAML reference). ``[]`` stands for each of a list,
``*`` for any key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.cli.pack import cloudrun, knative
from handlers.cli.pack.manifest import regions, secrets, written
from handlers.cli.pack.proxy import configuration
from handlers.rules import Rules
from tests.cli.containers import Cluster, yaml
from tests.cli.serving import RULES


def under(prefix: str, words: str) -> str:
    """Each of the words, after this."""
    return " ".join(f"{prefix}.{each}" for each in words.split())


CONTAINER = (
    "image name ports[].containerPort env[].name env[].value volumeMounts[].name volumeMounts[].mountPath resources.requests.* "
    "resources.limits.* readinessProbe.httpGet.path startupProbe.httpGet.path startupProbe.periodSeconds "
    "startupProbe.failureThreshold env[].valueFrom.secretKeyRef.name env[].valueFrom.secretKeyRef.key "
    + under("securityContext", "runAsNonRoot allowPrivilegeEscalation capabilities.drop[] seccompProfile.type")
)
REF = "apiVersion kind name namespace"
SINK = under("ref", REF) + " uri audience"
TEMPLATE = "metadata.annotations.* spec.containerConcurrency spec.timeoutSeconds spec.serviceAccountName metadata.labels.* "
POD = "volumes[].name volumes[].configMap.name automountServiceAccountToken"
FIELDS = {
    "Service serving.knative.dev/v1": under("spec.template", TEMPLATE + under("spec.containers[]", CONTAINER)),
    "Broker eventing.knative.dev/v1": under("spec.delivery", "retry backoffPolicy backoffDelay"),
    "Trigger eventing.knative.dev/v1": "spec.broker spec.filter.attributes.* " + under("spec.subscriber", SINK),
    "SinkBinding sources.knative.dev/v1": under("spec.subject", REF) + " " + under("spec.sink.ref", REF),
    "PingSource sources.knative.dev/v1": "spec.schedule spec.timezone spec.contentType spec.data " + under("spec.sink", SINK),
    "ConfigMap v1": "data.*",
    "Service v1": "spec.selector.* spec.ports[].port spec.ports[].targetPort",
    "Deployment apps/v1": "spec.replicas spec.selector.matchLabels.* spec.template.metadata.labels.* "
    + under("spec.template.spec", POD + " " + under("containers[]", CONTAINER)),
    "NetworkPolicy networking.k8s.io/v1": under("spec", "podSelector.matchLabels.* policyTypes[] ingress[].ports[].port ")
    + " spec.ingress[].from[].namespaceSelector.matchLabels.*",
}
ALWAYS = "apiVersion kind metadata.name metadata.namespace metadata.labels.* metadata.annotations.*"

OIDC = """
[senders.token]
dialect = "timer"
proof = "oidc"
token = { audience = "restore-point", issuer = "https://kubernetes.default.svc", subject = "system:a", keys = "file:/k" }

[timers.weekly]
source = "/apis/v1/namespaces/other/pingsources/weekly"
sender = "token"
every = "7d"

[senders.basic_one]
dialect = "simple"
proof = "basic"
secret = "env:BASIC"

[senders.under_score]
dialect = "simple"
proof = "bearer"
secret = "env:SCORE"
retiring = [{ secret = "env:SCORE_BEFORE", until = 2026-12-31T00:00:00Z }]

[senders.elsewhere]
dialect = "simple"
proof = "bearer"
secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:restore-point/am-AbCdEf"

[senders.from_a_file]
dialect = "simple"
proof = "bearer"
secret = "file:/secret"
"""


def rules(text: str = RULES, more: str = "") -> Rules:
    return Rules.model_validate(tomllib.loads(text + more))


def leaves(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for each in value:
            yield from leaves(each, f"{path}[]")
    else:
        yield path


def allowed(path: str, fields: list[str]) -> bool:  # * may hold dots: annotations have such
    return any(re.fullmatch(re.escape(each).replace(r"\*", ".+"), path) for each in fields)


@pytest.mark.parametrize("more", ["", OIDC], ids=["bearer", "all proofs"])
@pytest.mark.parametrize("platform", [knative, cloudrun], ids=["knative", "cloudrun"])
def test_every_field_is_one_of_its_resources(platform: Any, more: str) -> None:
    for document in yaml.safe_load_all(written(platform.documents(rules(more=more)))):
        fields = [*FIELDS[f"{document['kind']} {document['apiVersion']}"].split(), *ALWAYS.split()]
        assert [path for path in leaves(document) if not allowed(path, fields)] == []


@pytest.mark.parametrize("more", ["", OIDC], ids=["bearer", "all proofs"])
def test_every_resource_has_a_name_of_its_own_that_kubernetes_takes(more: str) -> None:
    resources = Cluster(written(knative.documents(rules(more=more)))).resources
    names = [(each["apiVersion"], each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) for each in resources]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", each) for _, _, *both in names for each in both)


def _source(ping: dict[str, Any]) -> str:
    """As Knative writes it into its events."""
    return f"/apis/v1/namespaces/{ping['metadata']['namespace']}/pingsources/{ping['metadata']['name']}"


def test_a_pingsource_is_called_as_its_timers_source_says() -> None:
    cluster = Cluster(written(knative.documents(rules(more=OIDC))))
    found = {_source(each): each["spec"] for each in cluster.of("PingSource")}
    watch = found.pop("/apis/v1/namespaces/backup/pingsources/restore-point-watch")
    assert set(found) == {timer.source for timer in rules(more=OIDC).timers.values() if timer.sender}
    nightly, weekly = (
        found[f"/apis/v1/namespaces/{each}"] for each in ("backup/pingsources/nightly", "other/pingsources/weekly")
    )
    assert [each["schedule"] for each in (nightly, weekly, watch)] == ["0 2 * * *", "0 2 * * 0", "* * * * *"]
    assert nightly["sink"]["ref"]["name"] == "restore-point-proxy"
    assert weekly["sink"]["ref"] == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "name": "restore-point",
        "namespace": "backup",
    }
    assert (weekly["sink"]["uri"], weekly["sink"]["audience"]) == ("/timer/token", "restore-point")
    assert "weekly-oidc-sources.knative.dev-pingsource" in written(knative.documents(rules(more=OIDC)))


def test_alerts_come_by_the_broker_where_their_proof_can() -> None:
    """A signature is of bytes and headers that no broker keeps; a user's name and password would have to be encoded."""
    cluster = Cluster(written(knative.documents(rules(more=OIDC))))
    triggers = {each["metadata"]["name"]: each["spec"] for each in cluster.of("Trigger")}
    assert set(triggers) == {"restore-point-worker", "restore-point-alert-am", "restore-point-alert-under-score"}
    assert triggers["restore-point-alert-under-score"]["filter"]["attributes"] == {"type": "restore-point.alert.under_score"}
    assert triggers["restore-point-alert-under-score"]["subscriber"]["uri"] == "/alert/under_score"
    assert triggers["restore-point-worker"]["filter"]["attributes"] == {"type": "restore-point.wishes"}
    assert {spec["broker"] for spec in triggers.values()} == {each["metadata"]["name"] for each in cluster.of("Broker")}


def test_every_way_through_the_proxy_is_there_and_adds_what_proves_the_sender() -> None:
    cluster = Cluster(written(knative.documents(rules(more=OIDC))))
    secret = {name: f"the-value-of-{name}" for name in secrets(rules(more=OIDC))}
    sinks = [each["spec"]["sink"] for each in cluster.of("PingSource")] + [
        each["spec"]["subscriber"] for each in cluster.of("Trigger")
    ]
    ways = dict(cluster.way(sink, secret) for sink in sinks)
    bearer = {path: headers.get("Authorization", "").removeprefix("Bearer the-value-of-") for path, headers in ways.items()}
    assert bearer == {
        "/timer/knative": "RESTORE_POINT_KNATIVE_TOKEN",
        "/timer/token": "",
        "/watch/ci": "RESTORE_POINT_CI_TOKEN",
        "/alert/am": "RESTORE_POINT_AM_TOKEN",
        "/alert/under_score": "SCORE",
        "/worker": "",
    }


def test_the_proxy_lets_nobody_in_but_eventing() -> None:
    cluster = Cluster(written(knative.documents(rules())))
    (policy,) = cluster.of("NetworkPolicy")
    (deployment,) = cluster.of("Deployment")
    assert policy["spec"]["podSelector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]
    (ingress,) = policy["spec"]["ingress"]
    assert ingress["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "knative-eventing"}}}]
    assert "location / { return 404; }" in configuration("host", [])


def test_without_pingsources_there_is_a_place_all_the_same() -> None:
    bare = rules(
        RULES.replace("/apis/v1/namespaces/backup/pingsources/nightly", "nightly").replace(
            'dialect = "once"', 'dialect = "simple"'
        )
    )
    cluster = Cluster(written(knative.documents(bare)))
    assert cluster.of("PingSource") == []
    assert [each["kind"] for each in cluster.resources][:4] == ["Broker", "SinkBinding", "Service", "Trigger"]
    assert {each["metadata"]["namespace"] for each in cluster.resources} == {"restore-point"}


def test_secrets_are_references_and_all_that_the_rules_need() -> None:
    found = rules(more=OIDC)
    assert secrets(found) == [
        "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "RESTORE_POINT_KNATIVE_TOKEN", "RESTORE_POINT_CI_TOKEN",
        "RESTORE_POINT_AM_TOKEN", "BASIC", "SCORE", "SCORE_BEFORE", "RESTORE_POINT_LEDGER",
    ]  # fmt: skip
    for platform in (knative, cloudrun):
        (service,) = Cluster(written(platform.documents(found))).of("Service", "serving")
        (container,) = service["spec"]["template"]["spec"]["containers"]
        by_reference = [each["name"] for each in container["env"] if "valueFrom" in each]
        assert by_reference == secrets(found)
        plain = {each["name"]: each["value"] for each in container["env"] if "value" in each}
        assert not plain.keys() & set(secrets(found))


def test_the_server_is_the_clusters_own_until_somebody_opens_it_and_who_speaks_as_its_senders_is_said() -> None:
    text = written(knative.documents(rules()))
    cluster = Cluster(text)
    (service,) = (each for each in cluster.of("Service") if each["apiVersion"] == "serving.knative.dev/v1")
    assert service["metadata"]["labels"] == {"networking.knative.dev/visibility": "cluster-local"}
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    assert "Delete the label where a sender\n# calls from outside" in comments
    assert "Whoever may post to this Broker, or create PingSources or Triggers here, speaks as the senders" in comments
    lines = [line.removeprefix("#   ") for line in comments.splitlines() if line.startswith("#   ")]
    policy = yaml.safe_load("\n".join(lines))
    (broker,) = cluster.of("Broker")
    to = {"apiVersion": broker["apiVersion"], "kind": "Broker", "name": broker["metadata"]["name"]}
    assert (policy["kind"], policy["spec"]["to"]) == ("EventPolicy", [{"ref": to}])
    assert policy["metadata"]["namespace"] == broker["metadata"]["namespace"]


HOOK = """
[topics.hook]
kind = "cloudevents"
url = "https://hook.example.com/x"
secret = "env:HOOK_KEY"
"""


@pytest.mark.parametrize("platform", [knative, cloudrun], ids=["knative", "cloudrun"])
def test_what_signs_for_a_topic_is_a_secret_of_the_server(platform: Any) -> None:
    """Without it the server would not start."""
    found = Cluster(written(platform.documents(rules(more=HOOK)))).of("Service")
    (service,) = (each for each in found if each["apiVersion"] == "serving.knative.dev/v1")
    container = service["spec"]["template"]["spec"]["containers"][0]
    assert "HOOK_KEY" in {each["name"] for each in container["env"] if "secretKeyRef" in each.get("valueFrom", {})}


def test_projects_of_their_own_keys_and_regions() -> None:
    text = RULES.replace("[projects.sandbox]\nregion", '[projects.sandbox]\ncredentials = "env:PROD_"\n# region')
    assert secrets(rules(text))[:2] == ["PROD_HUAWEICLOUD_SDK_AK", "PROD_HUAWEICLOUD_SDK_SK"]
    assert regions(rules(text)) == ["PROD_HW_REGION_NAME"]
    assert regions(rules()) == []
    (service,) = Cluster(written(cloudrun.documents(rules(text)))).of("Service")
    assert {"name": "PROD_HW_REGION_NAME", "value": "REGION"} in service["spec"]["template"]["spec"]["containers"][0]["env"]


def test_cloud_run_takes_the_newest_of_each_secret_and_no_more_instances_than_are_said() -> None:
    (service,) = Cluster(written(cloudrun.documents(rules()))).resources
    spec = service["spec"]["template"]["spec"]
    for each in spec["containers"][0]["env"]:
        assert each["valueFrom"]["secretKeyRef"] == {"name": each["name"], "key": "latest"}
    assert service["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/maxScale"] == "5"
    assert (spec["containerConcurrency"], spec["timeoutSeconds"]) == (8, 60)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=20)
WORDS = st.sampled_from(["true", "No", "null", "~", "1e3", "0x1F", "12:30:00", "2026-01-01", "- a", "a: b", "#c", " ", "y", ".5"])
SCALARS = st.booleans() | st.integers(-(10**9), 10**9) | TEXT | WORDS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | WORDS, inner, max_size=4), max_leaves=12
)


LINES = "server {\n  listen 1;\n\n  # a: b\n}\n"


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
def test_what_is_written_reads_back(document: dict[str, Any]) -> None:
    text = written([("a comment\nof two lines", document), ("", {"second": LINES})])
    assert list(yaml.safe_load_all(text)) == [document, {"second": LINES}]
    assert "second: |\n  server {\n" in text
