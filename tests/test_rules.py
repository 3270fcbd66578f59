"""What the rules file may say, and what is said about the rest: design, section 4, and the README's table of keys."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import ValidationError

from handlers.documents import fault
from handlers.errors import Misconfigured
from handlers.rules import Rules, seconds
from handlers.settings import read_rules

ERP = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
FILES = "c93e6f18-0d27-4ab5-8f41-2b9a64d7e035"
SERVER = "94eba8b2-acc9-4d82-badc-127144cc5526"
DISK = "43a320a5-3efd-4568-b1aa-8dd9183cc64b"
POLICY = "6dd81d7d-a4cb-443e-b8ed-1af0bd3a261b"
PROJECT = "f841e01fd2b14e7fa41b6ae7aa6b0594"
URN = f"urn:smn:eu-de:{PROJECT}:ops"
SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"

# Stands in rows as a value nobody may read in a message.
CANARY = "hush-7f3a"

LEAST: dict[str, Any] = {
    "vaults": {"erp": {"id": ERP}},
    "timers": {"nightly": {"source": SCHEDULE}},
    "rules": [{"name": "nightly-erp", "timer": "nightly", "vaults": ["erp"]}],
}
EVERY_KEY = f"""
[projects.prod]
project_id = "{PROJECT}"
region = "eu-de"
cloud = "otc"
endpoint = "https://cbr.eu-de.otc.t-systems.com"
iam_endpoint = "https://iam.eu-de.otc.t-systems.com"
smn_endpoint = "https://smn.eu-de.otc.t-systems.com"
credentials = "env:PROD_"
agency = "backup-operator"
agency_domain = "our-account"
requests_per_second = 7

[vaults.erp]
id = "{ERP}"
project = "prod"

[timers.nightly]
source = "{SCHEDULE}"

[topics.ops]
kind = "smn"
urn = "{URN}"
project = "prod"
outcomes = ["created", "joined", "skipped", "refused", "later", "failed", "available", "partly", "broken"]

[topics.here]
kind = "log"

[[rules]]
name = "nightly-erp"
timer = "nightly"
vaults = ["erp"]
max_event_age = "2h"
give_up_after = "90m"

[rules.parameters]
name = "erp-nightly"
description = "before the nightly batch"
incremental = false
auto_trigger = true
policy_id = "{POLICY}"
resources = ["{SERVER}"]

[[rules.parameters.resource_details]]
id = "{SERVER}"
type = "OS::Nova::Server"
name = "erp-app"
extra_info = {{ exclude_volumes = ["{DISK}"] }}

