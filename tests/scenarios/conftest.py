"""An auction service with a Redis of its own, for the tests that stop, freeze or fill Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http import Api
from tests.support.redis import RedisServer
from tests.support.services import Service


@pytest.fixture
def api(own_redis: RedisServer, tmp_path: Path) -> Iterator[Api]:
    with (
        Service("auction", own_redis.url, tmp_path) as service,
        Api(service.wait_until_ready(), tmp_path) as api,
    ):
        yield api
