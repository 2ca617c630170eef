"""The module of tests/data/modules/greeter in a git repository of its own, and calls of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from gauntlet_engine.state import StateDirs

DATA = Path(__file__).parents[3] / "data" / "modules" / "greeter"
BIN = Path(sys.executable).parent


class Dagger(Protocol):
    """Runs `gauntlet-engine WORDS…` in the module's folder; `variables` are added to the environment."""

    def __call__(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def greeter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("module") / "greeter"
    shutil.copytree(DATA, folder)
    (folder / "mine.secret").write_text("not for the module")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


@pytest.fixture
def dagger(greeter: Path, daemon_address: str, engine_state: StateDirs) -> Dagger:
    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "gauntlet-engine", *words], cwd=greeter, env=os.environ | variables,
            capture_output=True, text=True, timeout=500, check=False,
        )  # fmt: skip

    return run
