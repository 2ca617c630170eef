"""From a checkout on the host to the directories that a run sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagger import dag

from gauntlet.cli.checkout import base_tree
from gauntlet.reports import FOLDER
from gauntlet.run import Source
from gauntlet.shared_directory import SharedDirectory

if TYPE_CHECKING:
    from pathlib import Path

    import dagger

    from gauntlet.cli.checkout import Checkout
    from gauntlet.config import Config

# Never source: repositories, what tools install or cache, and our own reports.
_NOT_SOURCE = (".git", FOLDER, ".venv", "node_modules", "__pycache__", ".tox", ".nox", ".mypy_cache", ".ruff_cache")


def source_of(checkout: Checkout, config: Config, report_folder: Path) -> Source:
    """The source, its history and its base as directories. Nothing is read before a stage asks for it.

    Raises:
        SourceError: git can't write the base out.
    """
    repository = checkout.repository
    tree = dag.host().directory(
        str(checkout.root),
        include=list(config.source.include),
        exclude=[*excluded(checkout.root, report_folder), *config.source.exclude],
        gitignore=config.source.gitignore and repository is not None,
    )
    history: dagger.Directory | None = None
    if repository is not None and repository.head:
        history = dag.directory().with_directory(".git", dag.host().directory(str(repository.common)))
    base: dagger.Directory | None = None
    if checkout.base is not None:
        base = dag.host().directory(str(base_tree(checkout, report_folder / "cache")))
    return Source(
        tree=SharedDirectory(tree),
        history=SharedDirectory(history) if history is not None else None,
        base=SharedDirectory(base) if base is not None else None,
        changed=checkout.changed,
        facts=checkout.facts(),
    )


def excluded(root: Path, report_folder: Path) -> list[str]:
    """Patterns of what is never source, at any depth; virtual environments by what they are, not by their name."""
    patterns = [pattern for name in _NOT_SOURCE for pattern in (name, f"**/{name}")]
    patterns += sorted(entry.parent.name for entry in root.glob("*/pyvenv.cfg"))
    if report_folder.is_relative_to(root) and report_folder != root:
        patterns.append(report_folder.relative_to(root).as_posix())
    return patterns