[[rules]]
name = "kept"
timer = "nightly"
vaults = ["erp"]
parameters = {{ retention_duration_days = 30 }}
"""


def least(**changes: Any) -> dict[str, Any]:
    """The smallest rules that do something, with ``table__name__key`` set; None takes it away."""
    document = copy.deepcopy(LEAST)
    for path, value in changes.items():
        *way, last = path.split("__")
        place: Any = document
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
    return document


def fault_of(document: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        Rules.model_validate(document)
    assert CANARY not in str(caught.value)
    return fault(caught.value)


# --- what is accepted -----------------------------------------------------------------------------------------------


def test_no_rules_are_rules() -> None:
    rules = Rules.model_validate({})
    assert (rules.projects, rules.vaults, rules.timers, rules.topics, rules.rules) == ({}, {}, {}, {}, ())


def test_what_is_left_out_has_the_documented_default() -> None:
    rules = Rules.model_validate(least(projects__one={}, topics__here={"kind": "log"}))
    (rule,) = rules.rules
    assert (rule.max_event_age, rule.give_up_after) == (24 * 3600.0, 6 * 3600.0)
    assert rule.parameters.model_dump(exclude_none=True) == {}
    assert set(rules.topics["here"].outcomes) == {
        "created", "refused", "failed", "available", "partly", "broken", "overdue", "missed", "duplicate", "warning", "healed",
    }  # fmt: skip
    assert (rules.projects["one"].credentials, rules.projects["one"].requests_per_second) == ("env", 5.0)


def test_every_documented_key_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(EVERY_KEY, encoding="utf-8")
    rules = read_rules(file)
    prod, (nightly, kept) = rules.projects["prod"], rules.rules
    assert (prod.project_id, prod.region, prod.cloud, prod.credentials) == (PROJECT, "eu-de", "otc", "env:PROD_")
    assert (prod.agency, prod.agency_domain, prod.requests_per_second) == ("backup-operator", "our-account", 7.0)
    assert (nightly.max_event_age, nightly.give_up_after) == (7200.0, 5400.0)
    assert nightly.parameters.model_dump(mode="json", exclude_none=True) == {
        "auto_trigger": True,
        "description": "before the nightly batch",
        "incremental": False,
        "name": "erp-nightly",
        "resources": [SERVER],
        "resource_details": [
            {"extra_info": {"exclude_volumes": [DISK]}, "id": SERVER, "name": "erp-app", "type": "OS::Nova::Server"}
        ],
        "policy_id": POLICY,
    }
    assert kept.parameters.retention_duration_days == 30
    assert len(rules.topics["ops"].outcomes) == 9


def test_the_keys_of_the_readme_are_the_keys_of_the_file() -> None:
    """What the test above writes is what the README's table names, key for key."""
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    written = tomllib.loads(EVERY_KEY)
    for title, entries in {
        "[projects.NAME]": [written["projects"]["prod"]],
        "[vaults.NAME]": [written["vaults"]["erp"]],
        "[timers.NAME]": [written["timers"]["nightly"]],
        "[topics.NAME]": list(written["topics"].values()),
        "[[rules]]": [*written["rules"], *(rule["parameters"] for rule in written["rules"])],
    }.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{title}`")]
        for key in {key for entry in entries for key in entry}:
            assert f"`{key}`" in line, f"{title} {key}"


def test_rules_are_frozen() -> None:
    rules = Rules.model_validate(LEAST)
    with pytest.raises(AttributeError):
        rules.rules[0].name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "expected"), [("1s", 1), ("90s", 90), ("15m", 900), ("26h", 93_600), ("7d", 604_800), ("9999999s", 9_999_999)]
)
def test_a_time_span(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0s",
        "00s",
        "01h",
        "-1h",
        "+1h",
        "1.5h",
        "1 h",
        " 1h",
        "1h\n",
        "1H",
        "1w",
        "h",
        "15",
        "1h30m",
        "1e3s",
        "\u0661h",
        "10000000s",
    ],
)
def test_no_time_span(text: str) -> None:
    with pytest.raises(ValueError, match="time span such as"):
        seconds(text)


@pytest.mark.parametrize("value", [None, 5, 5.0, True, [], {}])
def test_a_time_span_is_a_text(value: object) -> None:
    with pytest.raises(ValueError, match="time span such as"):
        seconds(value)


@given(st.integers(1, 9_999_999), st.sampled_from("smhd"))
def test_a_time_span_is_a_number_of_units(number: int, unit: str) -> None:
    span = number * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    if span <= 366 * 86400:
        assert seconds(f"{number}{unit}") == span
    else:
        with pytest.raises(ValueError, match="at most 366d"):
            seconds(f"{number}{unit}")


# --- projects, vaults and what they are called -----------------------------------------------------------------------


def test_a_vault_is_found_by_name_and_by_id() -> None:
    rules = Rules.model_validate(least(vaults__files={"id": FILES}))
    for word in ("files", FILES):
        found = rules.vault_named(word)
        assert found is not None
        assert (found[0], found[1].id) == ("files", FILES)
    for word in ("file", FILES.upper(), "", DISK):
        assert rules.vault_named(word) is None


def test_without_projects_there_is_one_from_the_environment() -> None:
    rules = Rules.model_validate(LEAST)
    assert rules.project_of(rules.vaults["erp"]) == "default"


def test_a_single_project_need_not_be_named() -> None:
    rules = Rules.model_validate(least(projects__prod={}, topics__ops={"kind": "smn", "urn": URN}))
    assert rules.project_of(rules.vaults["erp"]) == "prod"
    assert rules.project_of(rules.topics["ops"]) == "prod"


def test_several_projects_are_named_by_every_vault() -> None:
    document = least(
        projects__prod={}, projects__test={}, vaults__erp__project="prod", vaults__files={"id": FILES, "project": "test"}
    )
    rules = Rules.model_validate(document)
    assert {name: rules.project_of(vault) for name, vault in rules.vaults.items()} == {"erp": "prod", "files": "test"}
    del document["vaults"]["files"]["project"]
    field, sentence = fault_of(document)
    assert field == "vaults.files.project"
    assert "more than one" in sentence


def test_several_projects_are_named_by_every_topic() -> None:
    two = least(projects__prod={}, projects__test={}, vaults__erp__project="prod", topics__ops={"kind": "smn", "urn": URN})
    assert fault_of(two)[0] == "topics.ops.project"


# --- senders and the rules of their alerts ---------------------------------------------------------------------------


def test_what_a_sender_and_its_rule_leave_out_has_the_documented_default() -> None:
    rules = Rules.model_validate(sent())
    (rule,), sender = rules.rules, rules.senders["am"]
    assert (rule.match, rule.by, rule.window, rule.resource_from, rule.otherwise) == ({}, (), 3600.0, None, "refuse")
    assert (sender.sources, sender.may) == ((), ())
    assert rules.vaults["erp"].min_interval == 0.0


def test_every_key_of_senders_and_their_rules_is_accepted() -> None:
    more = {"match": {"severity": "critical", "host": "erp-*"}, "by": ["host"], "window": "2h", "resource_from": "id"}
    document = sent(AM | {"secret": "file:/run/secrets/am"}, **more, **{"else": "whole vault"})
    document["vaults"]["erp"]["min_interval"] = "15m"
    document["senders"] |= {
        "topic": {"dialect": "simple", "proof": "platform", "sources": [URN]},
        "ci": CI | {"may": ["name", "description", "incremental", "resources", "resource_details", "auto_trigger"]},
    }
    rules = Rules.model_validate(document)
    (rule,) = rules.rules
    assert (rule.match, rule.by, rule.window) == (more["match"], ("host",), 7200.0)
    assert (rule.resource_from, rule.otherwise, rules.vaults["erp"].min_interval) == ("id", "whole vault", 900.0)
    assert (rules.senders["topic"].sources, len(rules.senders["ci"].may)) == ((URN,), 6)


# --- what is refused ------------------------------------------------------------------------------------------------

AM = {"dialect": "alertmanager", "proof": "bearer", "secret": "env:AM_TOKEN"}
CI = {"dialect": "once", "proof": "platform"}


def sent(given: dict[str, Any] = AM, /, **changes: Any) -> dict[str, Any]:
    """Rules of one sender; None takes a key away."""
    rule = {"name": "alerts", "sender": "am", "vaults": ["erp"]} | changes
    rule = {key: value for key, value in rule.items() if value is not None}
    return least(senders={"am": {key: value for key, value in given.items() if value is not None}}, rules=[rule])


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    # the field named, and a part of the way out
    "unknown table": (least(vault={"erp": {"id": CANARY}}), "vault", "did you mean 'vaults'"),
    "unknown key, near": (least(rules__0__timers="nightly"), "rules[0].timers", "did you mean 'timer'"),
    "unknown key, far": (least(projects__prod={"x9": CANARY}), "projects.prod.x9", "known here: project_id, region"),
    "unknown parameter": (least(rules__0__parameters={"incrementl": True}), "rules[0].parameters.incrementl", "'incremental'"),
    "unknown key in a resource": (
        least(rules__0__parameters={"resource_details": [{"id": SERVER, "type": "OS::Nova::Server", "colour": CANARY}]}),
        "rules[0].parameters.resource_details[0].colour",
        "known here",
    ),
    "key in other case": (least(vaults__erp={"ID": ERP}), "vaults.erp.ID", "known here: id"),
    "no id": (least(vaults__erp={}), "vaults.erp.id", "is required"),
    "no timer": (least(rules__0__timer=None), "rules[0].timer", "either a timer or a sender"),
    "no name": (least(rules__0__name=None), "rules[0].name", "is required"),
    "no vaults": (least(rules__0__vaults=None), "rules[0].vaults", "either vaults, by name, or vault_tags"),
    "vaults empty": (least(rules__0__vaults=[]), "rules[0].vaults", "either vaults, by name, or vault_tags"),
    "vaults twice over": (least(rules__0__vault_tags={"a": "b"}), "rules[0].vaults", "either vaults, by name, or vault_tags"),
    "projects without tags": (least(rules__0__projects=["prod"]), "rules[0].projects", "goes with vault_tags only"),
    "projects unknown": (
        least(projects__prod={}, rules__0__vaults=None, rules__0__vault_tags={"a": "b"}, rules__0__projects=["prad"]),
        "rules[0].projects[0]",
        "did you mean 'prod'",
    ),
    "table is a list": (least(vaults=[]), "vaults", "must be an object"),
    "table is a text": (least(timers=CANARY), "timers", "must be an object"),
    "entry is a text": (least(vaults__erp=CANARY), "vaults.erp", "must be an object"),
    "rules is an object": (least(rules={}), "rules", "must be a list"),
    "vaults is a text": (least(rules__0__vaults=CANARY), "rules[0].vaults", "must be a list"),
    "vault is a number": (least(rules__0__vaults=[7]), "rules[0].vaults[0]", "must be a string"),
    "name is a number": (least(rules__0__name=7), "rules[0].name", "must be a string"),
    "source is a number": (least(timers__nightly__source=7), "timers.nightly.source", "must be a string"),
    "source is empty": (least(timers__nightly__source=""), "timers.nightly.source", "must not be empty"),
    "boolean is a text": (
        least(rules__0__parameters={"incremental": "true"}),
        "rules[0].parameters.incremental",
        "true or false",
    ),
    "boolean is a number": (least(rules__0__parameters={"auto_trigger": 1}), "rules[0].parameters.auto_trigger", "true or false"),
    "integer is a text": (
        least(rules__0__parameters={"retention_duration_days": "7"}),
        "rules[0].parameters.retention_duration_days",
        "whole number",
    ),
    "integer is a boolean": (
        least(rules__0__parameters={"retention_duration_days": True}),
        "rules[0].parameters.retention_duration_days",
        "whole number",
    ),
    "days out of range": (
        least(rules__0__parameters={"retention_duration_days": 0}),
        "rules[0].parameters.retention_duration_days",
        "1 to 36500",
    ),
    "rate is a text": (least(projects__prod={"requests_per_second": "5"}), "projects.prod.requests_per_second", "number"),
    "rate is a boolean": (least(projects__prod={"requests_per_second": True}), "projects.prod.requests_per_second", "number"),
    "rate is 0": (least(projects__prod={"requests_per_second": 0}), "projects.prod.requests_per_second", "greater than 0"),
    "rate is none": (least(projects__prod={"requests_per_second": float("nan")}), "projects.prod.requests_per_second", "200"),
    "rate is endless": (least(projects__prod={"requests_per_second": float("inf")}), "projects.prod.requests_per_second", "200"),
    "age is a number": (least(rules__0__max_event_age=3600), "rules[0].max_event_age", "time span such as"),
    "age of no unit": (least(rules__0__max_event_age="24"), "rules[0].max_event_age", "time span such as"),
    "give up at once": (least(rules__0__give_up_after="0s"), "rules[0].give_up_after", "time span such as"),
    "id is a name": (least(vaults__erp__id=CANARY), "vaults.erp.id", "must be a UUID"),
    "id in capitals": (least(vaults__erp__id=ERP.upper()), "vaults.erp.id", "lower case"),
    "id without hyphens": (least(vaults__erp__id=ERP.replace("-", "")), "vaults.erp.id", "hyphens"),
    "id in braces": (least(vaults__erp__id=f"{{{ERP}}}"), "vaults.erp.id", "must be a UUID"),
    "id as URN": (least(vaults__erp__id=f"urn:uuid:{ERP}"), "vaults.erp.id", "must be a UUID"),
    "id with a line break": (least(vaults__erp__id=ERP + "\n"), "vaults.erp.id", "must be a UUID"),
    "id with foreign digits": (least(vaults__erp__id=ERP.replace("3", "\uff13")), "vaults.erp.id", "must be a UUID"),
    "name with a space": (least(rules__0__parameters={"name": f"a {CANARY}"}), "rules[0].parameters.name", "1 to 64 characters"),
    "name of 65": (least(rules__0__parameters={"name": "n" * 65}), "rules[0].parameters.name", "1 to 64 characters"),
    "name not ASCII": (least(rules__0__parameters={"name": "n\u00e4chtlich"}), "rules[0].parameters.name", "A-Z a-z 0-9"),
    "description with <": (
        least(rules__0__parameters={"description": f"<{CANARY}>"}),
        "rules[0].parameters.description",
        "must not contain < or >",
    ),
    "description of 256": (least(rules__0__parameters={"description": "d" * 256}), "rules[0].parameters.description", "255"),
    "resource is no id": (
        least(rules__0__parameters={"resources": [CANARY]}),
        "rules[0].parameters.resources[0]",
        "must be a UUID",
    ),
    "rule's name with a space": (least(rules__0__name=f"a {CANARY}"), "rules[0].name", "a-z 0-9 _ and -"),
    "rule's name in capitals": (least(rules__0__name="Nightly"), "rules[0].name", "a-z 0-9 _ and -"),
    "vault's name with a space": (least(vaults={"ERP vault": {"id": ERP}}), "vaults.ERP vault", "a-z 0-9 _ and -"),
    "unknown vault, near": (least(rules__0__vaults=["epr"]), "rules[0].vaults[0]", "did you mean 'erp'"),
    "unknown vault, far": (least(rules__0__vaults=["erp", "zzz"]), "rules[0].vaults[1]", "there is no [vaults.zzz]"),
    "vault by id": (least(rules__0__vaults=[ERP]), "rules[0].vaults[0]", "there is no [vaults."),
    "unknown timer": (least(rules__0__timer="nightyl"), "rules[0].timer", "did you mean 'nightly'"),
    "unknown project of a vault": (least(projects__prod={}, vaults__erp__project="prd"), "vaults.erp.project", "mean 'prod'"),
    "project where there is none": (least(vaults__erp__project="prod"), "vaults.erp.project", "there is no [projects.prod]"),
    "unknown project of a topic": (
        least(projects__prod={}, topics__ops={"kind": "smn", "urn": URN, "project": "prd"}),
        "topics.ops.project",
        "mean 'prod'",
    ),
    "a rule's name twice": (
        least(rules=[LEAST["rules"][0], LEAST["rules"][0]]),
        "rules[1].name",
        "is the name of rules[0] already",
    ),
    "a vault twice": (least(vaults__again={"id": ERP}), "vaults.again.id", "is the id of vaults.erp already"),
    "a schedule twice": (least(timers__again={"source": SCHEDULE}), "timers.again.source", "of timers.nightly already"),
    "kept for days, but not by hand": (
        least(rules__0__parameters={"retention_duration_days": 30, "auto_trigger": True}),
        "rules[0].parameters.retention_duration_days",
        "leave it out, or leave auto_trigger out",
    ),
    "cloud": (least(projects__prod={"cloud": CANARY}), "projects.prod.cloud", "'huawei' or 'otc'"),
    "region": (least(projects__prod={"region": f"{CANARY}.example/"}), "projects.prod.region", "such as eu-de"),
    "project id": (least(projects__prod={"project_id": CANARY}), "projects.prod.project_id", "32 characters"),
    "credentials in the file": (least(projects__prod={"credentials": CANARY}), "projects.prod.credentials", "env:PROD_"),
    "prefix without _": (least(projects__prod={"credentials": "env:PROD"}), "projects.prod.credentials", "env:PROD_"),
    "agency without its domain": (least(projects__prod={"agency": "a"}), "projects.prod.agency", "go together"),
    "domain without agency": (least(projects__prod={"agency_domain": "a"}), "projects.prod.agency", "go together"),
    "topic of no kind": (least(topics__ops={"urn": URN}), "topics.ops.kind", "is required"),
    "topic of another kind": (least(topics__ops={"kind": CANARY}), "topics.ops.kind", "'cloudevents', 'log', 'pubsub'"),
    "smn without urn": (least(topics__ops={"kind": "smn"}), "topics.ops.urn", "is required"),
    "log with urn": (least(topics__ops={"kind": "log", "urn": URN}), "topics.ops.urn", 'kind = "smn" only'),
    "urn of another service": (
        least(topics__ops={"kind": "smn", "urn": f"urn:sns:eu-de:{PROJECT}:{CANARY}"}),
        "topics.ops.urn",
        "urn:smn:<region>:<project id>:<topic name>",
    ),
    "urn with a path in it": (
        least(topics__ops={"kind": "smn", "urn": f"{URN}/../{CANARY}"}),
        "topics.ops.urn",
        "urn:smn:<region>",
    ),
    "a rule of timer and sender": (sent(timer="nightly"), "rules[0].timer", "either a timer or a sender"),
    "unknown sender": (sent(sender="amm"), "rules[0].sender", "did you mean 'am'"),
    "a sender called as the terminal is": (least(senders={"terminal": CI}), "senders.terminal", "choose another name"),
    "dialect": (sent(AM | {"dialect": CANARY}), "senders.am.dialect", "'once' or 'timer'"),
    "no dialect": (sent(AM | {"dialect": None}), "senders.am.dialect", "is required"),
    "proof": (sent(AM | {"proof": CANARY}), "senders.am.proof", "'smn' or 'sns'"),
    "no proof": (sent(AM | {"proof": None}), "senders.am.proof", "is required"),
    "bearer without secret": (sent(AM | {"secret": None}), "senders.am.secret", 'is required with proof = "bearer"'),
    "platform with secret": (
        sent(AM | {"proof": "platform"}),
        "senders.am.secret",
        'belongs to proof = "bearer", "basic" or "hmac"',
    ),
    "a secret itself": (sent(AM | {"secret": CANARY}), "senders.am.secret", "never the secret itself"),
    "a secret in a file somewhere": (sent(AM | {"secret": f"file:{CANARY}"}), "senders.am.secret", "file:/path"),
    "a secret in a variable in small letters": (sent(AM | {"secret": f"env:{CANARY}"}), "senders.am.secret", "env:NAME"),
    "bearer with sources": (
        sent(AM | {"sources": [URN]}),
        "senders.am.sources",
        'goes with proof = "platform", "sns" or "smn" only',
    ),
    "an empty source": (sent({"dialect": "simple", "proof": "platform", "sources": [""]}), "senders.am.sources[0]", "empty"),
    "may of alerts": (sent(AM | {"may": ["name"]}), "senders.am.may", 'dialect = "once" only'),
    "may of an unknown parameter": (sent(CI | {"may": ["nam"]}), "senders.am.may[0]", "'name'"),
    "may of the vault": (sent(CI | {"may": ["vault_id"]}), "senders.am.may[0]", "or 'retention_duration_days'"),
    "sender, unknown key": (sent(AM | {"secrets": CANARY}), "senders.am.secrets", "did you mean 'secret'"),
    "match of a timer": (least(rules__0__match={"a": "b"}), "rules[0].match", "rules with a sender"),
    "by of a timer": (least(rules__0__by=["a"]), "rules[0].by", "rules with a sender"),
    "window of a timer": (least(rules__0__window="1h"), "rules[0].window", "rules with a sender"),
    "resource_from of a timer": (least(rules__0__resource_from="a"), "rules[0].resource_from", "rules with a sender"),
    "a role instead of its sessions": (
        least(senders__cloud={"dialect": "once", "proof": "platform", "sources": ["arn:aws:iam::123456789012:role/ops"]}),
        "senders.cloud.sources[0]",
        "assumed-role/<role name>",
    ),
    "two senders of one source": (
        least(
            senders__a={"dialect": "simple", "proof": "platform", "sources": ["t"]},
            senders__b={"dialect": "alertmanager", "proof": "platform", "sources": ["t"]},
        ),
        "senders.b.sources",
        "lists a source of [senders.a]",
    ),
    "two senders of none": (
        least(senders__a={"dialect": "once", "proof": "platform"}, senders__b={"dialect": "once", "proof": "platform"}),
        "senders.b.sources",
        "without sources like [senders.a]",
    ),
    "a vault called like an id": (least(vaults={FILES: {"id": ERP}}), f"vaults.{FILES}", "named like an id"),
    "else alone": (least(rules__0__else="refuse"), "rules[0].else", "goes with resource_from only"),
    "max_event_age of one-offs": (sent(CI, max_event_age="1h"), "rules[0].max_event_age", "sends one-offs"),
    "match of one-offs": (sent(CI, match={"a": "b"}), "rules[0].match", "sends one-offs"),
    "by of one-offs": (sent(CI, by=["a"]), "rules[0].by", "sends one-offs"),
    "window of one-offs": (sent(CI, window="1h"), "rules[0].window", "sends one-offs"),
    "resource_from of one-offs": (sent(CI, resource_from="a"), "rules[0].resource_from", "sends one-offs"),
    "match is a number": (sent(match={"a": 1}), "rules[0].match.a", "must be a string"),
    "match is a list": (sent(match=["a"]), "rules[0].match", "must be an object"),
    "match of an empty label": (sent(match={"": "x"}), "rules[0].match.", "empty"),
    "match too long": (sent(match={"a": "x" * 1025}), "rules[0].match.a", "1024"),
    "by is a text": (sent(by="alertname"), "rules[0].by", "must be a list"),
    "window is nothing": (sent(window="0s"), "rules[0].window", "time span such as"),
    "else": (sent(resource_from="a", **{"else": CANARY}), "rules[0].else", "'whole vault' or 'refuse'"),
    "else by its name in the code": (sent(otherwise="refuse"), "rules[0].otherwise", "known here"),
    "min_interval": (least(vaults__erp__min_interval="15"), "vaults.erp.min_interval", "time span such as"),
    "outcome": (least(topics__ops={"kind": "log", "outcomes": ["created", "fail"]}), "topics.ops.outcomes[1]", "'failed'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_named_with_the_way_out(name: str) -> None:
    document, field, way_out = REFUSED[name]
    found, sentence = fault_of(document)
    assert found == field
    assert way_out in sentence
    assert CANARY not in sentence


def test_a_key_from_outside_stays_on_one_line() -> None:
    for document in ({"vaults": {"a\nFAKE": {"id": ERP}}}, {"vaults": {"erp": {"id": ERP, "a\n\x1b[31mFAKE": 1}}}):
        field, sentence = fault_of(document)
        assert (field + sentence).isprintable()
        assert (field + sentence).isascii()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[vaults.erp\nid = 1", "line 1"),
        ("[vaults.erp]\nid = nonsense", "line 2"),
        ("[vaults.erp]\n[vaults.erp]\n", "line 2"),
        ("a = 1\na = 2\n", "line 2"),
        ("a = 1979-13-01\n", "line 1"),
        ("\x00", "line 1"),
        ("a = " + "[" * 5000, "nested too deep"),
        ("a = " + "9" * 5000, "too many digits"),
    ],
)
def test_a_file_that_is_no_toml_is_named_with_the_place(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        read_rules(file)
    assert caught.value.setting == "mine.toml"
    assert says in caught.value.message


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes("[vaults.erp]".encode("utf-16"))
    with pytest.raises(Misconfigured, match=r"^mine\.toml: cannot be read"):
        read_rules(file)


def test_a_mistake_names_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'[vaults.erp]\nid = "{CANARY}"\n', encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        read_rules(file)
    assert caught.value.setting == "mine.toml: vaults.erp.id"
    assert CANARY not in str(caught.value)
