"""What is known by name: projects, vaults, timers, senders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from handlers.documents import Strict
from handlers.models import AfterValidator, Field, StrictStr
from handlers.rules.proofs import WITH_SECRET, AnyScheme, Proof, Retiring, Scheme, Token, scheme_named
from handlers.rules.words import (
    Duration,
    Label,
    Path,
    Word,
    checked_certificate,
    checked_credentials,
    checked_project_id,
    checked_reference,
    checked_region,
    checked_source,
)
from handlers.vault_backup import Uuid

OneOffParameter = Literal[
    "auto_trigger",
    "description",
    "incremental",
    "name",
    "policy_id",
    "resource_details",
    "resources",
    "retention_duration_days",
]


class Project(Strict):
    """A cloud project: where its services are and whose credentials speak for it.

    Whatever is left out comes from the environment, then from the region.
    """

    project_id: Annotated[StrictStr, AfterValidator(checked_project_id)] | None = None
    region: Annotated[StrictStr, AfterValidator(checked_region)] | None = None
    cloud: Literal["huawei", "otc"] | None = None
    """Which cloud's host names a region stands for: cbr.<region>.myhuaweicloud.com or cbr.<region>.otc.t-systems.com."""
    endpoint: StrictStr | None = None
    """CBR's origin, such as https://cbr.eu-de.otc.t-systems.com; for regions whose host names follow no pattern."""
    iam_endpoint: StrictStr | None = None
    smn_endpoint: StrictStr | None = None
    credentials: Annotated[StrictStr, AfterValidator(checked_credentials)] = "env"
    agency: StrictStr | None = None
    """An agency to act as (IAM assume_role); needs agency_domain, the name of the account that owns it."""
    agency_domain: StrictStr | None = None
    requests_per_second: Annotated[float, Field(strict=True, gt=0, le=200)] = 5.0
    """CBR publishes no rate; 200 a second is the gateway's default for a whole API, 100 a minute a user has been seen."""

    def _faults(self) -> Iterator[tuple[str, str]]:
        if (self.agency is None) != (self.agency_domain is None):
            yield "agency", "agency and agency_domain go together"


class Vault(Strict):
    """A vault that rules may name. ``project`` may be left out where there is only one."""

    id: Uuid
    project: Word | None = None
    min_interval: Duration = 0.0
    """Between two restore points that alerts ask of it, or of the same of its resources, whatever their causes."""
    max_age: Duration | None = None
    """The watch tells when a resource of it has no good restore point, whoever took it, that is younger than this."""


class Timer(Strict):
    """A schedule that may speak. ``source`` is its exact name: an ARN, a trigger's, job's or PingSource's name."""

    source: Annotated[StrictStr, Field(min_length=1, max_length=1024)]
    sender: Word | None = None
    """Who brings its events over HTTP, and then nobody else: a [senders.…] with ``dialect = "timer"``. Else the platform does."""
    every: Duration | None = None
    """How often it fires. The watch tells when it has not, and ``grace`` has passed, too."""
    grace: Duration = 3600.0
    """How late its event may come. EventBridge and FunctionGraph deliver within minutes unless something is wrong."""

    def _faults(self) -> Iterator[tuple[str, str]]:
        if "grace" in self.model_fields_set and self.every is None:
            yield "grace", "goes with every only"


AlertDialect = Literal[
    "alertmanager", "aom", "azure", "cloud-eye", "cloudwatch", "dynatrace", "falco", "generic", "google-monitoring", "grafana",
    "grafana-legacy", "graylog", "opsgenie", "pagerduty", "pingdom", "sentry", "simple", "statuspage", "uptime-kuma",
    "uptimerobot", "wazuh",
]  # fmt: skip
"""The alert dialects, each a file of ``handlers.alerts``."""
Dialect = Literal[AlertDialect, "once", "timer"]


_TOPICS = {
    "sns": r"arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}",
    "smn": r"urn:smn:[a-z0-9-]+:[0-9a-f]{32}:[A-Za-z0-9_-]{1,255}",
}


