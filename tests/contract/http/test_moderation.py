"""Chat over HTTP, and what moderators may do in it."""

from typing import Any

import pytest

from tests.contract.http.test_people import acts, user_id
from tests.contract.http.test_shows import call, made, with_lots
from tests.support.http import Api, problem, wrong_fields


def live_show(api: Api, sam: str, **fields: Any) -> str:
    """The path of a new one."""
    show_id, _ = with_lots(api, sam, 1, **fields)
    path = f"/v1/shows/{show_id}"
    assert api.post(f"{path}/start", by=sam).status_code == 200
    return path


def say(api: Api, path: str, by: str, message_id: str = "m1", text: str = "Hello") -> Any:
    return api.post(f"{path}/messages", {"message_id": message_id, "text": text}, by=by)


def test_what_is_said_over_http_is_said_once(api: Api, sam: str) -> None:
    path, anna, ben = live_show(api, sam), api.token("Anna who speaks"), api.token("Ben who speaks")

    first, again = (say(api, path, anna, text=" Hello ") for _ in range(2))

    assert first.status_code == 201
    assert first.json() == again.json() == {"message_id": "m1", "seq": first.json()["seq"], "changed": False}
    problem(say(api, path, ben), 409, "message_id_reused")
    problem(say(api, path, ben, "m2", "two\nlines"), 409, "text_refused")
    problem(say(api, "/v1/shows/shw_none", ben, "m2"), 404, "show_not_found")


def test_a_muted_user_speaks_again_once_the_mute_is_lifted(api: Api, sam: str) -> None:
    path, anna = live_show(api, sam), api.token("Anna who is muted")
    mute = f"{path}/mutes/{user_id(api, anna)}"

    assert call(api, "PUT", mute, {"for_ms": 60_000}, by=sam).json()["for_ms"] == 60_000
    refused = problem(say(api, path, anna), 409, "muted")
    assert 50_000 < refused["retry_after_ms"] <= 60_000
    assert call(api, "PUT", mute, by=sam).json()["for_ms"] is None
    assert "retry_after_ms" not in problem(say(api, path, anna), 409, "muted")
    for _ in range(2):
        assert call(api, "DELETE", mute, by=sam).status_code == 204
    assert say(api, path, anna).status_code == 201
    problem(call(api, "PUT", f"{path}/mutes/{user_id(api, sam)}", by=sam), 403, "forbidden")


def test_every_act_of_a_moderator_is_on_record(api: Api, sam: str) -> None:
    path, anna, friend = live_show(api, sam), api.token("Anna on record"), api.token("A friend who moderates")
    [show_id, anna_id] = [path.rpartition("/")[2], user_id(api, anna)]
    say(api, path, anna, text="Buy elsewhere")
    problem(call(api, "DELETE", f"{path}/messages/m1", by=friend), 403, "forbidden")
    api.post(f"{path}/moderators", {"user_id": user_id(api, friend), "name": "Mo"}, by=sam)

    assert call(api, "DELETE", f"{path}/messages/m1", by=friend).status_code == 204
    call(api, "PUT", f"{path}/mutes/{anna_id}", {"for_ms": 5}, by=friend)
    call(api, "DELETE", f"{path}/mutes/{anna_id}", by=friend)
    announced = [
        api.post(f"{path}/announcements", {"text": " Half price "}, by=friend, Idempotency_Key="a-1").json()
        for _ in range(2)
    ]

    assert announced[0] == announced[1]
    assert announced[0]["text"] == "Half price"
    name = "A friend who moderates"
    assert acts(api, show_id, sam)[4:8] == [
        ("message_removed", name, anna_id, "m1: Buy elsewhere"),
        ("user_muted", name, anna_id, "for 5 ms"),
        ("user_unmuted", name, anna_id, ""),
        ("announced", name, announced[0]["announcement_id"], "Half price"),
    ]
    problem(call(api, "DELETE", f"{path}/messages/m9", by=friend), 404, "message_not_found")


def test_a_named_moderator_is_exempt_from_slow_mode_at_once_and_until_removed(api: Api, sam: str) -> None:
    path, friend = live_show(api, sam), api.token("A friend who is named")
    named = {"user_id": user_id(api, friend), "name": "Mo"}
    call(api, "PATCH", path, {"settings": {"slow_mode_ms": 60_000}}, by=sam)
    assert say(api, path, friend).status_code == 201
    problem(say(api, path, friend, "m2"), 409, "slow_mode")

    api.post(f"{path}/moderators", named, by=sam)

    assert [say(api, path, friend, f"n{number}").status_code for number in range(2)] == [201, 201]
    call(api, "DELETE", f"{path}/moderators/{named['user_id']}", by=sam)
    problem(say(api, path, friend, "m3"), 409, "slow_mode")


