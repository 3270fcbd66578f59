"""``restore-point status`` at a terminal and in a pipeline: what it prints, what it writes, how it ends."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from handlers.cli.status.terminal import lines
from handlers.sandbox import Sandbox, estate
from tests.cli.terminal import COMMAND, RULES, Inside, Terminal
from tests.status_page import samples

AGED = RULES.replace(f'id = "{estate.FILES_VAULT_ID}"', f'id = "{estate.FILES_VAULT_ID}"\nmax_age = "26h"')
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test_well_is_zero(ruled: Terminal, inside: Inside) -> None:
    ruled.write("rules.toml", AGED)
    assert ruled.run("take", "files", "--wait").code == 0
    ran = inside(ruled, "status", "files")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("All is well: 1 vault, none overdue, failed or missed.\n")
    assert "newest good " in ran.out


def test_overdue_is_one_and_says_what_to_do(ruled: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    ruled.write("rules.toml", AGED)
    ran = inside(ruled, "status", "--json")
    assert ran.code == 1
    assert ran.json["verdict"] == "wrong"
    assert [(each["vault"], each["state"]) for each in ran.json["vaults"]] == [("files", "overdue"), ("erp", "empty")]
    assert "restore-point take files" in ran.json["vaults"][0]["problems"][0]["message"]
    assert inside(ruled, "status", "erp").code == 0
    assert {seen.method for seen in sandbox.exchanges} == {"GET"}


def test_incomplete_is_three(ruled: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    sandbox.faults.add("skip:which=one,code=6302")
    assert ruled.run("take", "erp").code == 3
    ran = inside(ruled, "status", "erp", "--json")
    for _ in range(50):
        if ran.json["verdict"] != "well":
            break
        ran = inside(ruled, "status", "erp", "--json")
    assert (ran.code, ran.json["verdict"]) == (3, "partly")


@pytest.mark.parametrize("what", ["cloud", "ledger"])
def test_what_cannot_be_looked_at_is_seventy_five(ruled: Terminal, inside: Inside, sandbox: Sandbox, what: str) -> None:
    ruled.write("file", "")
    down = {"RESTORE_POINT_LEDGER": f"sqlite:{ruled.folder}/file/ledger"} if what == "ledger" else {}
    if what == "cloud":
        sandbox.stop()
    ran = inside(ruled, "status", **down)
    assert ran.code == 75
    assert ran.out.startswith("It is not known whether all is well (2 vaults")
    assert len([line for line in ran.out.splitlines() if line.startswith(("erp", "empty    erp", "unknown  erp"))]) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["flies"], "VAULT: is neither the name of a vault in the rules nor an id; did you mean 'files'?"),
        (["--html", "nowhere/page.html"], "--html: cannot be written (FileNotFoundError)"),
    ],
)
def test_wrong_use_is_two(ruled: Terminal, inside: Inside, arguments: list[str], says: str) -> None:
    ran = inside(ruled, "status", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_no_vault_is_said(terminal: Terminal, inside: Inside) -> None:
    ran = inside(terminal, "status")
    assert ran.code == 0
    assert ran.out.startswith("No vault is looked after: no rule lists one.")


def test_a_page_is_written_whole_or_not_at_all(ruled: Terminal, inside: Inside) -> None:
    file = Path(ruled.write("page.html", "the one before"))
    ran = inside(ruled, "status", "--html", str(file), "--json")
    assert ran.json["verdict"] == "well"
    text = (ruled.folder / file).read_text()
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert sorted(each.name for each in ruled.folder.iterdir()) == ["page.html", "rules.toml"]
    spoken = inside(ruled, "status", "--html", str(file))
    assert spoken.out == "All is well: 2 vaults, none overdue, failed or missed; 2 without any restore point yet. See page.html\n"


@pytest.mark.parametrize("make", [samples.nothing, samples.one, samples.few, samples.many, samples.hostile])
def test_it_fits_eighty_columns_and_has_no_colours_and_nothing_hostile(make: object) -> None:
    assert callable(make)
    plain = list(lines(make()))
    printed = "\n".join(plain).splitlines()
    assert [line for line in printed if len(line) > 80] == []
    assert not any("\x1b" in line or "\u202e" in line for line in printed)
    coloured = list(lines(make(), colour=True))
    assert [COLOUR.sub("", line) for line in coloured] == plain


def test_of_many_only_those_with_something_to_say_have_more_than_a_line() -> None:
    printed = "\n".join(lines(samples.many())).splitlines()
    assert 500 < len(printed) < 540


def test_columns_stand_under_each_other() -> None:
    printed = "\n".join(lines(samples.few())).splitlines()
    (head,) = [line for line in printed if line.startswith("STATE")]
    rows = [line for line in printed if re.match("(overdue|missed|partly|filling|well) ", line)]
    assert len(rows) == 6
    for title in ("VAULT", "AGE / MAX AGE", "NEXT TIMER", "FULL"):
        at = head.index(title)
        assert all(row[at - 1] == " " and row[at] != " " for row in rows)


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_are_for_terminals(ruled: Terminal, more: dict[str, str], coloured: bool) -> None:
    leader, follower = pty.openpty()
    environ = {**ruled.environ, "TERM": "xterm", **more}
    done = subprocess.run([COMMAND, "status"], cwd=ruled.folder, env=environ, stdout=follower, timeout=30, check=False)
    os.close(follower)
    said = os.read(leader, 65536).decode()
    os.close(leader)
    assert done.returncode == 0
    assert ("\x1b[" in said) is coloured


def test_a_ledger_that_is_nowhere_is_no_empty_one_and_none_is_made(ruled: Terminal, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    ran = ruled.run("status", RESTORE_POINT_LEDGER=f"sqlite:{nowhere}/ledger")
    assert ran.code == 75
    assert "there is no folder" in ran.out
    assert not nowhere.exists()
    assert ruled.run("history", RESTORE_POINT_LEDGER=f"sqlite:{nowhere}/ledger").code != 0
    here = tmp_path / "ledger"
    assert ruled.run("history", RESTORE_POINT_LEDGER=f"sqlite:{here}").code == 0
    assert not here.exists()