class Paths(Strict):
    """Where the generic dialect looks: keys with dots between them (``incident.host``), numbers for places in lists."""

    identity: Annotated[tuple[Path, ...], Field(min_length=1, max_length=16)]
    """What makes the cause: values that stay the same while the problem lasts."""
    alerts: Path | None = None
    """A list, each of whose entries is an alert; the other paths lead on from there. Without it the whole body is one."""
    status: Path | None = None
    """What says whether it fires. Without it every event does."""
    firing: tuple[StrictStr, ...] = ()
    """The words of ``status`` that mean it fires, in any case."""
    resolved: tuple[StrictStr, ...] = ()
    """The words that mean it is over. Any other asks for nothing either."""
    labels: dict[Label, Path] = Field(default_factory=dict)
    """What rules may match on, by the name it gets."""
    title: Path | None = None
    severity: Path | None = None
    starts_at: Path | None = None
    link: Path | None = None

    def _faults(self) -> Iterator[tuple[str, str]]:
        if (self.status is None) != (not self.firing):
            yield "firing", "goes with status, both or none"
        if self.resolved and self.status is None:
            yield "resolved", "goes with status only"


class Sender(Strict):
    """Somebody who may send: which words they speak, and how they prove who they are.

    ``bearer``, ``basic``: a secret in ``Authorization`` (``basic``: ``user:password``). ``hmac``: a signature of the body by
    ``scheme``. ``sns``, ``smn``: the topic's own signature in the body; ``sources`` are the topics, for the signature proves the
    service and not whose topic it is. ``oidc``: a ``token`` of an identity provider. ``platform``: the platform says who it is,
    ``sources`` whom that may be: the topic a message came from, or the caller AWS authenticated at a URL or API (a user's ARN, or
    an assumed role's without the session's name). With none listed it is whoever IAM lets invoke the function or call its URL.
    """

    dialect: Dialect
    """How its bodies are read. ``once``: one-offs. ``timer``: the events of schedules that come over HTTP."""
    paths: Paths | None = None
    """Where ``generic`` finds what it needs."""
    proof: Proof
    secret: Annotated[StrictStr, AfterValidator(checked_reference)] | None = None
    retiring: Annotated[tuple[Retiring, ...], Field(max_length=4)] = ()
    """Secrets that are being replaced, each with its end."""
    scheme: AnyScheme | None = None
    token: Token | None = None
    certificate: Annotated[StrictStr, AfterValidator(checked_certificate)] | None = None
    """A topic's certificate, pinned: ``file:/path``. Without it it is fetched from the one address the service has for them."""
    sources: tuple[Annotated[StrictStr, Field(min_length=1, max_length=1024), AfterValidator(checked_source)], ...] = ()
    may: tuple[OneOffParameter, ...] = ()
    """One-off parameters this sender may set; a rule's own are always there."""

    def _faults(self) -> Iterator[tuple[str, str]]:
        """Keys that do not go together, each with the sentence that says so."""
        pairs = (
            ("secret", self.secret, self.proof in WITH_SECRET, 'proof = "bearer", "basic" or "hmac"'),
            ("scheme", self.scheme, self.proof == "hmac", 'proof = "hmac"'),
            ("token", self.token, self.proof == "oidc", 'proof = "oidc"'),
            ("paths", self.paths, self.dialect == "generic", 'dialect = "generic"'),
        )
        wrong = ((key, wanted, what) for key, value, wanted, what in pairs if (value is not None) != wanted)
        yield from ((key, f"{'is required with' if wanted else 'belongs to'} {what}") for key, wanted, what in wrong)
        if self.retiring and self.secret is None:
            yield "retiring", "goes with secret only"
        if self.certificate and self.proof not in ("sns", "smn"):
            yield "certificate", 'goes with proof = "sns" or "smn" only'
        if self.sources and self.proof not in ("platform", "sns", "smn"):
            yield "sources", 'goes with proof = "platform", "sns" or "smn" only'
        if self.proof in ("sns", "smn"):
            yield from self._topic_faults()
        if self.dialect in ("once", "timer") and self.signed_by is not None and self.signed_by.timestamp_header is None:
            what = "one-offs" if self.dialect == "once" else "timers"
            yield "scheme", f"must sign the time of sending for {what}: a request that was recorded could be sent again for ever"
        if self.may and self.dialect != "once":
            yield "may", 'goes with dialect = "once" only'

    def _topic_faults(self) -> Iterator[tuple[str, str]]:
        form = _TOPICS[self.proof]
        if not self.sources or not all(re.fullmatch(form, each) for each in self.sources):
            what = "arn:aws:sns:<region>:<account>:<name>" if self.proof == "sns" else "urn:smn:<region>:<project id>:<name>"
            yield "sources", f"must list the topics, {what}: the signature proves the service, not whose topic it is"

    @property
    def signed_by(self) -> Scheme | None:
        """The scheme, by name or in full."""
        return scheme_named(self.scheme) if isinstance(self.scheme, str) else self.scheme

    @property
    def door(self) -> Literal["alert", "once", "timer"]:
        """The entry this sender may come to."""
        return self.dialect if self.dialect in ("once", "timer") else "alert"
