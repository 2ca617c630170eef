"""A tar stream written below a host directory, never outside it.

tarfile's own `data` filter is not used: it refuses links that point outside, which every virtual environment has. Here
links are kept as they are, and none is ever followed: each directory is opened from its parent's descriptor without
following links, so whatever the archive or the destination holds, a write cannot leave the destination.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_PIECE = 1 << 20
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnpackError(Exception):
    """The archive is malformed, or the destination cannot take an entry; the message names it."""


def unpack(stream: IO[bytes], destination: Path, *, wipe: bool = False) -> None:
    """Write an uncompressed tar stream into `destination`, created where missing; existing entries are replaced.

    Owners are ours, setuid and setgid bits are dropped, devices and fifos left out, times kept.

    Args:
        stream: read in one pass to its end.
        destination: a directory.
        wipe: first remove what is in it.

    Raises:
        UnpackError: see there.
    """
    try:
        destination.mkdir(parents=True, exist_ok=True)
        if wipe:
            _wipe(destination)
        with _Tree(destination) as tree, tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
            for member in archive:
                _write(tree, archive, member)
    except (OSError, tarfile.TarError) as error:
        raise UnpackError(f"cannot write into {destination}: {error}") from error


def _wipe(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _write(tree: _Tree, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    parts = _parts(member.name)
    if not parts:
        return
    if member.isdir():
        tree.directory(parts, member)
        return
    parent, name = tree.parent(parts)
    if member.isreg():
        content = archive.extractfile(member)
        _remove(name, parent)
        _write_file(content, name, parent, member)
    elif member.issym():
        _remove(name, parent)
        os.symlink(member.linkname, name, dir_fd=parent)
        os.utime(name, (member.mtime, member.mtime), dir_fd=parent, follow_symlinks=False)
    elif member.islnk():
        _remove(name, parent)
        kept = os.dup(parent)  # going to the other name's directory closes this one
        try:
            source, source_name = tree.parent(_parts(member.linkname))
            os.link(source_name, name, src_dir_fd=source, dst_dir_fd=kept, follow_symlinks=False)
        finally:
            os.close(kept)


def _write_file(content: IO[bytes] | None, name: str, parent: int, member: tarfile.TarInfo) -> None:
    handle = os.open(
        name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, member.mode & 0o777, dir_fd=parent
    )
    with os.fdopen(handle, "wb") as file:
        if content is not None:
            shutil.copyfileobj(content, file, _PIECE)
        file.flush()
        os.fchmod(file.fileno(), member.mode & 0o777)
        os.utime(file.fileno(), (member.mtime, member.mtime))


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise UnpackError(f"the archive has an entry outside of it: {name!r}")
    return parts


def _remove(name: str, parent: int) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        shutil.rmtree(name, dir_fd=parent)


class _Tree:
    """Directories below the destination by open descriptor; entries come in tree order, so one path is open."""

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open: list[tuple[str, int]] = []
        self._later: list[tuple[list[str], tarfile.TarInfo]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._close_below(0)
            os.close(self._root)

    def parent(self, parts: list[str]) -> tuple[int, str]:
        """(descriptor of the directory that holds it, its name)."""
        return self._descend(parts[:-1]), parts[-1]

    def directory(self, parts: list[str], member: tarfile.TarInfo) -> None:
        """Have a directory there; its mode and time are set at the end, when nothing is written into it any more."""
        self._descend(parts)
        self._later.append((parts, member))

    def _descend(self, parts: list[str]) -> int:
        depth = 0
        while depth < min(len(parts), len(self._open)) and self._open[depth][0] == parts[depth]:
            depth += 1
        self._close_below(depth)
        for part in parts[depth:]:
            self._open.append((part, _enter(part, self._last())))
        return self._last()

    def _last(self) -> int:
        return self._open[-1][1] if self._open else self._root

    def _close_below(self, depth: int) -> None:
        while len(self._open) > depth:
            os.close(self._open.pop()[1])

    def _finish(self) -> None:
        for parts, member in reversed(self._later):
            handle = self._descend(parts)
            os.fchmod(handle, member.mode & 0o777)
            os.utime(handle, (member.mtime, member.mtime))


def _enter(name: str, parent: int) -> int:
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        os.mkdir(name, 0o700, dir_fd=parent)
    else:
        if not stat.S_ISDIR(mode):
            os.unlink(name, dir_fd=parent)
            os.mkdir(name, 0o700, dir_fd=parent)
    handle = os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
    mode = os.fstat(handle).st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(handle, stat.S_IMODE(mode) | stat.S_IRWXU)  # writable while we fill it
    return handle
