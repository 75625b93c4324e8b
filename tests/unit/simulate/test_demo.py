"""What the demo sells and says fits what happens, and does not repeat itself into boredom."""

import itertools
import random
from typing import Any

import pytest

from blytz.kit.text import is_line
from blytz.show.model import MAX_LOTS
from blytz.simulate.bidders import PEOPLE
from blytz.simulate.demo_chat import HOST, Line, Talk
from blytz.simulate.demo_lines import POOLS
from blytz.simulate.demo_lots import LOTS
from blytz.simulate.demo_programme import LOTS_OF_A_SHOW, Programmes, second_chance
from blytz.simulate.pictures import SHAPES
from tests.support.watch_scenes import JONAS, MAYA, NOW, event
from tests.support.watch_shows import lot, show_event

MAX_TEXT = 300


def an_evening(seed: int) -> list[Line]:
    """All lines of a show in which every second lot is sold, in the order in which they were thought of."""
    talk, said = Talk(random.Random(seed)), list[Line]()
    lots = [lot(number, title=LOTS[number].title, auction_id=f"auc_{number}") for number in range(1, 11)]
    said += talk.welcome()
    for number, each in enumerate(lots):
        said += talk.about(show_event(2, "lot_opened", lot=each), lots)
        for seq in range(30):
            who = (MAYA, JONAS)[seq % 2]
            bid = event(seq, bidder=who, leader=who, at=NOW + number * 60_000 + seq * 1_000, extended=seq > 27)
            said += talk.about(bid | {"auction_id": f"auc_{number}"}, lots)
        sold = {"outcome": "sold", "winner": MAYA} if number % 2 else {"outcome": "unsold", "winner": None}
        said += talk.about(show_event(3, "lot_closed", lot=each, price=5_000, **sold), lots)
    return said + talk.goodbye()


def test_nobody_says_what_was_just_said() -> None:
    for seed in range(20):
        texts = [line.text for line in an_evening(seed)]
        assert len(texts) > 40
        assert all(before != after for before, after in itertools.pairwise(texts))


def test_every_line_may_be_said_in_a_chat() -> None:
    names = {HOST, *(person.name for person in PEOPLE)}
    for line in an_evening(1):
        assert is_line(line.text)
        assert len(line.text) <= MAX_TEXT
        assert "{" not in line.text
        assert line.speaker in names or line.is_announcement


def test_the_host_names_the_winner_and_the_one_who_was_outbid_answers() -> None:
    talk = Talk(random.Random(3))
    sold = show_event(1, "lot_closed", lot=lot(1), outcome="sold", winner=MAYA, price=4_200)
    lines = talk.about(sold, [])
    assert lines[0].speaker == HOST
    assert "Maya Rosen" in lines[0].text
    assert "$42.00" in lines[0].text
    assert all(line.speaker != "Maya Rosen" or line.text in POOLS["thanks"] for line in lines)

    talk.about(event(1, bidder=MAYA, leader=MAYA, at=NOW), [])
    answered = talk.about(event(2, bidder=JONAS, leader=JONAS, at=NOW + 60_000), [])
    assert [line.speaker for line in answered] == ["Maya Rosen"]


def test_a_crowd_of_bids_does_not_flood_the_chat() -> None:
    talk = Talk(random.Random(1))
    said: list[Line] = []
    for seq in range(200):
        who = (MAYA, JONAS)[seq % 2]
        said += talk.about(event(seq, bidder=who, leader=who, at=NOW + seq * 50), [])
    assert 1 <= len(said) <= 5


def test_shows_that_follow_each_other_have_other_lots_and_titles() -> None:
    programmes = Programmes(random.Random(5))
    shows = [programmes.next() for _ in range(12)]
    for before, after in itertools.pairwise(shows):
        assert len({lot.title for lot in after.lots}) == LOTS_OF_A_SHOW <= MAX_LOTS
        assert sum(lot in before.lots for lot in after.lots) <= LOTS_OF_A_SHOW // 2
    assert {lot.title for show in shows for lot in show.lots} == {lot.title for lot in LOTS}
    assert len({show.title for show in shows[:7]}) == 7


def test_a_second_chance_costs_half_and_has_no_reserve() -> None:
    shown: dict[str, Any] = {"currency": "USD", "start_price": 501, "duration_ms": 1}
    assert second_chance(shown) == shown | {"start_price": 250}


@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_are_small_png_files_that_differ(shape: str) -> None:
    shown = [each.picture() for each in LOTS if each.shape == shape]
    assert shown
    assert len(set(shown)) == len(shown)
    for each in shown:
        assert each.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(each) < 20_000
