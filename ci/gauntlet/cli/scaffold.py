"""The files that `gauntlet init` writes; nothing that somebody wrote is ever replaced."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, cast

import yaml

from gauntlet.tables import items, table

if TYPE_CHECKING:
    from pathlib import Path

Host = Literal["gitlab", "github"]
CI_FILES: dict[Host, str] = {"gitlab": ".gitlab-ci.yml", "github": ".github/workflows/gauntlet.yml"}
_BEGIN, _END = "<!-- gauntlet:begin -->", "<!-- gauntlet:end -->"


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to a file, for people: `wrote`, `updated`, `kept`; with `add`, what to add by hand and why."""

    path: str
    what: str
    add: str = ""


Writer = Callable[["Path"], Step]


def write_language(root: Path) -> Step:
    """A commented gauntlet.yaml where there is none."""
    return _new(root, "gauntlet.yaml", _template("gauntlet.yaml"))


def write_agents(root: Path) -> Step:
    """The paragraph for coding agents: at the end of AGENTS.md, or in place of an older one between its marks."""
    name, paragraph = "AGENTS.md", _template("agents.md")
    path = root / name
    before = _text(path)
    if before is None:
        return _new(root, name, paragraph)
    begin, end = before.find(_BEGIN), before.find(_END)
    if 0 <= begin < end:
        after = before[:begin] + paragraph.rstrip("\n") + before[end + len(_END) :]
    else:
        after = f"{before.rstrip(chr(10))}\n\n{paragraph}" if before.strip() else paragraph
    if after == before:
        return Step(name, "kept: it is up to date")
    path.write_text(after, encoding="utf-8")
    return Step(name, "updated: the paragraph between its marks")


def write_hook(root: Path) -> Step:
    """A local hook in .pre-commit-config.yaml: appended where that is provably all that changes, else shown."""
    name, hook = ".pre-commit-config.yaml", _template("pre-commit.yaml")
    path = root / name
    before = _text(path)
    if before is None:
        return _new(root, name, f"repos:\n{_indented(hook, 2)}")
    known = _repositories(before)
    if known is not None and _has_hook(known):
        return Step(name, "kept: it has the hook")
    for indent in (2, 0, 4):
        after = f"{before.rstrip()}\n{_indented(hook, indent)}"
        if known is not None and _repositories(after) == [*known, *cast("list[object]", yaml.safe_load(hook))]:
            path.write_text(after, encoding="utf-8")
            return Step(name, "updated: the hook is at its end")
    return Step(name, "kept: its form is unusual", f"add this below `repos:`\n{_indented(hook, 2)}")


def write_pipeline(root: Path, host: Host) -> Step:
    """The CI host's file, where there is none."""
    name = CI_FILES[host]
    text = _pipeline(host).replace("@VERSION@", version("gauntlet-ci"))
    step = _new(root, name, text)
    if step.what.startswith("kept") and "gauntlet" not in (_text(root / name) or ""):
        return Step(name, step.what, f"add this job\n{text}")
    return step


def hosts_of(root: Path, remote: str) -> tuple[Host, ...]:
    """CI hosts that this repository seems to use, by its files and the address of its remote."""
    github = (root / ".github").is_dir() or "github" in remote
    gitlab = (root / ".gitlab-ci.yml").exists() or "gitlab" in remote
    return (*(("gitlab",) if gitlab or not github else ()), *(("github",) if github else ()))


def _new(root: Path, name: str, text: str) -> Step:
    path = root / name
    if path.exists() or path.is_symlink():
        return Step(name, "kept: it is there already")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Step(name, "wrote")


def _template(name: str) -> str:
    return files("gauntlet.cli").joinpath("templates", name).read_text(encoding="utf-8")


def _pipeline(host: Host) -> str:
    if host == "github":
        return _template("github.yml")
    # The jobs are those that other repositories include from ours; only the installation is the file's own.
    jobs = files("gauntlet").joinpath("templates", "gitlab.yml").read_text(encoding="utf-8")
    return _template("gitlab-head.yml") + jobs[jobs.index("\n.gauntlet:") + 1 :]


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _indented(text: str, spaces: int) -> str:
    return re.sub(r"^(?=.)", " " * spaces, text, flags=re.MULTILINE)


def _repositories(text: str) -> list[object] | None:
    """The `repos` list of a pre-commit configuration; None where it is not one."""
    try:
        data: object = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    repositories: object = table(data).get("repos")
    return list(items(cast("object", repositories))) if isinstance(repositories, list) else None


def _has_hook(repositories: list[object]) -> bool:
    hooks = (hook for repository in repositories for hook in items(table(repository).get("hooks")))
    return any(table(hook).get("id") == "gauntlet" for hook in hooks)
