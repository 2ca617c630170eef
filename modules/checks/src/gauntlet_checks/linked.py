"""The project itself, put into its environment by a link: its source roots on the path, its metadata beside them.

What `pip install -e` would do for a project of Python files alone, without running its build backend.
"""

from __future__ import annotations

import re
import tomllib
from email.parser import HeaderParser
from typing import TYPE_CHECKING, Any

from gauntlet_checks.overlay import normal, site_packages

if TYPE_CHECKING:
    from pathlib import Path

PTH = "gauntlet-project.pth"
SCRIPT = "#!{python}\nimport sys\nfrom {module} import {head}\nsys.exit({call}())\n"
_VERSION = re.compile(r"^__version__(?:\s*:\s*\w+)?\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
_DEFAULT_VERSION = "0.0.0"


def link(environment: Path, root: Path, roots: tuple[str, ...], manifests: tuple[str, ...]) -> None:
    """Link the source roots (folders below `root`) and the distributions that the pyproject.toml files describe.

    A distribution that is installed already (the project had to be built) is left as it is.
    """
    site = site_packages(environment)
    paths = [str((root / part).resolve()) for part in roots]
    (site / PTH).write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    installed = {normal(path.name.split("-")[0]) for path in site.glob("*.dist-info")}
    for manifest in manifests:
        project = _project(root / manifest)
        name = project.get("name")
        if isinstance(name, str) and normal(name) not in installed:
            _describe(environment, site, root / manifest, project)


def _project(manifest: Path) -> dict[str, Any]:
    """`[project]`, or what poetry says instead; empty for anything else."""
    try:
        data: dict[str, Any] = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if "project" in data:
        return data["project"]
    poetry: dict[str, Any] = data.get("tool", {}).get("poetry", {})
    return {**poetry, "entry-points": poetry.get("plugins", {})}


def _describe(environment: Path, site: Path, manifest: Path, project: dict[str, Any]) -> None:
    name: str = project["name"]
    version = version_of(manifest, project)
    folder = site / f"{re.sub(r'[-_.]+', '_', name)}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (folder / "INSTALLER").write_text("gauntlet\n", encoding="utf-8")
    scripts = _strings(project.get("scripts"))
    groups = {"console_scripts": scripts, "gui_scripts": _strings(project.get("gui-scripts"))}
    entries: Any = project.get("entry-points", {})
    groups |= {str(group): _strings(points) for group, points in dict[Any, Any](entries).items()}
    text = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items()) + "\n"
        for group, points in groups.items()
        if points
    )
    (folder / "entry_points.txt").write_text(text, encoding="utf-8")
    for script, target in scripts.items():
        _write_script(environment / "bin", script, target)


def version_of(manifest: Path, project: dict[str, Any]) -> str:
    """The distribution's version: as written, from PKG-INFO of a source distribution, or from `__version__`."""
    written = project.get("version")
    if isinstance(written, str):
        return written
    info = manifest.with_name("PKG-INFO")
    if info.is_file():
        told = HeaderParser().parsestr(info.read_text(encoding="utf-8", errors="replace")).get("Version")
        if told:
            return told
    folder = re.sub(r"[-.]+", "_", str(project["name"]))
    for place in (f"src/{folder}", folder, f"src/{folder.lower()}", folder.lower()):
        for file in ("__init__.py", "__about__.py", "_version.py", "version.py", "__version__.py"):
            found = _written_version(manifest.parent / place / file)
            if found:
                return found
    return _DEFAULT_VERSION


def _written_version(path: Path) -> str | None:
    try:
        match = _VERSION.search(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return match[1] if match else None


def _write_script(folder: Path, name: str, target: str) -> None:
    module, _, attribute = target.partition(":")
    call = attribute.partition("[")[0].strip()
    path = folder / name
    if call and not path.exists() and "/" not in name:
        text = SCRIPT.format(python=folder / "python", module=module.strip(), head=call.partition(".")[0], call=call)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


def _strings(value: Any) -> dict[str, str]:
    pairs: dict[Any, Any] = value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    return {str(key): text for key, text in pairs.items() if isinstance(text, str)}
