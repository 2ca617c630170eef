"""A pytest plugin that keeps a journal: which tests were collected, which began, which ended.

It runs inside the project's pytest, as a module of its own (`-p gauntlet_journal`), and writes JSON lines to the file
that GAUNTLET_JOURNAL names; where pytest dies, the journal says what it was doing. GAUNTLET_SELECT (JSON) restricts the
run to some tests without touching the project's own `-m` and `-k`: {"marker": name or null, "files": [paths], "keep":
bool}; a test matches by the marker or by its file, and matching tests are kept or dropped.
"""

from __future__ import annotations

import importlib.util
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

JOURNAL = "GAUNTLET_JOURNAL"
SELECT = "GAUNTLET_SELECT"
WORKER = "PYTEST_XDIST_WORKER"


def _wait_for_hypothesis() -> None:
    """Take hypothesis's limits on time away, unless the project sets its own: a busy machine says nothing of the code.

    Not through its CI profile, which draws the same examples in every run and so never finds what these miss. Before
    any conftest is loaded, so that the project's own profile wins.
    """
    if importlib.util.find_spec("hypothesis") is None:
        return
    from hypothesis import HealthCheck, settings  # noqa: PLC0415 - only where the project has it

    settings.register_profile("gauntlet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("gauntlet")


_wait_for_hypothesis()


def pytest_configure(config: pytest.Config) -> None:
    """Name the versions, and join xdist's hooks where xdist is."""
    if WORKER in os.environ:
        return
    _note("session", pytest=pytest.__version__, plugins=_plugins(config))
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Workers(), "gauntlet-journal-workers")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep or drop the tests that GAUNTLET_SELECT describes."""
    asked = json.loads(os.environ.get(SELECT) or "null")
    if not asked:
        return
    files = {os.path.realpath(path) for path in asked["files"]}
    dropped = [item for item in items if _matches(item, asked["marker"], files) != asked["keep"]]
    if dropped:
        gone = {id(item) for item in dropped}
        items[:] = [item for item in items if id(item) not in gone]
        config.hook.pytest_deselected(items=dropped)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note what will run here (with xdist nothing runs in the controller)."""
    if session.items:
        _note("collected", ids=[item.nodeid for item in session.items])


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Note how many were left out."""
    _note("deselected", count=len(items))


def pytest_runtest_logstart(nodeid: str, location: tuple[str, int | None, str]) -> None:
    """Note that a test begins; with xdist the controller hears it from the worker."""
    _note("start", id=nodeid, file=location[0], line=location[1])


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Note that a test ended."""
    _note("finish", id=nodeid)


def pytest_sessionfinish(exitstatus: int) -> None:
    """Note that pytest itself came to its end."""
    _note("end", exit_code=int(exitstatus))


class _Workers:
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Note what one worker collected; all of them collect the same."""
        _note("collected", ids=list(ids), worker=str(node.gateway.id))


def _matches(item: pytest.Item, marker: str | None, files: set[str]) -> bool:
    if marker is not None and item.get_closest_marker(marker) is not None:
        return True
    return os.path.realpath(str(item.path)) in files


def _plugins(config: pytest.Config) -> dict[str, str]:
    return {dist.project_name: dist.version for _, dist in config.pluginmanager.list_plugin_distinfo()}


def _note(event: str, **facts: object) -> None:
    path = os.environ.get(JOURNAL)
    if path and WORKER not in os.environ:
        # Opened anew each time: a test that closes every descriptor must not silence it.
        with open(path, "a", encoding="utf-8") as journal:  # noqa: PTH123 - a test may have replaced pathlib
            journal.write(json.dumps({"event": event, **facts}) + "\n")
