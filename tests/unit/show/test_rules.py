"""The pure rules of shows and lots."""

from typing import Any

import pytest

from blytz.show import rules
from blytz.show.model import LotStatus, Show, ShowCode, ShowStatus
from blytz.show.words import MAX_WORDS, words_of
from tests.support.shows import lot, show


def test_a_show_is_scheduled_once_it_has_a_time() -> None:
    draft = rules.with_schedule(show(scheduled_at=None))
    assert draft.status is ShowStatus.DRAFT

    scheduled = rules.change_show(draft, {"scheduled_at": 5}, None)
    assert isinstance(scheduled, Show)
    assert scheduled.status is ShowStatus.SCHEDULED
    assert (scheduled.status, scheduled.version) == (ShowStatus.SCHEDULED, 2)


@pytest.mark.parametrize(
    ("visibility", "fields"),
    [
        ("public", {"scheduled_at": None}),
        ("rehearsal", {"scheduled_at": None}),
        ("public", {"visibility": "rehearsal"}),
        ("unlisted", {"visibility": "rehearsal", "scheduled_at": 7}),
        ("rehearsal", {"visibility": "public"}),
        ("rehearsal", {"visibility": "unlisted"}),
    ],
)
def test_who_may_see_a_show_is_settled_once_it_is_scheduled(visibility: str, fields: dict[str, Any]) -> None:
    assert rules.change_show(show(visibility=visibility), fields, None) is ShowCode.SHOW_SCHEDULED


@pytest.mark.parametrize(
    ("status", "visibility", "fields"),
    [
        (ShowStatus.DRAFT, "public", {"visibility": "rehearsal"}),
        (ShowStatus.DRAFT, "rehearsal", {"visibility": "public", "scheduled_at": 7}),
        (ShowStatus.DRAFT, "public", {"scheduled_at": None, "title": "Later"}),
        (ShowStatus.SCHEDULED, "public", {"visibility": "unlisted"}),
        (ShowStatus.SCHEDULED, "unlisted", {"visibility": "public", "scheduled_at": 7}),
        (ShowStatus.SCHEDULED, "rehearsal", {"visibility": "rehearsal", "scheduled_at": 7}),
    ],
)
def test_a_draft_is_free_to_change_and_a_scheduled_show_may_be_unlisted_or_moved(
    status: ShowStatus, visibility: str, fields: dict[str, Any]
) -> None:
    at = None if status is ShowStatus.DRAFT else 5
    made = show(status=status, visibility=visibility, scheduled_at=at)

    assert isinstance(rules.change_show(made, fields, None), Show)


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
