"""The source on the host: its folder, its repository, and the base that it is compared with."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gauntlet.cli.git import Git, GitFailedError
from gauntlet.errors import SourceError

_MARKS = ("gauntlet.yaml", "pyproject.toml", "setup.py", ".git")
# Older base trees of the same repository are removed: they are only a cache of what git has anyway.
KEPT_BASES = 3


@dataclass(frozen=True)
class Repository:
    """The git repository around the source. `prefix` is the source's path in it (`examples/orders/`, or empty)."""

    git: Git
    top: Path
    common: Path
    prefix: str
    head: str | None


@dataclass(frozen=True)
class Checkout:
    """A folder to examine; `repository` is None outside git, and `base` (a commit id) where none was asked for."""

    root: Path
    repository: Repository | None
    base: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def trusted(self) -> str | None:
        """The commit whose custom stages may run on this machine: the base, else HEAD; None outside git."""
        return self.base or (self.repository.head if self.repository else None)

    def committed(self, commit: str, path: str) -> bytes | None:
        """A file of the source as a commit has it; None where it has not, or where it is no regular file."""
        if self.repository is None:
            return None
        spec = f"{commit}:{self.repository.prefix}{path}"
        try:
            kind = self.repository.git.run("ls-tree", "-z", commit, "--", f":(top){self.repository.prefix}{path}")
            return self.repository.git.run("cat-file", "blob", spec) if kind.startswith(b"100") else None
        except GitFailedError:
            return None

    @cached_property
    def changed(self) -> frozenset[str] | None:
        """Paths of the source that differ from the base, committed or not, untracked ones included."""
        if self.base is None or self.repository is None:
            return None
        git = Git(self.root)
        differ = git.paths("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative", self.base)
        fresh = git.paths("ls-files", "--others", "--exclude-standard", "-z")
        return frozenset((*differ, *fresh))

    def repository_root(self) -> tuple[Path, str]:
        """The folder that CI hosts look into, and the address of its remote (empty for none)."""
        if self.repository is None:
            return self.root, ""
        try:
            return self.repository.top, self.repository.git.line("remote", "get-url", "origin")
        except GitFailedError:
            return self.repository.top, ""

    def facts(self) -> dict[str, str]:
        """Where the source is from, for the report."""
        facts = {"path": str(self.root)}
        if self.repository is not None and self.repository.head:
            facts["commit"] = self.repository.head
        return facts | ({"base": self.base} if self.base else {})


def look_at(source: str | None, base: str | None) -> Checkout:
    """Find the source's folder, its repository and the merge base with `base`.

    Raises:
        SourceError: no such folder, nothing in it, or no such base.
    """
    root = _root(source)
    try:
        repository = _repository(root)
        notes: tuple[str, ...] = ()
    except GitFailedError as error:
        repository = None
        told = "not a git repository" in error.message
        notes = () if told else (f"working without git: {error.message}",)
    if base is None:
        return Checkout(root, repository, notes=notes)
    if repository is None:
        raise SourceError(f"--base {base}: {root} is in no git repository", "leave --base out, or name a clone")
    return Checkout(root, repository, _merge_base(repository, base), notes)


def base_tree(checkout: Checkout, cache: Path) -> Path:
    """The source's folder as the base has it, written once into `cache` and found there again by its tree id.

    Written with git's own checkout (not `git archive`, which obeys the change's export-ignore attributes).

    Raises:
        SourceError: git can't write it.
    """
    repository, base = checkout.repository, checkout.base
    if repository is None or base is None:
        raise SourceError("there is no base to write out")
    prefix = repository.prefix.rstrip("/")
    try:
        tree = repository.git.line("rev-parse", "--verify", f"{base}:{prefix}")
    except GitFailedError:
        tree = "empty"  # the folder is new in this change
    folder = cache / f"base-{tree}"
    if folder.is_dir():
        os.utime(folder)
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".base-", dir=cache) as scratch:
        fresh = Path(scratch) / "tree"
        fresh.mkdir()
        if tree != "empty":
            index = Path(scratch) / "index"
            # From the top: in a subfolder checkout-index would write that folder's part of the index only.
            git = Git(repository.top)
            git.run("read-tree", tree, index=index)
            git.run("checkout-index", "--all", f"--prefix={fresh}/", index=index)
        try:
            fresh.rename(folder)
        except OSError:
            # A run beside this one was faster, with the same tree.
            if not folder.is_dir():
                raise
    _forget_old(cache)
    return folder


def _forget_old(cache: Path) -> None:
    bases = sorted(cache.glob("base-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in bases[KEPT_BASES:]:
        shutil.rmtree(path, ignore_errors=True)


def _root(source: str | None) -> Path:
    if source is None:
        here = Path.cwd()
        return next((folder for folder in (here, *here.parents) if _is_project(folder)), here)
    root = Path(source)
    if not root.exists():
        raise SourceError(f"--source {source}: there is no such folder", "check the path")
    if not root.is_dir():
        raise SourceError(f"--source {source}: that is a file", "name the folder that it is in")
    root = root.resolve()
    if not os.access(root, os.R_OK | os.X_OK):
        raise SourceError(f"--source {source}: no permission to read it", "check the folder's owner and mode")
    if not any(entry.name not in {".git", ".gauntlet"} for entry in root.iterdir()):
        raise SourceError(f"--source {source}: the folder is empty", "name a folder with files")
    return root


def _is_project(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _MARKS)


def _repository(root: Path) -> Repository:
    git = Git(root)
    top, common, prefix = git.run("rev-parse", "--show-toplevel", "--git-common-dir", "--show-prefix").split(b"\n")[:3]
    try:
        head = git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitFailedError:
        head = None  # a repository without a commit
    return Repository(git, Path(os.fsdecode(top)), (root / os.fsdecode(common)).resolve(), os.fsdecode(prefix), head)


def _merge_base(repository: Repository, base: str) -> str:
    try:
        commit = repository.git.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
    except GitFailedError:
        raise SourceError(
            f"--base {base}: there is no such commit, branch or tag here",
            "fetch it first (`git fetch origin`); in CI the clone must be deep enough",
        ) from None
    if repository.head is None:
        return commit
    try:
        return repository.git.line("merge-base", commit, repository.head)
    except GitFailedError:
        raise SourceError(
            f"--base {base}: it has no commit in common with HEAD", "fetch more history (`git fetch --unshallow`)"
        ) from None
