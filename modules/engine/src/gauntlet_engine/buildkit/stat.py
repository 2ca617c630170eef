"""File metadata as fsutil carries it (Go's FileMode bits) and as POSIX has it."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gauntlet_engine.buildkit.wire import FileStat

Kind = Literal["file", "dir", "symlink", "device", "fifo", "socket"]

# Go's io/fs.FileMode: type bits from the top down; the permission bits are POSIX's own.
GO_DIR = 1 << 31
GO_SYMLINK = 1 << 27
GO_DEVICE = 1 << 26
GO_FIFO = 1 << 25
GO_SOCKET = 1 << 24
GO_SETUID = 1 << 23
GO_SETGID = 1 << 22
GO_CHARACTER = 1 << 21
GO_STICKY = 1 << 20

_SPECIAL = ((GO_SETUID, stat.S_ISUID), (GO_SETGID, stat.S_ISGID), (GO_STICKY, stat.S_ISVTX))
_TYPES: dict[int, tuple[int, Kind]] = {
    stat.S_IFREG: (0, "file"),
    stat.S_IFDIR: (GO_DIR, "dir"),
    stat.S_IFLNK: (GO_SYMLINK, "symlink"),
    stat.S_IFBLK: (GO_DEVICE, "device"),
    stat.S_IFCHR: (GO_DEVICE | GO_CHARACTER, "device"),
    stat.S_IFIFO: (GO_FIFO, "fifo"),
    stat.S_IFSOCK: (GO_SOCKET, "socket"),
}
_GO_TYPES = GO_DIR | GO_SYMLINK | GO_DEVICE | GO_FIFO | GO_SOCKET | GO_CHARACTER
_POSIX_TYPES = {go: posix for posix, (go, _) in _TYPES.items()}


@dataclass(frozen=True)
class Stat:
    """A path inside a result.

    `path` is its base name in `read_dir`, the cleaned path in `stat`. `mode` holds POSIX bits (st_mode, with
    the file type), `size` bytes, `mtime_ns` nanoseconds since the epoch, `linkname` a symlink's target.
    """

    path: str
    kind: Kind
    mode: int
    size: int
    uid: int
    gid: int
    mtime_ns: int
    linkname: str

    @property
    def permissions(self) -> int:
        """Mode without the file type: rwx, setuid, setgid, sticky."""
        return self.mode & 0o7777


def go_mode(st_mode: int) -> int:
    """Go's FileMode of a POSIX st_mode."""
    mode = (st_mode & 0o777) | _TYPES[stat.S_IFMT(st_mode)][0]
    for go, posix in _SPECIAL:
        if st_mode & posix:
            mode |= go
    return mode


def posix_mode(mode: int) -> int:
    """POSIX st_mode of Go's FileMode."""
    result = (mode & 0o777) | _POSIX_TYPES.get(mode & _GO_TYPES, stat.S_IFREG)
    for go, posix in _SPECIAL:
        if mode & go:
            result |= posix
    return result


def to_stat(message: FileStat, path: str) -> Stat:
    """The daemon's answer as our type."""
    mode = posix_mode(message.mode)
    kind = _TYPES[stat.S_IFMT(mode)][1]
    size = 0 if kind == "dir" else message.size
    return Stat(path, kind, mode, size, message.uid, message.gid, message.mod_time, message.linkname)
