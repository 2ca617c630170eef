"""The test runner's parts that a project lacks, laid behind its own packages without touching these."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

WANTED = ("pytest", "pytest-xdist", "pytest-cov")
PTH = "zzz-gauntlet-overlay.pth"  # the last one that `site` reads: everything of the project comes first


@dataclass(frozen=True, slots=True)
class Overlay:
    """What was laid: versions added and the project's own, and why some could not be added."""

    folder: Path
    added: dict[str, str] = field(default_factory=dict[str, str])
    own: dict[str, str] = field(default_factory=dict[str, str])
    refused: dict[str, str] = field(default_factory=dict[str, str])

    def has(self, name: str) -> bool:
        """Whether the runner can import the package."""
        return name in self.own or name in self.added


def lay(environment: Path, pack: Path, folder: Path) -> Overlay:
    """Link into `folder` what of the venv `pack` the venv `environment` lacks, and put it on the latter's import path.

    A package is added with all that it needs, and only where what the project has is new enough for it.
    """
    site = site_packages(environment)
    theirs = _installed(site)
    ours = _installed(site_packages(pack)) if pack.is_dir() else {}
    requirements = _Requirements(site_packages(pack)) if ours else None
    own = {name: theirs[name].version for name in WANTED if name in theirs}
    overlay = Overlay(folder, own=own)
    folder.mkdir(parents=True, exist_ok=True)
    for name in WANTED:
        if name in theirs:
            continue
        if requirements is None:
            overlay.refused[name] = "there is no pack to take it from"
            continue
        needed, why = requirements.closure(name, theirs, ours)
        if why:
            overlay.refused[name] = why
            continue
        for extra in needed:
            if extra not in overlay.added:
                _link(ours[extra], folder)
                overlay.added[extra] = ours[extra].version
    (site / PTH).write_text(f"{folder}\n", encoding="utf-8")
    return overlay


def site_packages(environment: Path) -> Path:
    """The venv's site-packages.

    Raises:
        FileNotFoundError: `environment` is no venv.
    """
    found = sorted(environment.glob("lib/python3.*/site-packages"))
    if not found:
        raise FileNotFoundError(f"{environment} is no virtual environment")
    return found[-1]


class _Requirements:
    """Requirements of the pack's packages; `packaging` comes from the pack itself."""

    def __init__(self, site: Path) -> None:
        sys.path.append(str(site))
        try:
            self._module: Any = importlib.import_module("packaging.requirements")
        finally:
            sys.path.remove(str(site))

    def closure(
        self, name: str, theirs: dict[str, Distribution], ours: dict[str, Distribution]
    ) -> tuple[list[str], str]:
        """Names to add for `name`, itself among them; or the reason why the project's own packages forbid it."""
        needed: list[str] = []
        queue = [name]
        while queue:
            current = queue.pop()
            if current in needed:
                continue
            needed.append(current)
            for text in ours[current].requires or []:
                requirement = self._module.Requirement(text)
                if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                    continue
                wanted = normal(requirement.name)
                if wanted not in theirs:
                    queue.append(wanted)
                elif not requirement.specifier.contains(theirs[wanted].version, prereleases=True):
                    return [], f"it needs {text} and the project has {wanted} {theirs[wanted].version}"
        return needed, ""


def normal(name: str) -> str:
    """A distribution's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(site: Path) -> dict[str, Distribution]:
    return {
        normal(found.metadata["Name"]): found for found in distributions(path=[str(site)]) if found.metadata["Name"]
    }


def _link(distribution: Distribution, folder: Path) -> None:
    tops = {Path(str(file)).parts[0] for file in distribution.files or () if not str(file).startswith("..")}
    for top in tops - {"__pycache__"}:
        source = Path(str(distribution.locate_file(top)))
        target = folder / top
        if source.exists() and not target.exists():
            target.symlink_to(source)
