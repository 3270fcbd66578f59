"""The request body and the reply of "create a restore point", field by field, and the name that finds it again.

``tables/vault_backup.json``: ``requests`` are read strictly (``body`` is what goes out) or refused (``refused`` names the
field, or the paths that name it equally well); ``replies`` are read tolerantly (``expect``) or are ``unreadable``; ``names``
and ``named_for`` are about the name we give.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.errors import Refusal
from handlers.vault_backup import (
    Checkpoint,
    CheckpointParam,
    Resource,
    ResourceExtraInfo,
    VaultBackup,
    is_named_for,
    read_checkpoint,
    read_vault_backup,
    restore_point_name,
)

HERE = Path(__file__).parent
TABLE: dict[str, list[dict[str, Any]]] = json.loads((HERE / "tables" / "vault_backup.json").read_text(encoding="utf-8"))
ACCEPTED = [row for row in TABLE["requests"] if "body" in row]
REFUSED = [row for row in TABLE["requests"] if "refused" in row]
READABLE = [row for row in TABLE["replies"] if "expect" in row]
UNREADABLE = [row for row in TABLE["replies"] if "unreadable" in row]
STEPS: list[dict[str, Any]] = json.loads((HERE / "recordings" / "huaweicloudsdk-cbr-aksk.json").read_text(encoding="utf-8"))[
    "steps"
]

# Stands in rows as a value nobody may read in a message.
CANARY = "hush-7f3a"

VAULT = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
SERVER = "94eba8b2-acc9-4d82-badc-127144cc5526"
ON = b'"auto_trigger": true'
OFF = b'"auto_trigger": false'
MANY = settings(max_examples=300, deadline=None, database=None)


def row_name(row: dict[str, Any]) -> str:
    return str(row["name"])


def refusal_of(document: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_vault_backup(document)
    return caught.value


def recorded(step: str) -> bytes:
    [body] = [found["requests"][0]["body_utf8"] for found in STEPS if found["name"] == step]
    return str(body).encode("ascii")


ALL_FIELDS = recorded("create_checkpoint all SDK fields, AK/SK")
SEED = recorded("create_checkpoint seed example, AK/SK")
MINIMAL = recorded("create_checkpoint minimal")
# The SDK sends a retention together with auto_trigger and does not mind; the service does, and so do we.
ALL_FIELDS_MANUAL = ALL_FIELDS.replace(ON, OFF)


def all_fields_manual() -> VaultBackup:
    """The inputs of the recorded call, but for a manual backup: only those may have a retention."""
    extra_info: dict[str, Any] = {
        "exclude_volumes": ["43a320a5-3efd-4568-b1aa-8dd9183cc64b"],
        "include_volumes": [{"id": "53a320a5-3efd-4568-b1aa-8dd9183cc64b", "os_version": "linux"}],
    }
    resource: dict[str, Any] = {
        "id": SERVER,
        "type": "OS::Nova::Server",
        "name": "ecs-1f0f-0002",
        "extra_info": ResourceExtraInfo(**extra_info),
    }
    parameters: dict[str, Any] = {
        "retention_duration_days": 30,
        "policy_id": "6dd81d7d-a4cb-443e-b8ed-1af0bd3a261b",
        "resource_details": [Resource(**resource)],
        "resources": [SERVER],
        "name": "backup_name",
        "incremental": True,
        "description": "backup_description \u00e9",
        "auto_trigger": False,
    }
    return VaultBackup(vault_id=VAULT, parameters=CheckpointParam(**parameters))


def test_the_recorded_bodies_are_the_ones_meant() -> None:
    assert [len(body) for body in (ALL_FIELDS, SEED, MINIMAL)] == [625, 242, 68]
    assert ALL_FIELDS_MANUAL != ALL_FIELDS


@pytest.mark.parametrize("body", [SEED, MINIMAL, ALL_FIELDS_MANUAL], ids=["seed", "minimal", "all fields, manual"])
def test_a_recorded_body_comes_out_byte_for_byte_when_read(body: bytes) -> None:
    assert read_vault_backup(json.loads(body)).to_bytes() == body


def test_a_recorded_body_comes_out_byte_for_byte_when_built() -> None:
    assert VaultBackup(vault_id=VAULT).to_bytes() == MINIMAL
    parameters: dict[str, Any] = {
        "resources": [SERVER],
        "name": "backup_name",
        "incremental": True,
        "description": "backup_description",
        "auto_trigger": True,
    }
    assert VaultBackup(vault_id=VAULT, parameters=CheckpointParam(**parameters)).to_bytes() == SEED
    assert all_fields_manual().to_bytes() == ALL_FIELDS_MANUAL


def test_the_body_with_every_field_comes_out_byte_for_byte() -> None:
    manual = all_fields_manual()
    assert manual.parameters is not None
    automatic = manual.parameters.model_copy(update={"auto_trigger": True})
    assert manual.model_copy(update={"parameters": automatic}).to_bytes() == ALL_FIELDS


def test_the_recorded_body_that_asks_for_both_retention_and_automatic_is_refused() -> None:
    refusal = refusal_of(json.loads(ALL_FIELDS))
    assert refusal.reason == "malformed"
    assert refusal.field in {"checkpoint.parameters.retention_duration_days", "checkpoint.parameters"}


def test_fields_stand_in_the_order_of_the_official_sdk() -> None:
    assert list(VaultBackup.model_fields) == ["parameters", "vault_id"]
    assert list(CheckpointParam.model_fields) == [
        "auto_trigger",
        "description",
        "incremental",
        "name",
        "resources",
        "resource_details",
        "policy_id",
        "retention_duration_days",
    ]
    assert list(Resource.model_fields) == ["extra_info", "id", "name", "type"]
    assert list(ResourceExtraInfo.model_fields) == ["exclude_volumes", "include_volumes"]


@pytest.mark.parametrize("row", ACCEPTED, ids=row_name)
def test_a_request_is_read_and_sent_whole(row: dict[str, Any]) -> None:
    sent = read_vault_backup(row["document"]).to_bytes()
    assert sent == row["body"].encode("ascii"), row["why"]
    assert json.loads(sent) == row["document"], "nothing is lost or added"


@pytest.mark.parametrize("row", REFUSED, ids=row_name)
def test_a_request_beyond_the_interface_is_refused(row: dict[str, Any]) -> None:
    refusal = refusal_of(row["document"])
    expected = row["refused"] if isinstance(row["refused"], list) else [row["refused"]]
    assert refusal.reason == "malformed"
    assert not expected or refusal.field in expected, row["why"]
    assert CANARY not in f"{refusal} {refusal.message} {refusal.field}"


def test_the_table_is_sound() -> None:
    for rows in (TABLE["requests"], TABLE["replies"]):
        assert len({row["name"] for row in rows}) == len(rows)
    assert len(ACCEPTED) + len(REFUSED) == len(TABLE["requests"])
    assert len(READABLE) + len(UNREADABLE) == len(TABLE["replies"])
    assert all(len(row["why"]) > 10 for rows in TABLE.values() for row in rows)
    for row in ACCEPTED:
        assert json.loads(row["body"]) == row["document"]
        assert json.dumps(json.loads(row["body"])) == row["body"]


def details(count: int) -> dict[str, Any]:
    each = [{"id": f"{number:08x}{SERVER[8:]}", "type": "OS::Nova::Server"} for number in range(count)]
    return {"checkpoint": {"parameters": {"resource_details": each}, "vault_id": VAULT}}


def test_256_resource_details_are_the_most() -> None:
    assert json.loads(read_vault_backup(details(256)).to_bytes()) == details(256)
    assert refusal_of(details(257)).field == "checkpoint.parameters.resource_details"


def test_a_bad_entry_is_named_by_its_index() -> None:
    document = details(12)
    document["checkpoint"]["parameters"]["resource_details"][11] = {"id": SERVER, "type": "x"}
    assert refusal_of(document).field == "checkpoint.parameters.resource_details[11].type"


@pytest.mark.parametrize("key", ["line\nbreak", "\x1b[31m", "x" * 100_000, "\u202e", "\ud800", ""], ids=ascii)
def test_a_hostile_key_is_refused_without_harming_a_log_line(key: str) -> None:
    refusal = refusal_of({"checkpoint": {"vault_id": VAULT, key: 1}})
    assert refusal.reason == "malformed"
    for text in (refusal.field, refusal.message, str(refusal)):
        assert text.isprintable()
        assert len(text) <= 500


def test_the_message_never_repeats_the_value() -> None:
    secret = "s3cr3t-value-nobody-may-see"
    for where in ("name", "description", "auto_trigger", "retention_duration_days", "resources", "policy_id"):
        refusal = refusal_of({"checkpoint": {"parameters": {where: {"x": secret}}, "vault_id": VAULT}})
        assert secret not in f"{refusal} {refusal.message} {refusal.field}"
    refusal = refusal_of({"checkpoint": {"vault_id": secret}})
    assert secret not in f"{refusal} {refusal.message} {refusal.field}"
    shown = refusal.__cause__
    assert shown is None or secret not in str(shown), "a traceback shows the cause"


UUIDS = st.uuids().map(str)
RESOURCES = st.fixed_dictionaries(
    {
        "id": UUIDS,
        "type": st.sampled_from(
            [
                "OS::Nova::Server",
                "OS::Cinder::Volume",
                "OS::Ironic::BareMetalServer",
                "OS::Native::Server",
                "OS::Sfs::Turbo",
                "OS::Workspace::DesktopV2",
            ]
        ),
    },
    optional={
        "name": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=255),
        "extra_info": st.fixed_dictionaries(
            {},
            optional={
                "exclude_volumes": st.lists(UUIDS, max_size=3),
                "include_volumes": st.lists(
                    st.fixed_dictionaries({"id": UUIDS}, optional={"os_version": st.sampled_from(["linux", "windows"])}),
                    max_size=3,
                ),
            },
        ),
    },
)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
DESCRIPTIONS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="<>"), max_size=255)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "auto_trigger": st.booleans(),
        "description": DESCRIPTIONS,
        "incremental": st.booleans(),
        "name": NAMES,
        "resources": st.lists(UUIDS, min_size=1, max_size=4),
        "resource_details": st.lists(RESOURCES, max_size=3),
        "policy_id": UUIDS,
        "retention_duration_days": st.one_of(st.just(-1), st.integers(min_value=1, max_value=36500)),
    },
).filter(lambda found: not (found.get("auto_trigger") and "retention_duration_days" in found))
REQUESTS = st.fixed_dictionaries({"checkpoint": st.fixed_dictionaries({"vault_id": UUIDS}, optional={"parameters": PARAMETERS})})


@MANY
@given(document=REQUESTS)
def test_any_legal_request_goes_out_as_it_came_in(document: dict[str, Any]) -> None:
    sent = read_vault_backup(document).to_bytes()
    assert json.loads(sent) == document
    assert json.dumps(json.loads(sent)).encode("ascii") == sent, "separators and escapes of the official SDK"
    assert read_vault_backup(json.loads(sent)).to_bytes() == sent


KEYS = st.sampled_from(
    ["checkpoint", "vault_id", "parameters", "name", "resources", "id", "status", "created_at", "project_id", "vault"]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(VAULT))
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)),
    max_leaves=20,
)


@MANY
@given(document=st.one_of(DOCUMENTS, DOCUMENTS.map(lambda inner: {"checkpoint": inner})))
def test_any_document_is_a_request_or_refused(document: object) -> None:
    try:
        request = read_vault_backup(document)
    except Refusal as refusal:
        assert refusal.reason == "malformed"  # noqa: PT017
    else:
        assert json.loads(request.to_bytes()) == document


def check_against(found: Any, expected: Any, where: str) -> None:
    """Compare what the row names and nothing else; a missing text may be read as None or as an empty one."""
    if isinstance(expected, dict) and not where.endswith("resources[].extra_info"):
        for key, value in expected.items():
            check_against(getattr(found, key), value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for one, value in zip(found, expected, strict=True):
            check_against(one, value, f"{where}[]")
    elif where.endswith(".created_at"):
        assert found == datetime.fromisoformat(expected), where
        assert found.utcoffset() == timedelta(0)
    elif expected is None and where.endswith((".name", ".description", ".protect_status")):
        assert found in {None, ""}, where
    else:
        assert found == expected, where
        assert type(found) is type(expected), where


@pytest.mark.parametrize("row", READABLE, ids=row_name)
def test_a_reply_is_read_tolerantly(row: dict[str, Any]) -> None:
    checkpoint = read_checkpoint(row["document"])
    assert isinstance(checkpoint, Checkpoint)
    check_against(checkpoint, row["expect"], "checkpoint")


def test_a_naive_time_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = {"id": "c", "project_id": "p", "status": "protecting", "created_at": "2025-03-25T06:23:27.304116"}
    try:
        monkeypatch.setenv("TZ", "JST-9")
        time.tzset()
        created_at = read_checkpoint({"checkpoint": reply}).created_at
    finally:
        monkeypatch.undo()
        time.tzset()
    assert created_at.isoformat() == "2025-03-25T06:23:27.304116+00:00"


@pytest.mark.parametrize("row", UNREADABLE, ids=row_name)
def test_a_reply_that_names_no_restore_point_is_unreadable(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_checkpoint(row["document"])


@pytest.mark.parametrize("step", [found["name"] for found in STEPS if "checkpoints" in found["requests"][0]["target"]])
def test_a_recorded_reply_is_read(step: str) -> None:
    [text] = [found["requests"][0]["response"]["body_utf8"] for found in STEPS if found["name"] == step]
    checkpoint = read_checkpoint(json.loads(text))
    assert checkpoint.id == "8b0851a8-adf3-4f4c-a914-dead08bf9664"
    assert checkpoint.created_at == datetime(2019, 5, 10, 7, 59, 12, 733000, tzinfo=UTC)
    assert checkpoint.vault is not None
    assert [one.resource_size for one in checkpoint.vault.resources] == [40]
    assert [one.code for one in checkpoint.vault.skipped_resources] == ["BackupService.6125"]


@MANY
@given(document=st.one_of(DOCUMENTS, DOCUMENTS.map(lambda inner: {"checkpoint": inner})))
def test_any_document_is_a_reply_or_a_value_error(document: object) -> None:
    try:
        checkpoint = read_checkpoint(document)
    except ValueError:
        return
    assert checkpoint.created_at.utcoffset() == timedelta(0)
    assert checkpoint.id != ""


CAUSES = st.binary(max_size=8).map(lambda seed: hashlib.sha256(seed).hexdigest())
SHAPE = re.compile(r"[A-Za-z0-9_-]{1,58}")


@pytest.mark.parametrize("row", TABLE["names"], ids=lambda row: row["given"])
def test_the_name_is_the_given_one_clipped_and_the_cause(row: dict[str, Any]) -> None:
    assert restore_point_name(row["given"], row["cause"]) == row["name"], row["why"]
    assert is_named_for(row["name"], row["cause"])


@pytest.mark.parametrize("row", TABLE["named_for"], ids=lambda row: ascii(row["name"]))
def test_a_name_belongs_to_one_cause(row: dict[str, Any]) -> None:
    assert is_named_for(row["name"], row["cause"]) is row["expect"], row["why"]


@MANY
@given(given_name=NAMES, cause=CAUSES, other=CAUSES, number=st.integers(min_value=1, max_value=9999))
def test_every_name_fits_and_finds_its_cause_again(given_name: str, cause: str, other: str, number: int) -> None:
    name = restore_point_name(given_name, cause)
    assert SHAPE.fullmatch(name)
    assert name.endswith(cause[:16])
    assert is_named_for(name, cause)
    assert is_named_for(f"{name}-{number:04}", cause)
    assert len(f"{name}-{number:04}") <= 64, "the service's suffix has to fit too"
    assert is_named_for(name, other) is (cause[:16] == other[:16])
    assert not is_named_for(f"{name}-{number:05}", cause)
    assert not is_named_for(f"{name}-{number:04}\n", cause)


@MANY
@given(given_name=NAMES, cause=CAUSES)
def test_the_service_takes_every_name_we_make(given_name: str, cause: str) -> None:
    name = restore_point_name(given_name, cause)
    document = {"checkpoint": {"parameters": {"name": name}, "vault_id": VAULT}}
    assert json.loads(read_vault_backup(document).to_bytes()) == document
