"""How a project's dependencies are installed: which files decide, what is written beside them, which commands run."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gauntlet.locked_requirements import LockedRequirements, from_pdm, from_poetry, poetry_requirements
from gauntlet.tables import items, table, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gauntlet.project import Lock, LockKind, Project

UV = "/opt/uv/bin/uv"
ENV = "/env"
PYTHON = f"{ENV}/bin/python"
WRITTEN = ".gauntlet-requirements.txt"
# Backends that compile, or that write files which the code imports.
_COMPILING = ("maturin", "scikit_build_core", "scikit-build", "mesonpy", "cython", "setuptools_rust", "cffi", "enscons")
_COMPILED = (".pyx", ".pxd", ".c", ".cc", ".cpp", ".cxx", ".rs", ".f90")
# What tells a build which packages there are, and their versions.
_DESCRIBING = ("**/__init__.py", "**/py.typed", "**/*version*.py", "**/__about__.py", "setup.py", "setup.cfg")
_PROSE = ("*.md", "*.rst", "*.txt", "*.in", "*LICENSE*", "*COPYING*")  # readme, licence, changes
# Where version control gives the version and there is none: what these tools take instead.
VERSION_STANDINS = {
    "SETUPTOOLS_SCM_PRETEND_VERSION": "0.0.0",
    "PDM_BUILD_SCM_VERSION": "0.0.0",
    "UV_DYNAMIC_VERSIONING_BYPASS": "0.0.0",
    "POETRY_DYNAMIC_VERSIONING_BYPASS": "0.0.0",
    "PBR_VERSION": "0.0.0",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """An installation.

    `kind` names what decides (a lock, `pyproject.toml`, `setup.py`, `nothing`), `locked` whether that pins every
    version. `mounted` are the source's files that it reads, and nothing else; `written` further files by path.
    `commands` run in order in the source's root.

    `build` installs the project itself, editable, after them. With `whole_source` its files on the import path are not
    all that there is to it: it is built from every file, anew after each edit. Else the build only serves what reads
    an installed project (its metadata, entry points and scripts), and `skeleton`, the files that decide those, are
    enough; code without an installed self still runs, so that such a build may fail.
    """

    kind: str
    locked: bool
    mounted: tuple[str, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict[str, str])
    commands: tuple[tuple[str, ...], ...] = ()
    whole_source: bool = False
    build: tuple[tuple[str, ...], ...] = ()
    skeleton: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """The commands for `sh -e`."""
        return "\n".join(shlex.join(command) for command in self.commands)

    @property
    def build_script(self) -> str:
        """The commands that build the project itself, for `sh -e`."""
        return "\n".join(shlex.join(command) for command in self.build)


def texts_needed(project: Project) -> tuple[str, ...]:
    """The source's files whose text the recipe depends on."""
    wanted = {manifest.path for manifest in project.manifests if manifest.kind != "package.json"}
    wanted |= {lock.path for lock in project.locks if lock.kind in {"poetry", "pdm"} and _is_root(lock.path)}
    return tuple(sorted(wanted & set(project.files)))


def pyprojects(project: Project) -> list[str]:
    """The pyproject.toml files of the project and its workspace's members."""
    return [manifest.path for manifest in project.manifests if manifest.kind == "pyproject"]


def recipe_of(project: Project, texts: Mapping[str, str], environment: Mapping[str, str]) -> Recipe:
    """Choose the way that fits the project; `environment` are the container's PEP 508 variables.

    Raises:
        LockError: a lock is not in its own format.
        tomllib.TOMLDecodeError: pyproject.toml is none.
    """
    manifests = {path: tomllib.loads(texts[path]) for path in pyprojects(project) if path in texts}
    pyproject = manifests.get("pyproject.toml", {})
    lock = _root_lock(project)
    if lock is not None and lock.kind == "uv":
        recipe = _uv(project, pyproject)
    elif lock is not None and lock.kind == "pylock":
        recipe = Recipe(lock.path, locked=True, mounted=(lock.path,), commands=(_VENV, _pip("-r", lock.path)))
    elif lock is not None and lock.kind in {"poetry", "pdm"}:
        recipe = _from_lines(lock.path, _followed(lock, texts[lock.path], project, environment))
    elif project.requirements:
        recipe = _requirements(project, texts)
    else:
        recipe = _unlocked(project, pyproject)
    if project.installable and _must_be_built(project, pyproject):
        return replace(recipe, whole_source=True, build=_whole_build(project))
    built = [path.removesuffix("pyproject.toml") for path, read in manifests.items() if "build-system" in read]
    return replace(recipe, build=_editable(built), skeleton=_skeleton(project, built)) if built else recipe


