"""``restore-point init``: a commented rules file that is right from the start."""

from __future__ import annotations

import re
from pathlib import Path

from handlers.sandbox import Sandbox, estate
from handlers.settings import read_rules
from tests.cli.terminal import Inside, Terminal

COMMENTED = re.compile(r"^# (?=\[|[a-z_]+ = )", re.MULTILINE)


def uncommented(file: Path) -> Path:
    """The same with every line that is an example made real."""
    text, lines = COMMENTED.subn("", file.read_text(encoding="utf-8"))
    assert lines > 15
    other = file.with_name("uncommented.toml")
    other.write_text(text, encoding="utf-8")
    return other


def test_the_file_says_nothing_until_it_is_uncommented(terminal: Terminal, sandbox: Sandbox) -> None:
    ran = terminal.run("init")
    assert (ran.code, ran.out) == (0, "wrote rules.toml; next: restore-point check --rules rules.toml\n")
    rules = read_rules(terminal.folder / "rules.toml")
    assert (rules.vaults, rules.rules) == ({}, ())
    rules = read_rules(uncommented(terminal.folder / "rules.toml"))
    assert list(rules.projects) == ["prod"]
    assert rules.vault_named("erp") is not None
    assert [(rule.name, rule.timer or rule.sender, rule.vaults) for rule in rules.rules] == [
        ("nightly-erp", "nightly", ("erp",)),
        ("disk-failing", "am", ("erp",)),
    ]
    assert rules.topics["ops"].kind == "smn"
    # what is written there as an example is the default, so uncommenting changes nothing by surprise
    assert (rules.rules[0].max_event_age, rules.rules[0].give_up_after) == (24 * 3600.0, 6 * 3600.0)
    assert rules.projects["prod"].requests_per_second == 5.0
    assert sandbox.exchanges == []


def test_with_the_vaults_that_are_there(terminal: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    ran = terminal.run("init", "--from-cloud", "--json")
    assert (ran.code, ran.json) == (0, {"written": "rules.toml"})
    expected = {vault.name: vault.id for vault in estate.VAULTS}
    for file in (terminal.folder / "rules.toml", uncommented(terminal.folder / "rules.toml")):
        assert {name: vault.id for name, vault in read_rules(file).vaults.items()} == expected
    assert {seen.method for seen in sandbox.exchanges} == {"GET"}
    assert "there is no [[rules]]" in inside(terminal, "check").out  # the vaults are there, what is to be done is not


def test_elsewhere(terminal: Terminal, inside: Inside) -> None:
    assert inside(terminal, "init", "--to", "mine.toml").code == 0
    assert [file.name for file in terminal.folder.iterdir()] == ["mine.toml"]


def test_with_the_variable_that_names_the_file_to_write(terminal: Terminal, inside: Inside) -> None:
    assert inside(terminal, "init", "--from-cloud", RESTORE_POINT_RULES="rules.toml").code == 0
    assert set(read_rules(terminal.folder / "rules.toml").vaults) == {vault.name for vault in estate.VAULTS}


def test_a_file_that_is_there_is_never_written_over(terminal: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    terminal.write("rules.toml", "# mine\n")
    for more in ((), ("--from-cloud",)):
        ran = inside(terminal, "init", *more)
        assert ran.code == 2
        assert ran.err == "restore-point: rules.toml: is there already; move it away, or write elsewhere with --to FILE\n"
    assert (terminal.folder / "rules.toml").read_text(encoding="utf-8") == "# mine\n"
    assert sandbox.exchanges == []


def test_from_several_projects_nothing_is_guessed(terminal: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    terminal.write("rules.toml", "[projects.prod]\n[projects.test]\n")
    ran = inside(terminal, "init", "--from-cloud", "--to", "mine.toml")
    assert ran.code == 2
    assert ran.err.startswith("restore-point: --from-cloud: ")
    assert not (terminal.folder / "mine.toml").exists()
    assert sandbox.exchanges == []
