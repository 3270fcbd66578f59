"""``restore-point schema``: what programs may check before they send."""

from __future__ import annotations

import re

from tests.cli.terminal import Terminal


def test_all_of_them_by_name(offline: Terminal) -> None:
    ran = offline.run("schema", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.json) == {"log", "message", "rules", "simple", "vault_backup"}


def test_the_simple_alert_names_its_keys_and_takes_no_others(offline: Terminal) -> None:
    schema = offline.run("schema", "simple").json
    assert set(schema["properties"]) == {"status", "labels", "id", "title", "severity", "starts_at", "link"}
    assert schema["required"] == ["status", "labels"]
    assert schema["additionalProperties"] is False


def test_the_one_off_body_has_every_field_of_the_api_page(offline: Terminal) -> None:
    parameters = offline.run("schema", "vault_backup").json["$defs"]["CheckpointParam"]["properties"]
    page = {"auto_trigger", "description", "incremental", "name", "resources", "resource_details"}
    assert page <= set(parameters)
    assert set(parameters) - page == {"policy_id", "retention_duration_days"}


def test_a_schema_there_is_not(offline: Terminal) -> None:
    ran = offline.run("schema", "nothing")
    assert ran.code == 2
    assert re.search("nothing", ran.err)
