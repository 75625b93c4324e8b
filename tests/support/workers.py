"""Divides the tests of `make test` among the workers of pytest-xdist: a worker takes whole files. When all other
tests are done, one worker runs the tests marked `alone` while no other worker runs."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from _pytest.nodeid import NodeId
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ALONE = "alone"
MAX_WORKERS = 6


class AloneLast(LoadScopeScheduling):
    """A work unit is a file, or all tests marked `alone`."""

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        if twice := [nodeid for nodeid, count in Counter(collection).items() if count > 1]:
            raise pytest.UsageError(f"two tests have the id {twice[0]}: only one of them would be run")
        super().add_node_collection(node, collection)

    def _split_scope(self, nodeid: str) -> str:
        return ALONE if nodeid.endswith(f"@{ALONE}") else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        if ALONE in self.workqueue:
            self.workqueue.move_to_end(ALONE)
        if self._only_alone_left() and len(self.nodes) > 1:
            return
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if not self._only_alone_left() or node.shutting_down:
            super()._reschedule(node)
        elif len(self.nodes) == 1:
            self._assign_work_unit(node)
            node.shutdown()
        elif any(other is not node and not other.shutting_down for other in self.nodes):
            node.shutdown()

    def remove_node(self, node: WorkerController) -> str | None:
        crashed = super().remove_node(node)
        for other in self.nodes:
            self._reschedule(other)
        return crashed

    def _only_alone_left(self) -> bool:
        return list(self.workqueue) == [ALONE]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if not item.nodeid.endswith((item.name, f"@{ALONE}")):
            # schemathesis names the operation, which pytest leaves out of the id since 9.1.
            item._id = NodeId.parse(f"{item.nodeid.rpartition('::')[0]}::{item.name}")
        if getattr(config.option, "loadgroup", False) and item.get_closest_marker(ALONE):
            # The scheduler sees no more of a test than its id. xdist would append the group of a test to it, but
            # not to the ids that pytest has had since 9.1.
            item._id = NodeId.parse(f"{item.nodeid}@{ALONE}")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    return AloneLast(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors, because tests often wait. With many more, answers would exceed their 300 ms."""
    return min((os.cpu_count() or 1) + 1, MAX_WORKERS)
