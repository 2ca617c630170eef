"""One real engine for all tests of a process: dagger-io has one connection in each, on one event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from anyio.from_thread import start_blocking_portal

from gauntlet.cli.engine import engine as connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anyio.from_thread import BlockingPortal


@pytest.fixture(scope="session")
def engine() -> Iterator[BlockingPortal]:
    """The embedded engine, connected, on an event loop of its own."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(connected("embedded", print)):
        yield portal
