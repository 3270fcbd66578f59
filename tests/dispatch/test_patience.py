"""For how long what waits is wanted, and that somebody hears when that is over."""

from __future__ import annotations

from pathlib import Path

from tests.dispatch.stage import MORE, SEND, stage_in, wishes, words
from tests.scripted import CREATE, SHOW, fails


def test_patience_counts_from_the_slot(tmp_path: Path) -> None:
    """Whose turn comes after ten minutes has not waited in vain for ten minutes."""
    with stage_in(tmp_path, MORE, per_second=0.1, more='give_up_after = "5m"') as stage:  # 25 seconds apart: 13 minutes
        service = stage.service()
        stage.fire(service)
        slots = {cause: wish.slot for cause, wish in wishes(service).items()}
        last = max(slots, key=lambda cause: slots[cause])
        assert slots[last] - stage.clock() > 700
        stage.clock.forward(slots[last] - stage.clock())
        assert words(stage.work(service, last).outcomes) == {"created/accepted": 1}


def test_patience_ends_and_that_is_told(tmp_path: Path) -> None:
    """CBR never takes them: however often they are sent again, an end comes, and somebody hears of each."""
    with stage_in(tmp_path, MORE, per_second=20, more='give_up_after = "15m"') as stage:
        service = stage.service()
        stage.door.on(CREATE, fails("6125"), always=True)
        stage.fire(service)
        stage.night(service, 600, 150)
        assert stage.sandbox.published == []
        stage.night(service, 1000, 150)
        assert {wish.state for wish in wishes(service).values()} == {"failed"}
        assert len(stage.sandbox.published) == MORE
        assert all("FAILED" in each["subject"] for each in stage.sandbox.published)


def test_an_alert_that_repeats_itself_does_not_put_the_end_off(tmp_path: Path) -> None:
    """Each time it comes while CBR is busy it gets a new slot, and no new patience."""
    with stage_in(tmp_path, MORE, per_second=20, more='give_up_after = "15m"') as stage:
        service = stage.service()
        stage.door.on(CREATE, fails("6125"), always=True)
        for number in range(5):
            assert words(stage.storm(service, "a").outcomes) == {"later/queued": MORE}, number
            stage.clock.forward(200)
            while stage.bring(service):
                pass
        assert {wish.state for wish in wishes(service).values()} == {"failed"}
        assert len(stage.sandbox.published) == MORE


def test_a_message_that_came_too_early_everywhere_costs_nothing(tmp_path: Path) -> None:
    with stage_in(tmp_path, 40, per_second=0.5) as stage:
        service = stage.service()
        stage.fire(service)
        late = [cause for cause, wish in wishes(service).items() if wish.slot > stage.clock() + 61]
        for _ in range(5):
            stage.work(service, *late)
        assert stage.asked() == []
        assert len(stage.mail.came(SEND)) == 4
        assert not stage.door.came(SHOW)
