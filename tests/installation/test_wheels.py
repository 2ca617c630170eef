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


def installed(uv: str, wheels: Path, folder: Path, *more: str) -> Path:
    """An environment outside of the clone with our wheels in it, and `more`; its folder of programs."""
    environment = folder / "env"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    ours = sorted(wheels.glob("*.whl"))
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", environment / "bin" / "python", *ours, *more],
        check=True, cwd=folder,
    )  # fmt: skip
    return environment / "bin"


def outside() -> dict[str, str]:
    """This process's environment less what leads back into the clone or to another test's session."""
    ours = {"PYTHONPATH", "VIRTUAL_ENV"}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(("DAGGER_SESSION_", "_EXPERIMENTAL_DAGGER"))
    }


@pytest.mark.engine
@pytest.mark.timeout(1800)
def test_wheels_in_an_empty_environment_run_fast_on_a_foreign_repository(
    uv: str, wheels: Path, tmp_path: Path, engine_state: StateDirs
) -> None:
    programs, project = installed(uv, wheels, tmp_path), tmp_path / "shop"
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
        [programs / "gauntlet", "fast", "--format", "plain"],
        cwd=project, env=outside(), capture_output=True, text=True, timeout=1500, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    run = json.loads((project / ".gauntlet" / "run.json").read_text())
    verdicts = {verdict["stage"]: verdict["status"] for verdict in run["verdicts"]}
    assert verdicts["lint:python"] == "PASS"
    assert verdicts["test:unit"] == "PASS"
    assert verdicts["security:semgrep"] == "PASS"
    assert "ERROR" not in verdicts.values()


SCRIPT = """
import anyio
import dagger
from dagger import dag


async def main() -> None:
    async with dagger.connection():
        base = dag.container().from_("gauntlet/base:trixie")
        shop = dag.directory().with_new_file("shop.txt", "open")
        secret = dag.set_secret("key", "hidden-value")
        told = await (
            base.with_mounted_directory("/shop", shop)
            .with_secret_variable("KEY", secret)
            .with_exec(["sh", "-c", "cat /shop/shop.txt; echo $KEY; echo new > /shop/new.txt"])
        ).sync()
        print(await told.stdout(), await told.directory("/shop").entries())
        server = base.with_new_file("/srv/page", "served").with_workdir("/srv").with_exposed_port(8000)
        asked = base.with_service_binding("web", server.as_service(args=["python3", "-m", "http.server", "8000"]))
        fetch = "import urllib.request as r; print(r.urlopen('http://web:8000/page').read().decode())"
        print(await asked.with_exec(["python3", "-c", fetch]).stdout())
        try:
            await base.with_exec(["sh", "-c", "echo said; echo why >&2; exit 7"]).sync()
        except dagger.ExecError as error:
            print(error.exit_code, error.command, error.stdout.strip(), error.stderr.strip())


anyio.run(main)
"""


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", ["0.20.8", "0.21.11"])
def test_every_supported_client_speaks_with_the_session_and_runs_the_pipeline(
    client: str, uv: str, wheels: Path, tmp_path: Path, engine_state: StateDirs
) -> None:
    programs = installed(uv, wheels, tmp_path, f"dagger-io=={client}")
    (tmp_path / "script.py").write_text(SCRIPT)
    ran = subprocess.run(
        [programs / "python", "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=outside() | {"_EXPERIMENTAL_DAGGER_CLI_BIN": str(programs / "gauntlet-engine")},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    command = "['sh', '-c', 'echo said; echo why >&2; exit 7']"
    assert ran.stdout == f"open***\n ['new.txt', 'shop.txt']\nserved\n\n7 {command} said why\n"
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.py").write_text("import os\n")
    red = subprocess.run(
        [programs / "gauntlet", "run", "lint:python", "--source", "shop"],
        cwd=tmp_path, env=outside(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert red.returncode == 1, red.stdout + red.stderr
    assert "F401" in red.stdout
