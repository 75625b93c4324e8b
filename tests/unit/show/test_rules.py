"""The pure rules of shows and lots."""

import pytest

from blytz.show import rules
from blytz.show.model import LotStatus, Show, ShowCode, ShowStatus
from blytz.show.words import MAX_WORDS, words_of
from tests.support.shows import lot, show


def test_a_show_is_scheduled_for_as_long_as_it_has_a_time() -> None:
    draft = rules.with_schedule(show(scheduled_at=None))
    assert draft.status is ShowStatus.DRAFT

    scheduled = rules.change_show(draft, {"scheduled_at": 5}, None)
    assert isinstance(scheduled, Show)
    assert scheduled.status is ShowStatus.SCHEDULED

    again = rules.change_show(scheduled, {"scheduled_at": None}, None)
    assert isinstance(again, Show)
    assert (again.status, again.version) == (ShowStatus.DRAFT, 3)


def test_a_change_of_nothing_is_no_new_version() -> None:
    assert rules.change_show(show(), {"title": show().title}, None) == show()


@pytest.mark.parametrize("status", [ShowStatus.ENDED, ShowStatus.CANCELLED])
def test_a_show_that_is_over_never_changes(status: ShowStatus) -> None:
    over = show(status=status, ended_at=1)

    assert rules.change_show(over, {"title": "Later"}, None) is ShowCode.SHOW_OVER


@pytest.mark.parametrize("status", [ShowStatus.LIVE, ShowStatus.PAUSED])
def test_a_show_that_has_started_keeps_its_time_and_visibility_but_not_its_title(status: ShowStatus) -> None:
    started = show(status=status, started_at=1)

    for fields in ({"scheduled_at": 7}, {"visibility": "rehearsal"}):
        assert rules.change_show(started, fields, None) is ShowCode.SHOW_STARTED
    changed = rules.change_show(started, {"title": "Later", "visibility": "public"}, None)
    assert isinstance(changed, Show)
    assert (changed.title, changed.status) == ("Later", status)


@pytest.mark.parametrize("status", [status for status in LotStatus if status is not LotStatus.QUEUED])
def test_a_lot_changes_only_while_it_is_queued(status: LotStatus) -> None:
    assert rules.change_lot(lot(1, status=status), {"title": "Vase"}) is ShowCode.LOT_NOT_QUEUED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Émail, EMAIL & e-mail", ["email", "e", "mail"]),
        ("\uff26\uff35\uff2c\uff2c width \ufb01ne", ["full", "width", "fine"]),
        ("straße STRASSE", ["strasse"]),
        ("茶碗 2024_05", ["茶碗", "2024", "05"]),
        ("'\"*:()&|!-", []),
    ],
)
def test_words_are_compared_without_case_accents_and_width(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_the_words_of_a_text_are_bounded() -> None:
    assert len(words_of(" ".join(f"w{number}" for number in range(2_000)))) == MAX_WORDS