def _followed(lock: Lock, text: str, project: Project, environment: Mapping[str, str]) -> LockedRequirements:
    if lock.kind == "poetry":
        return from_poetry(text, environment, project.dependencies, project.extras)
    return from_pdm(text, environment)


_VENV = (UV, "venv", "--quiet", "--allow-existing", ENV)


def _pip(*arguments: str) -> tuple[str, ...]:
    return (UV, "pip", "install", "--python", PYTHON, "--compile-bytecode", *arguments)


def _uv(project: Project, pyproject: Mapping[str, Any]) -> Recipe:
    if table(dict(pyproject), "tool", "uv").get("conflicts"):
        chosen = [word for extra in project.test_extras for word in ("--extra", extra)]
    else:  # all of them: modules behind an extra are the project's too
        chosen = [
            "--all-extras",
            *(word for extra in project.extras if _is_prose(extra) for word in ("--no-extra", extra)),
        ]
    chosen += [word for group in project.test_groups for word in ("--group", group)]
    sync = (
        UV, "sync", "--frozen", "--all-packages", "--no-install-workspace", "--no-install-local", "--compile-bytecode",
        *chosen,
    )  # fmt: skip
    return Recipe("uv.lock", locked=True, mounted=(*pyprojects(project), "uv.lock"), commands=(sync,))


def _from_lines(kind: str, read: LockedRequirements) -> Recipe:
    written = {WRITTEN: "".join(f"{line}\n" for line in read.lines)}
    hashes = ("--require-hashes",) if read.hashed else ("--no-verify-hashes",)
    return Recipe(kind, locked=True, written=written, commands=(_VENV, _pip("--no-deps", *hashes, "-r", WRITTEN)))


def _requirements(project: Project, texts: Mapping[str, str]) -> Recipe:
    chosen = tuple(dict.fromkeys((*project.requirements, *project.test_requirements)))
    locked = {lock.path for lock in project.locks if lock.kind == "pip"}
    arguments = [word for path in chosen for word in ("-r", path)]
    # Lines that name the project itself: it is on the import path, and its files are not here.
    written = {path: _without_itself(texts[path]) for path in chosen if path in texts}
    others = tuple(m.path for m in project.manifests if m.kind == "requirements" and m.path not in written)
    if not locked and "pyproject.toml" in project.files and project.installable:
        arguments += ["-r", "pyproject.toml", *(word for extra in project.test_extras for word in ("--extra", extra))]
        others = (*others, "pyproject.toml")
    includes = tuple(path for path in project.files if _may_be_included(path) and path not in written)
    return Recipe(
        " + ".join(chosen), locked=bool(locked) and set(chosen) <= locked,
        mounted=tuple(dict.fromkeys((*others, *includes))), written=written, commands=(_VENV, _pip(*arguments)),
    )  # fmt: skip


def _unlocked(project: Project, pyproject: Mapping[str, Any]) -> Recipe:
    if "project" in pyproject:
        extras = [word for extra in project.test_extras for word in ("--extra", extra)]
        own = table(dict(pyproject), "dependency-groups")
        groups = [word for group in project.test_groups if group in own for word in ("--group", group)]
        arguments = ("-r", "pyproject.toml", *extras, *groups)
        return Recipe("pyproject.toml", locked=False, mounted=("pyproject.toml",), commands=(_VENV, _pip(*arguments)))
    if table(dict(pyproject), "tool", "poetry"):
        lines = poetry_requirements(pyproject, project.test_groups)
        recipe = _from_lines("pyproject.toml", LockedRequirements(lines, hashed=False))
        return Recipe("pyproject.toml", locked=False, written=recipe.written, commands=(_VENV, _pip("-r", WRITTEN)))
    return Recipe("nothing", locked=True, commands=(_VENV,))


