"""Fixtures that more than one part needs."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gauntlet_engine.daemon import holding_daemon
from gauntlet_engine.state import StateDirs, state_dirs

if TYPE_CHECKING:
    from collections.abc import Iterator


# A shell starts what runs in its background with SIGINT ignored, and so would be everything that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def engine_state() -> Iterator[StateDirs]:
    """The tests' own engine state. It outlives the run: base images and caches are made once a machine.

    Processes that a test starts find it too, through GAUNTLET_ENGINE_STATE.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(os.environ.get("GAUNTLET_TEST_STATE") or cache / "gauntlet-tests" / "engine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAUNTLET_ENGINE_STATE", str(root))
        patch.delenv("BUILDKIT_HOST", raising=False)
        yield state_dirs(os.environ)


@pytest.fixture(scope="session")
def daemon_address(engine_state: StateDirs) -> Iterator[str]:
    """A running daemon, shared by all workers of pytest-xdist: each holds it, the last one lets it go."""
    with holding_daemon(engine_state, os.environ) as running:
        yield running.address
