"""Following sellers and bookmarking shows over HTTP."""

from tests.contract.http.test_shows import call, made
from tests.support.http import Api, problem


def test_a_user_follows_sellers_and_bookmarks_shows(api: Api, sam: str) -> None:
    user = api.token("Somebody who follows")
    show = made(api, sam)
    seller_id, show_id = show["seller"]["id"], show["show_id"]

    for _ in range(2):
        assert call(api, "PUT", f"/v1/sellers/{seller_id}/follow", by=user).status_code == 204
        assert call(api, "PUT", f"/v1/shows/{show_id}/bookmark", by=user).status_code == 204

    whole = {"sellers": [{"id": seller_id, "name": "Sam"}], "shows": [show], "cursor": None}
    assert api.get("/v1/me/following", by=user).json() == whole
    newest = api.get("/v1/me/following", by=user, limit=1).json()
    assert (newest["sellers"], newest["shows"]) == ([], [show])
    for path in (f"/v1/sellers/{seller_id}/follow", f"/v1/shows/{show_id}/bookmark"):
        assert call(api, "DELETE", path, by=user).status_code == 204
    assert api.get("/v1/me/following", by=user).json() == {"sellers": [], "shows": [], "cursor": None}


def test_a_show_that_one_may_not_see_cannot_be_bookmarked(api: Api, sam: str, anna: str) -> None:
    draft = made(api, sam, scheduled_at=None)

    problem(call(api, "PUT", f"/v1/shows/{draft['show_id']}/bookmark", by=anna), 404, "show_not_found")
    assert call(api, "PUT", f"/v1/shows/{draft['show_id']}/bookmark", by=sam).status_code == 204


def test_nobody_follows_themselves(api: Api, sam: str) -> None:
    own_id = made(api, sam)["seller"]["id"]

    problem(call(api, "PUT", f"/v1/sellers/{own_id}/follow", by=sam), 409, "own_follow")
    assert own_id not in [seller["id"] for seller in api.get("/v1/me/following", by=sam).json()["sellers"]]


def test_a_block_ends_a_follow_and_refuses_another_until_it_is_lifted(api: Api) -> None:
    seller, user = api.token("A seller who blocks", "seller"), api.token("Somebody who is blocked")
    seller_id = made(api, seller)["seller"]["id"]
    user_id = api.issuer.verify(user).id
    follow, block = f"/v1/sellers/{seller_id}/follow", f"/v1/sellers/me/blocks/{user_id}"
    assert call(api, "PUT", follow, by=user).status_code == 204

    assert call(api, "PUT", block, by=seller).is_success
    assert api.get("/v1/me/following", by=user).json()["sellers"] == []
    problem(call(api, "PUT", follow, by=user), 409, "blocked")
    assert api.get("/v1/me/following", by=user).json()["sellers"] == []

    assert call(api, "DELETE", block, by=seller).status_code == 204
    assert api.get("/v1/me/following", by=user).json()["sellers"] == []
    assert call(api, "PUT", follow, by=user).status_code == 204
