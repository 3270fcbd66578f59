"""``restore-point demo``: the whole way of an event, on a machine with nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.cli.terminal import Terminal


def test_json_whatever_is_set_for_a_real_cloud(offline: Terminal, tmp_path: Path) -> None:
    """Nothing leaves this machine, whoever is at the terminal, and nothing stays behind."""
    offline.write("rules.toml", "this is no TOML")
    ran = offline.run(
        "demo",
        "--json",
        HW_ACCESS_KEY="real",
        HW_SECRET_KEY="hush-7f3a",
        HW_REGION_NAME="eu-de",
        OS_USERNAME="half",
        OS_PROJECT_ID="f841e01fd2b14e7fa41b6ae7aa6b0594",
        HUAWEICLOUD_SDK_SECURITY_TOKEN="hush-7f3a",
        RESTORE_POINT_RULES="missing.toml",
        RESTORE_POINT_SETTLE_SECONDS="nonsense",
        RESTORE_POINT_CA_FILE="/nowhere.pem",
    )
    assert (ran.code, ran.err) == (0, "")
    assert "hush-7f3a" not in ran.out
    assert set(ran.json) == {"outcomes", "restore_points", "topic", "posts"}
    outcomes = ran.json["outcomes"]
    told = [each["outcome"] for each in outcomes if "deliveries" not in each]
    assert told == ["created", "joined", "available", "available", "created", "available"]
    storm = {each["outcome"]: each["deliveries"] for each in outcomes if "deliveries" in each}
    # "later" is a delivery that met the first one at work; what it wished for is recorded, and is that same restore point.
    assert storm.pop("created") == 1
    assert set(storm) <= {"joined", "later"}
    assert sum(storm.values()) == 2000
    assert [each["status"] for each in ran.json["restore_points"]] == ["available"] * 3
    assert ran.json["posts"] == 3
    assert Counter(each["subject"] for each in ran.json["topic"]) == {
        "Restore point started: vault erp": 2,
        "Restore point available: vault erp": 2,
        "Restore point started: vault files": 1,
        "Restore point available: vault files": 1,
        "Restore point warning (storm, alert am)": 1,
    }
    assert [file.name for file in offline.folder.iterdir()] == ["rules.toml"]
    assert not (tmp_path / "home").exists()


def test_for_people_it_fits_a_terminal_even_one_without_arrows(offline: Terminal) -> None:
    ran = offline.run("demo", PYTHONIOENCODING="ascii")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert len(lines) <= 40
    assert max(len(line) for line in lines) <= 80
    for word in (
        "created",
        "joined",
        "available",
        "Restore point started: vault erp",
        '"restore_points"',
        "3 for 2004 deliveries",
    ):
        assert word in ran.out
    assert sum("restore-point " in line for line in lines[-3:]) == 3  # what to do next