def test_a_sellers_words_are_refused_or_masked_also_in_a_show_that_is_on(api: Api) -> None:
    seller, anna = api.token("A seller with a list", "seller"), api.token("Anna who swears")
    rules = "/v1/sellers/me/chat-rules"
    none = {"words": [], "links": "text", "on_match": "refuse"}
    assert api.get(rules, by=seller).json() == none
    path = live_show(api, seller)
    assert call(api, "PUT", rules, {"words": ["junk"]}, by=seller).json() == none | {"words": ["junk"]}

    refused = problem(say(api, path, anna, text="What j\u016bnk"), 409, "text_refused")
    assert refused["detail"] == "a word of it is not allowed here"
    later, masking = live_show(api, seller), {"words": ["junk"], "on_match": "mask", "links": "allowed"}
    problem(say(api, later, anna, text="J.U.N.K"), 409, "text_refused")
    call(api, "PUT", rules, masking, by=seller)
    last = live_show(api, seller)
    said = say(api, last, anna, text="Junk, see example.com").json()

    assert said["changed"] is True
    assert say(api, last, anna, text="Junk, see example.com").json() == said
    assert api.get(rules, by=seller).json() == masking
    [*_, started] = acts(api, last.rpartition("/")[2], seller)
    changes = [one for one in acts(api, last.rpartition("/")[2], seller) if one[0] == "chat_rules_changed"]
    assert started[0] == "show_started"
    assert [one[3] for one in changes] == ["words: 1 (refuse), links: text", "words: 1 (mask), links: allowed"]


def test_a_show_that_nobody_watches_is_moderated_too_but_a_draft_has_no_chat(api: Api, sam: str) -> None:
    waiting = f"/v1/shows/{with_lots(api, sam, 1)[0]}"
    draft = f"/v1/shows/{made(api, sam, scheduled_at=None)['show_id']}"

    assert api.post(f"{waiting}/announcements", {"text": "Soon"}, by=sam).status_code == 201
    problem(say(api, waiting, sam), 409, "not_live")
    problem(api.post(f"{draft}/announcements", {"text": "Soon"}, by=sam), 409, "show_not_live")


@pytest.mark.parametrize(
    ("verb", "call_", "body", "paths"),
    [
        ("POST", "messages", {"message_id": "a b"}, ["message_id", "text"]),
        ("PUT", "mutes/usr_1", {"for_ms": 0}, ["for_ms"]),
        ("POST", "announcements", {}, ["text"]),
    ],
)
def test_every_wrong_field_of_a_call_about_chat_is_named(
    verb: str, call_: str, body: Any, paths: list[str], api: Api, sam: str
) -> None:
    show_id = made(api, sam)["show_id"]

    assert wrong_fields(call(api, verb, f"/v1/shows/{show_id}/{call_}", body, by=sam)) == paths


def test_a_report_keeps_what_was_said_also_when_it_is_removed(api: Api, sam: str) -> None:
    path, viewer = live_show(api, sam), api.token("A viewer who reports")
    # One user may not say so much at once.
    speakers = ["Anna who is reported", "Ben who answers"]
    for number in range(8):
        said = say(api, path, api.token(speakers[number % 2]), f"m{number}", f"Text {number}")
        assert said.status_code == 201
    call(api, "DELETE", f"{path}/messages/m4", by=sam)
    call(api, "DELETE", f"{path}/messages/m6", by=sam)

    def messages(message_id: str | None) -> list[tuple[str, str]]:
        body = {"reason": "abuse", "message_id": message_id}
        report = api.post(f"{path}/reports", body, by=viewer).json()
        [listed] = api.get(f"{path}/reports", by=sam, limit=1).json()["reports"]
        assert listed["messages"] == report["messages"]
        return [(one["text"], one["user"]["name"]) for one in report["messages"]]

    assert messages("m6") == [(f"Text {number}", speakers[number % 2]) for number in range(1, 7)]
    assert len(messages("m1")) == 2
    assert messages("m9") == messages(None) == []
