"""template.yaml under the linters that such templates are held to: what they say is mended, or skipped there for a reason."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.aws.template import FILE, RESOURCES

CFN_LINT = Path(sysconfig.get_path("scripts")) / "cfn-lint"


def ran(*command: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **(more or {})}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


def foreign(variable: str) -> str:
    """The command of a tool that has an environment of its own."""
    if not (command := os.environ.get(variable)):
        pytest.skip(f"{variable} does not name its command")
    return command


@pytest.mark.skipif(not CFN_LINT.exists(), reason="cfn-lint comes with the dev extra")
def test_cfn_lint_has_nothing_to_say() -> None:
    done = ran(str(CFN_LINT), "--", str(FILE))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_sam_takes_it_for_a_template_of_its_own() -> None:
    """Its translator reads more strictly than CloudFormation's schemas."""
    more = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-central-1"}
    done = ran(foreign("RESTORE_POINT_SAM"), "validate", "--lint", "--template", str(FILE), more=more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_checkov_finds_nothing_that_is_not_skipped_for_a_reason() -> None:
    checkov = foreign("RESTORE_POINT_CHECKOV")
    done = ran(checkov, "--skip-download", "--framework", "cloudformation", "--output", "json", "--file", str(FILE))
    found = json.loads(done.stdout)
    assert [(each["check_id"], each["resource"]) for each in found["results"]["failed_checks"]] == []
    assert found["summary"]["passed"] > 50
    assert found["summary"]["parsing_errors"] == 0
    skips = [skip for each in RESOURCES.values() for skip in each.get("Metadata", {}).get("checkov", {}).get("skip", [])]
    assert found["summary"]["skipped"] == len(skips)  # a skip that skips nothing is none
    assert all(len(skip["comment"]) > 20 for skip in skips)
