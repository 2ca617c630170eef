"""Our own module through `dagger call`: the same verdicts as the command, and red where it should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gauntlet_engine.state import StateDirs

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CLEAN = '"""A shop."""\n\n\ndef total(prices: list[int]) -> int:\n    """Sum."""\n    return sum(prices)\n'

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("module")]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    (folder / "shop.py").write_text(CLEAN)
    (folder / "tests" / "test_shop.py").write_text(
        "from shop import total\n\n\ndef test_total() -> None:\n    assert total([1, 2]) == 3\n"
    )
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n')
    return folder


@pytest.mark.parametrize("code", [CLEAN, CLEAN.replace("sum(", "summ(")], ids=["clean", "defect"])
def test_dagger_call_yields_the_verdicts_of_gauntlet_fast(
    code: str, shop: Path, tmp_path: Path, daemon_address: str, engine_state: StateDirs
) -> None:
    (shop / "shop.py").write_text(code)
    reports = tmp_path / "reports"
    exported = run(
        "gauntlet-engine", "call", f"--source={shop}", "run", "--tier=fast", "reports", "export", f"--path={reports}"
    )
    assert exported.returncode == 0, exported.stderr
    command = run("gauntlet", "fast", "--source", str(shop), "--format", "plain")
    assert verdicts(reports) == verdicts(shop / ".gauntlet")
    assert int((reports / "exit-code").read_text()) == command.returncode == (0 if code == CLEAN else 1)
    assert run("gauntlet-engine", "call", "-q", f"--source={shop}", "fast").returncode == command.returncode


def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / program, *words], cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=500, check=False
    )


def verdicts(folder: Path) -> dict[str, str]:
    found = json.loads((folder / "run.json").read_text())["verdicts"]
    return {verdict["stage"]: verdict["status"] for verdict in found}
