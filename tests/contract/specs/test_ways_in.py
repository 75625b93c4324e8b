"""The gateway keeps nothing from a service that its document allows."""

from collections.abc import Iterator

import pytest

from tests.support.http import problem
from tests.support.platform import Platform
from tests.support.stage import Stage


@pytest.fixture(scope="module")
def stage(platform: Platform) -> Iterator[Stage]:
    stage = Stage(platform)
    yield stage
    stage.close()


@pytest.mark.parametrize("user_id", [".x", "a.b", ".;", "ready", "metrics", "%25", "%25FE", "%3Fq", "%23x", "+"])
def test_a_user_id_reaches_the_service_however_it_is_spelt(stage: Stage, user_id: str) -> None:
    headers = {"Authorization": f"Bearer {stage.person('admin')}"}
    asked = stage.http.get(f"/auction/v1/admin/bans/{user_id}", headers=headers)
    assert problem(asked, 404, "not_found")["detail"] == "this user is not banned"
