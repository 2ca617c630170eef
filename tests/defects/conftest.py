"""Planted defects: what each one is, and the application with one of them planted."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent
ADVISORIES = FOLDER.parent / "data" / "advisories"
APPLICATION = FOLDER.parents[1] / "examples" / "orders"


@dataclass(frozen=True, slots=True)
class Defect:
    """A patch of examples/orders. `stages` must turn red and no other; none: no defect, all stay green."""

    name: str
    patch: Path
    stages: frozenset[str]
    why: str

    @property
    def home(self) -> str:
        """The stage that the patch was written for: the first half of its name."""
        return self.name.partition("--")[0].replace("-", ":", 1)


def defects() -> list[Defect]:
    """All planted defects, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.patch"))]


def _read(path: Path) -> Defect:
    header = path.read_text(encoding="utf-8").partition("\ndiff --git ")[0]
    fields = dict(line.split(": ", 1) for line in header.splitlines() if line)
    if set(fields) != {"Stages", "Why"}:
        raise ValueError(f"{path.name}: the header has {sorted(fields)}; it needs one line each of Stages and Why")
    stages = {stage.strip() for stage in fields["Stages"].split(",")} - {"none"}
    return Defect(path.stem, path, frozenset(stages), fields["Why"])


def planted(target: Path, defect: Defect | None) -> Path:
    """A git repository at `target` with the application as it is committed here, and a defect if one is given.

    The application is the first commit and the defect the second, as a change under review has it.
    """
    listed = _git(APPLICATION, "ls-files", "-z", "--cached", ".").split("\0")
    for name in filter(None, listed):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(APPLICATION / name, target / name)
    _add_advisories(target)
    _git(target, "init", "--quiet", "--initial-branch=main")
    _commit(target, "The application")
    if defect is not None:
        _git(target, "apply", "-p1", "--whitespace=nowarn", str(defect.patch))
        _commit(target, defect.why)
    return target


def _add_advisories(target: Path) -> None:
    """Advisory data as of today: this machine may reach no advisory server, and without data nothing is audited."""
    shutil.copytree(ADVISORIES, target / ".advisories", ignore=shutil.ignore_patterns("*.md"))
    today = datetime.now(UTC).date().isoformat()
    (target / ".advisories" / "snapshot.json").write_text(f'{{"date": "{today}T00:00:00Z"}}\n', encoding="utf-8")
    settings = "version: 1\nadvisories:\n  source: folder\n  folder: .advisories\n  max_age_days: 2\n"
    (target / "gauntlet.yaml").write_text(settings, encoding="utf-8")


def _commit(target: Path, message: str) -> None:
    _git(target, "add", "--all", "--force")
    _git(target, "-c", "user.name=Tests", "-c", "user.email=tests@example.com", "commit", "--quiet", "-m", message)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `defect` once for each of them."""
    if "defect" in metafunc.fixturenames:
        metafunc.parametrize("defect", [pytest.param(defect, id=defect.name) for defect in defects()])


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[Defect | None], Path]:
    """`plant(defect)`: the application with the defect, as a repository of its own; `plant(None)`: its clean twin."""
    return lambda defect: planted(tmp_path / "orders", defect)


@pytest.fixture
def all_defects() -> list[Defect]:
    return defects()
