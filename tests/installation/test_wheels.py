"""Installed from wheels, outside of the clone, on somebody else's repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gauntlet_engine.state import StateDirs

ROOT = Path(__file__).parents[2]
PACKAGES = ("gauntlet-ci", "gauntlet-verdict", "gauntlet-checks", "gauntlet-engine", "gauntlet-buildkit")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheels")]


@pytest.fixture(scope="session")
def uv() -> str:
    found = os.environ.get("UV") or shutil.which("uv", path=f"{ROOT / '.uv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert found, "no uv: .ci/setup puts one into .uv/"
    return found


@pytest.fixture(scope="session")
def wheels(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for package in PACKAGES:
        subprocess.run(
            [uv, "build", "--wheel", "--quiet", "--package", package, "--out-dir", folder], cwd=ROOT, check=True
        )
    return folder


def test_locks_and_rules_travel_inside(wheels: Path) -> None:
    (wheel,) = wheels.glob("gauntlet_ci-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    here = {
        f"gauntlet/runner_image/{path.relative_to(ROOT / 'runner-image').as_posix()}"
        for path in (ROOT / "runner-image").rglob("*")
        if path.is_file() and path.suffix in {".lock", ".toml", ".txt", ".yaml"}
    }
    assert here
    assert here <= inside
    assert "gauntlet/templates/gitlab.yml" in inside


@pytest.mark.engine
@pytest.mark.timeout(1800)
def test_wheels_in_an_empty_environment_run_fast_on_a_foreign_repository(
    uv: str, wheels: Path, tmp_path: Path, engine_state: StateDirs
) -> None:
    environment, project = tmp_path / "env", tmp_path / "shop"
    outside = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    ours = sorted(wheels.glob("*.whl"))
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", environment / "bin" / "python", *ours], check=True, cwd=tmp_path
    )
    (project / "tests").mkdir(parents=True)
    (project / "shop.py").write_text(
        '"""A shop."""\n\n\ndef total(prices: list[int]) -> int:\n    """Sum."""\n    return sum(prices)\n'
    )
    (project / "tests" / "test_shop.py").write_text(
        "from shop import total\n\n\ndef test_total() -> None:\n    assert total([1, 2]) == 3\n"
    )
    (project / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n')
    subprocess.run(["git", "init", "-q", project], check=True)
    ran = subprocess.run(
        [environment / "bin" / "gauntlet", "fast", "--format", "plain"],
        cwd=project, env=outside, capture_output=True, text=True, timeout=1500, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    run = json.loads((project / ".gauntlet" / "run.json").read_text())
    verdicts = {verdict["stage"]: verdict["status"] for verdict in run["verdicts"]}
    assert verdicts["lint:python"] == "PASS"
    assert verdicts["test:unit"] == "PASS"
    assert verdicts["security:semgrep"] == "PASS"
    assert "ERROR" not in verdicts.values()
