"""A host directory's entries in the order and selection in which BuildKit wants them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_engine.buildkit.gitignore import IgnoreScope, scope_above
from gauntlet_engine.buildkit.patterns import ParentMatches, PatternMatcher
from gauntlet_engine.buildkit.stat import go_mode
from gauntlet_engine.buildkit.wire import FileStat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class WalkError(Exception):
    """The tree cannot be read; the message names the path and the reason."""


@dataclass(frozen=True)
class Selection:
    """One pair of pattern lists; a walk obeys several at once (the host's own, and the op's)."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


class _Filter:
    def __init__(self, selection: Selection) -> None:
        self.include = PatternMatcher(selection.include) if selection.include else None
        self.exclude = PatternMatcher(selection.exclude) if selection.exclude else None

    def check(
        self, path: str, state: tuple[ParentMatches, ParentMatches], *, is_dir: bool
    ) -> tuple[bool, bool, tuple[ParentMatches, ParentMatches]]:
        """(selected itself, worth descending into, state for its children)."""
        selected = descend = True
        included: ParentMatches = ()
        excluded: ParentMatches = ()
        if self.include is not None:
            selected, included = self.include.match(path, state[0])
            if not selected and is_dir:
                descend = self.include.may_match_below(path)
        if self.exclude is not None and descend:
            out, excluded = self.exclude.match(path, state[1])
            if out:
                selected = False
                descend = is_dir and self.exclude.may_take_back_below(path)
        return selected, descend, (included, excluded)


_States = tuple[tuple[ParentMatches, ParentMatches], ...]


class _Walk:
    def __init__(self, root: Path, selections: Sequence[Selection]) -> None:
        self._root = os.fspath(root)
        self._filters = [_Filter(selection) for selection in selections if selection.include or selection.exclude]
        self._links: dict[tuple[int, int], str] = {}
        self._pending: list[FileStat] = []  # directories that appear only once something in them is selected

    def entries(self, ignore: IgnoreScope | None) -> Iterator[FileStat]:
        yield from self._directory("", tuple(((), ()) for _ in self._filters), ignore)

    def _directory(self, directory: str, states: _States, ignore: IgnoreScope | None) -> Iterator[FileStat]:
        entries = self._scan(directory)
        if ignore is not None and any(entry.name == ".gitignore" for entry in entries):
            ignore = ignore.entered(directory, self._read(f"{directory}/.gitignore"))
        prefix = f"{directory}/" if directory else ""
        for entry in entries:
            path = prefix + entry.name
            is_dir = entry.is_dir(follow_symlinks=False)
            selected, descend, below = self._check(path, states, is_dir=is_dir)
            if ignore is not None and (selected or descend) and ignore.ignores(path, is_dir=is_dir):
                continue
            if not selected and not (is_dir and descend):
                continue
            found = self._stat(entry, path)
            if found is None:
                continue
            if selected:
                yield from self._pending
                self._pending.clear()
                yield found
            if is_dir and descend:
                if not selected:
                    self._pending.append(found)
                yield from self._directory(path, below, ignore)
                if self._pending and self._pending[-1] is found:
                    self._pending.pop()

    def _check(self, path: str, states: _States, *, is_dir: bool) -> tuple[bool, bool, _States]:
        selected = descend = True
        below: list[tuple[ParentMatches, ParentMatches]] = []
        for filter_, state in zip(self._filters, states, strict=True):
            own, deeper, child = filter_.check(path, state, is_dir=is_dir)
            selected = selected and own
            descend = descend and deeper
            below.append(child)
        return selected, descend, tuple(below)

    def _scan(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self._root}/{directory}") as entries:
                return sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except FileNotFoundError:
            return []  # removed since its parent was listed: as if it had never been there
        except OSError as error:
            raise WalkError(f"cannot read directory {self._root}/{directory}: {error.strerror}") from error

    def _read(self, path: str) -> str:
        try:
            return Path(f"{self._root}/{path}").read_text(errors="surrogateescape")
        except OSError:
            return ""

    def _stat(self, entry: os.DirEntry[str], path: str) -> FileStat | None:
        try:
            info = entry.stat(follow_symlinks=False)
            link = os.readlink(entry.path) if stat.S_ISLNK(info.st_mode) else ""  # noqa: PTH115  raw target, any bytes
        except OSError:
            return None  # vanished since it was listed
        if stat.S_ISSOCK(info.st_mode) or stat.S_ISFIFO(info.st_mode):
            return None  # neither holds anything, and who opens a pipe without a writer waits for ever
        size = 0 if stat.S_ISDIR(info.st_mode) else info.st_size
        if info.st_nlink > 1 and stat.S_ISREG(info.st_mode):
            first = self._links.setdefault((info.st_dev, info.st_ino), path)
            if first != path:
                link, size = first, 0
        device = stat.S_ISBLK(info.st_mode) or stat.S_ISCHR(info.st_mode)
        return FileStat(
            path=path,
            mode=go_mode(info.st_mode),
            size=size,
            mod_time=info.st_mtime_ns,
            linkname=link,
            dev_major=os.major(info.st_rdev) if device else 0,
            dev_minor=os.minor(info.st_rdev) if device else 0,
        )


def walk(root: Path, selections: Sequence[Selection], *, gitignore: bool = False) -> Iterator[FileStat]:
    """Entries below `root` in BuildKit's order: each directory before its entries, these sorted by bytes.

    Symlinks are sent as they are, sockets and named pipes not at all; owners are 0:0; a second name of one file is a
    hard link to the first one sent. A directory that only leads to a selected entry is sent too.

    Raises:
        WalkError: a directory that is not excluded cannot be read, or `root` is none.
        ValueError: a malformed pattern.
    """
    if not root.is_dir():
        raise WalkError(f"{root} is not a directory" if root.exists() else f"{root} does not exist")
    yield from _Walk(root, selections).entries(scope_above(root) if gitignore else None)


def followed(root: Path, paths: Sequence[str]) -> list[str]:
    """`paths` (relative to `root`) and every path that symlinks on their way lead to, never leaving `root`."""
    resolved: set[str] = set()
    for path in paths:
        _follow(root, path, resolved, depth=0)
    return [] if "" in resolved else sorted(resolved)


def _follow(root: Path, path: str, resolved: set[str], depth: int) -> None:
    parts = [part for part in os.path.normpath(f"/{path}").split("/") if part]
    current = ""
    for index, part in enumerate(parts):
        current = f"{current}/{part}" if current else part
        link = root / current
        if depth < 255 and link.is_symlink():  # noqa: PLR2004  Linux's own limit is 40; loops end here
            if current in resolved:
                return
            resolved.add(current)
            target = os.readlink(link)  # noqa: PTH115  raw target
            target = target if target.startswith("/") else f"{os.path.dirname(current)}/{target}"  # noqa: PTH120
            _follow(root, "/".join((target, *parts[index + 1 :])), resolved, depth + 1)
            return
    resolved.add(current)
