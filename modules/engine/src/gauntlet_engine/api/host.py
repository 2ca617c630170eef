"""The machine that the client runs on."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_engine.api.directory import Directory
from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.buildkit import LocalDir
from gauntlet_engine.graph import Copy, FileChange, Output, local_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.file import File


@dataclass(frozen=True)
class Host:
    """Directories and files, read when first needed and once a session."""

    def directory(
        self,
        session: EngineSession,
        path: str,
        exclude: Sequence[str] = (),
        include: Sequence[str] = (),
        no_cache: bool = False,
        gitignore: bool = False,
    ) -> Directory:
        """A directory; owners become root. `no_cache` reads it again."""
        source = Path(session.host_path(path))
        if not source.exists():
            raise ApiError(f"lstat {source}: no such file or directory")
        if not source.is_dir():
            raise ApiError(f"path {source} is a file, not a directory")
        directory = LocalDir(source, include=tuple(include), exclude=tuple(exclude), gitignore=gitignore)
        return upload(session, directory, again=no_cache)

    def file(self, session: EngineSession, path: str, no_cache: bool = False) -> File:
        """A file; a symbolic link is refused."""
        source = Path(session.host_path(path))
        if source.is_symlink():
            raise ApiError(f"path {source} is a symlink, not a file")
        if not source.exists():
            raise ApiError(f"lstat {source}: no such file or directory")
        if not source.is_file():
            raise ApiError(f"path {source} is a directory, not a file")
        directory = LocalDir(source.parent, include=(_literal(source.name),))
        return upload(session, directory, again=no_cache).file(source.name)

    def find_up(self, session: EngineSession, name: str, no_cache: bool = False) -> str | None:  # noqa: ARG002
        """The nearest path of that name at or above the working directory."""
        session.require_host()
        for folder in (session.workdir, *session.workdir.parents):
            if (folder / name).exists():
                return posixpath.relpath(folder / name, session.workdir)
        return None


def upload(session: EngineSession, directory: LocalDir, *, again: bool = False) -> Directory:
    """A directory of the host as a tree, known to the cache by its content.

    Args:
        session: the session.
        directory: what to read.
        again: not what this session may already have read there.
    """
    key = repr((str(directory.path), directory.include, directory.exclude, directory.gitignore))
    shared_key = hashlib.sha256(key.encode()).hexdigest()[:32]
    name = f"{shared_key}-{session.next_number()}" if again else shared_key
    session.attachables.add_local(name, directory)
    uploaded = local_source(name, platform=session.platform, shared_key=shared_key, label=f"upload {directory.path}")
    # BuildKit knows a local source by its session only; a copy of it is known by content.
    copied = FileChange(
        platform=session.platform,
        name=f"copy {directory.path}",
        base=None,
        actions=(Copy(uploaded, "/", "/", contents=True),),
    )
    return Directory(session.platform, Output(copied))


def _literal(name: str) -> str:
    return "".join(f"\\{character}" if character in "*?[]\\!" else character for character in name)
