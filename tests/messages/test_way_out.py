"""What is told of a real world that is set up wrongly says what is wrong with it, and what to change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from handlers.envelope import Envelope
from handlers.outcome import Overdue
from handlers.sandbox import estate
from handlers.wire import Deadline
from tests.messages.others import PROJECT
from tests.scripted import BACKUPS, World, fails, world_in

TOPIC = f'[topics.ops]\nkind = "smn"\nurn = "{estate.TOPIC_URN}"\noutcomes = ["created", "failed", "overdue", "broken"]\n'
GERMAN = "Speicher f\u00fcr \u201e/var\u201c l\u00e4uft voll \u2013 97 %"
CHINESE = "\u78c1\u76d8\u7a7a\u95f4\u4e0d\u8db3"
ALERTS = (
    '[senders.am]\ndialect = "alertmanager"\nproof = "platform"\n[[rules]]\nname = "disks"\nsender = "am"\nvaults = ["files"]\n'
)


def aged(world: World, vault: str) -> None:
    """With a max_age for that vault, which is looked at in the next sweep."""
    rules = world.folder / "rules.toml"
    world.write_rules(vault, topics=TOPIC)
    rules.write_text(rules.read_text().replace(f"[vaults.{vault}]\n", f'[vaults.{vault}]\nmax_age = "1h"\n', 1))


def text_of(world: World) -> str:
    (message,) = world.sandbox.published
    text: str = message["message"]
    return text


def now_of(text: str) -> str:
    return text.split("\nNow: ")[1].split("\n", maxsplit=1)[0]


@pytest.mark.parametrize("project", ["0" * 32, "f841e01fd2b14e7fa41b6ae7aa6b0594"])
def test_a_project_that_is_not_there_is_said_and_which_setting_names_it(tmp_path: Path, project: str) -> None:
    with world_in(tmp_path) as world:
        world.write_rules("files", topics=TOPIC)
        service = world.service(world.environ(HUAWEICLOUD_SDK_PROJECT_ID=project))
        assert [each.word for each in world.fire(service).outcomes] == ["failed"]
        text = text_of(world)
    assert PROJECT in text.partition("\n\n")[0]
    assert "makes one now" not in text
    assert f"\nProject: default {project}\n" in text


def test_a_vault_whose_age_nobody_can_ask_for_because_of_its_project_says_so(tmp_path: Path) -> None:
    with world_in(tmp_path) as world:
        aged(world, "files")
        world.sweep(world.service(world.environ(HUAWEICLOUD_SDK_PROJECT_ID="0" * 32)))
        assert now_of(text_of(world)) == PROJECT


def test_a_vault_that_holds_nothing_is_not_to_be_backed_up_but_filled(tmp_path: Path) -> None:
    with world_in(tmp_path) as world:
        aged(world, "empty")
        (overdue,) = [each["noticed"] if "noticed" in each else each["restore_points"] for each in swept(world)]
        assert [(each["outcome"], each["reason"]) for each in overdue] == [("overdue", "empty_vault")]
        assert now_of(text_of(world)) == "Associate servers or disks with the vault."
        assert "restore-point take" not in text_of(world)


def swept(world: World) -> list[dict[str, Any]]:
    world.sweep(world.service())
    return world.deliveries()


def test_a_vault_whose_age_is_not_known_is_not_said_to_need_a_restore_point(tmp_path: Path) -> None:
    with world_in(tmp_path) as world:
        aged(world, "files")
        world.door.on(BACKUPS, fails("9910", 500), always=True)
        service = world.service()
        for _ in range(4):
            world.sweep(service)
            world.clock.forward(301)
        text = text_of(world)
    assert text.startswith("It is not known whether vault files")
    assert now_of(text).startswith("restore-point check says why CBR cannot be asked")
    assert "restore-point take" not in text


def test_advice_is_the_same_after_a_notice_has_waited(tmp_path: Path) -> None:
    """By its code, which is kept with it."""
    with world_in(tmp_path) as world:
        world.write_rules("files", topics=TOPIC)
        service = world.service()
        late = Overdue(reason="unknown_age", message="What.", vault="files", error_code="BackupService.6105", request_id="r1")
        world.door.on(("POST", r"/publish$"), fails("SMN.0018", 500))
        service.notices(Deadline.after(world.clock, 9)).open("unknown x", late)
        assert world.sandbox.published == []
        world.clock.forward(61)
        world.sweep(service)
        text = text_of(world)
    assert now_of(text) == "Check the vault's id and its project in the rules."
    assert re.search(r"^Request id: r1$", text, re.MULTILINE)


@pytest.mark.parametrize("title", [GERMAN, CHINESE])
def test_an_alert_keeps_its_words_from_the_door_to_the_topic_and_cbr_gets_what_it_takes(tmp_path: Path, title: str) -> None:
    with world_in(tmp_path) as world:
        world.write_rules(topics=TOPIC, more=ALERTS)
        alert = {"status": "firing", "labels": {"alertname": title, "host": "b\u00fcro"}, "annotations": {"summary": title}}
        world.service().handle(Envelope("alert", "lambda", "d", {"alerts": [alert]}, 60.0))
        lines = text_of(world).split("\n")
        described = str(world.posts()[0].body["checkpoint"]["parameters"]["description"])
    assert f"Alert: {title}" in lines
    assert any(line.startswith(f"Cause: {title}") for line in lines)
    assert described.isascii()
    assert "\\" not in described
    assert "host=buro" in described
    assert ('alertname=Speicher fur "/var" lauft voll - 97 %' if title == GERMAN else "alertname=??????") in described


def test_cbr_may_answer_in_the_language_of_the_account(tmp_path: Path) -> None:
    with world_in(tmp_path) as world:
        world.write_rules("files", topics=TOPIC)
        world.sandbox.faults.add("chinese_error:method=POST,path=checkpoints,code=400")
        world.fire(world.service())
        assert re.search("[\u4e00-\u9fff]", text_of(world))
        assert world.sandbox.published[0]["subject"].isascii()