def _whole_build(project: Project) -> tuple[tuple[str, ...], ...]:
    if _root_lock(project) is not None:
        return _editable([""])
    extras = f"[{','.join(project.test_extras)}]" if project.test_extras else ""
    return (_pip("--editable", f".{extras}"),)


def _editable(folders: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return (_pip("--no-deps", *(word for folder in folders for word in ("--editable", f"./{folder}"))),)


def _skeleton(project: Project, built: Iterable[str]) -> tuple[str, ...]:
    """Patterns of what a build looks at to describe the project: manifests, packages, and its prose."""
    prose = (f"{folder}{pattern}" for folder in built for pattern in _PROSE)
    single = (path for name, path in project.module_files.items() if "." not in name)
    return tuple(dict.fromkeys((*pyprojects(project), *prose, *_DESCRIBING, *single)))


def _must_be_built(project: Project, pyproject: Mapping[str, Any]) -> bool:
    if "project" not in pyproject and not table(dict(pyproject), "tool", "poetry"):
        return True  # setup.py or setup.cfg: only running it tells the dependencies
    system = table(dict(pyproject), "build-system")
    words = " ".join([text(system.get("build-backend")) or "", *(str(item) for item in items(system.get("requires")))])
    if any(name in words.lower() for name in _COMPILING):
        return True
    if "setup.py" in project.files and any(path.endswith(_COMPILED) for path in project.files):
        return True
    return _writes_version(pyproject, project.files) or bool(table(dict(pyproject), "project").get("dynamic")
        and "dependencies" in items(table(dict(pyproject), "project").get("dynamic")))  # fmt: skip


def _writes_version(pyproject: Mapping[str, Any], files: tuple[str, ...]) -> bool:
    """Whether a build writes a version module that the tree lacks."""
    tool = table(dict(pyproject), "tool")
    scm, hatch = table(tool, "setuptools_scm"), table(tool, "hatch", "build", "hooks", "vcs")
    pdm = table(tool, "pdm", "version")
    places = (scm.get("write_to"), scm.get("version_file"), hatch.get("version-file"), pdm.get("write_to"))
    return any(text(place) and text(place) not in files for place in places)


def _root_lock(project: Project) -> Lock | None:
    order: tuple[LockKind, ...] = ("uv", "poetry", "pdm", "pylock")
    roots = {lock.kind: lock for lock in project.locks if _is_root(lock.path)}
    managed = [kind for kind in order if kind == project.manager] + list(order)
    return next((roots[kind] for kind in managed if kind in roots), None)


def _without_itself(requirements: str) -> str:
    kept = [line for line in requirements.splitlines() if not _names_itself(line)]
    return "".join(f"{line}\n" for line in kept)


def _names_itself(line: str) -> bool:
    words = line.partition("#")[0].split()
    target = words[1] if len(words) > 1 and words[0] in {"-e", "--editable"} else words[0] if words else ""
    return target.removeprefix("--editable=").partition("[")[0] in {".", "./", "file:."}


def _may_be_included(path: str) -> bool:
    """Requirement and constraint files that another one may name with -r or -c."""
    place = PurePosixPath(path)
    by_name = any(word in place.name for word in ("requirements", "constraints"))
    return place.suffix in {".txt", ".in", ".pip"} and (by_name or place.parent.name in {"requirements", "constraints"})


def _is_prose(extra: str) -> bool:
    return extra.lower() in {"doc", "docs", "documentation", "sphinx"}


def _is_root(path: str) -> bool:
    return "/" not in path
