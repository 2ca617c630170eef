"""A plain script: dagger-io finds our engine as it would find Dagger's, and the stages are ordinary functions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gauntlet_engine.state import StateDirs

SCRIPT = """
import sys

import anyio
import dagger
from dagger import dag

from gauntlet.main import Gauntlet


async def main() -> None:
    async with dagger.connection():
        source = dag.directory().with_new_file("shop.py", sys.argv[1])
        print(await Gauntlet(source=source).lint_python())


anyio.run(main)
"""


@pytest.mark.engine
@pytest.mark.parametrize(
    ("code", "status", "exit_code"), [('"""A shop."""\n', "PASS", 0), ("TOTAL = summ([1])\n", "F821", 1)]
)
def test_a_script_runs_the_same_stages_through_the_session_command(
    code: str, status: str, exit_code: int, tmp_path: Path, daemon_address: str, engine_state: StateDirs
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    engine = {"_EXPERIMENTAL_DAGGER_CLI_BIN": str(Path(sys.executable).parent / "gauntlet-engine")}
    # Another test of this process may be connected to a session of its own.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAGGER_SESSION_")}
    ran = subprocess.run(
        [sys.executable, script, code], env=environ | engine | {"GAUNTLET_ENGINE": "embedded"},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert ran.returncode == exit_code, ran.stdout + ran.stderr
    assert status in ran.stdout + ran.stderr
