"""A file of a tree."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.api.checksum import file_digest
from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.owner import resolve_owner
from gauntlet_engine.api.paths import check_file_name
from gauntlet_engine.api.values import Stat
from gauntlet_engine.buildkit import export_local
from gauntlet_engine.graph import KEEP, Copy, FileChange, Mkfile, Output, marshal

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.graph import Owner

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class File:
    """A path in a tree, which is only looked at when a leaf is asked."""

    platform: str
    tree: Output | None
    path: str

    async def contents(
        self, session: EngineSession, offset_lines: int | None = None, limit_lines: int | None = None
    ) -> str:
        """The text, invalid UTF-8 replaced; or `limit_lines` of it after the first `offset_lines`."""
        data = await session.read_file(self.tree, self.path)
        if offset_lines is not None or limit_lines is not None:
            start = offset_lines or 0
            stop = None if limit_lines is None else start + limit_lines
            data = b"".join(islice(data.splitlines(keepends=True), start, stop))
        return data.decode(errors="replace")

    async def size(self, session: EngineSession) -> int:
        """Bytes."""
        return (await session.stat(self.tree, self.path)).size

    def name(self) -> str:
        """The last part of its path."""
        return posixpath.basename(self.path)

    async def stat(self, session: EngineSession) -> Stat:
        """What it is."""
        return Stat.of(self.name(), await session.stat(self.tree, self.path))

    async def digest(self, session: EngineSession, exclude_metadata: bool = False) -> str:
        """Digest of content and, unless excluded, name-independent metadata; never of timestamps."""
        return await file_digest(session, self.tree, self.path, exclude_metadata=exclude_metadata)

    async def sync(self, session: EngineSession) -> str:
        """Make sure that it exists."""
        await session.stat(self.tree, self.path)
        return session.ids.id_of(self)

    async def export(self, session: EngineSession, path: str, allow_parent_dir_path: bool = False) -> str:
        """Write it to the host; returns the absolute path."""
        target = Path(session.host_path(path))
        if path.endswith("/") or await anyio.Path(target).is_dir():
            if not allow_parent_dir_path:
                raise ApiError(
                    f"destination {str(target)!r} is a directory; must be a file path unless allowParentDirPath is set"
                )
            target /= self.name()
        await session.stat(self.tree, self.path)
        single = FileChange(
            platform=self.platform,
            name=f"export {self.name()}",
            base=None,
            actions=(Copy(self.tree, self.path, f"/{target.name}", follow=True),),
        )
        await export_local(session.client, session.attachables, marshal(Output(single)), target.parent)
        return str(target)

    def with_name(self, name: str) -> File:
        """The same file under another name."""
        return self._copied(check_file_name(name), name=f"rename {self.name()} to {name}")

    def with_timestamps(self, timestamp: int) -> File:
        """The same file, created and changed at `timestamp` (seconds since the epoch)."""
        return self._copied(self.name(), name=f"set timestamps of {self.name()}", timestamp=timestamp * _NANOSECONDS)

    async def chown(self, session: EngineSession, owner: str) -> File:
        """The same file of another owner."""
        resolved = await resolve_owner(session, owner, None)
        return self if resolved is None else self.owned(resolved)

    def owned(self, owner: Owner) -> File:
        """A copy in a tree of its own, of another owner."""
        copied = Copy(self.tree, self.path, f"/{self.name()}", owner=owner, follow=True)
        change = FileChange(platform=self.platform, name=f"chown {self.path}", base=None, actions=(copied,))
        return File(self.platform, Output(change), f"/{self.name()}")

    async def with_replaced(
        self,
        session: EngineSession,
        search: str,
        replacement: str,
        all: bool = False,  # noqa: A002  # Dagger's name
        first_from: int | None = None,
    ) -> File:
        """The same file with `search` replaced: once, everywhere, or once from line `first_from` on.

        Raises:
            ApiError: no match (unless `all`), or several without a choice among them.
        """
        data = (await session.read_file(self.tree, self.path)).decode(errors="surrogateescape")
        start = 0
        if first_from is not None:
            start = sum(len(line) for line in islice(data.splitlines(keepends=True), max(first_from - 1, 0)))
        count = data.count(search, start) if search else 0
        if not count and not all:
            raise ApiError(f"no match found for {search!r}")
        if count > 1 and not all and first_from is None:
            raise ApiError(f"{count} matches found for {search!r}: use `all` or `firstFrom`")
        changed = data[:start] + data[start:].replace(search, replacement, -1 if all else 1) if count else data
        stat = await session.stat(self.tree, self.path)
        written = Mkfile(self.path, changed.encode(errors="surrogateescape"), mode=stat.permissions)
        keep = Copy(self.tree, self.path, self.path, follow=True)
        change = FileChange(platform=self.platform, name=f"replace in {self.path}", base=None, actions=(keep, written))
        return replace(self, tree=Output(change))

    def _copied(self, new_name: str, *, name: str, timestamp: int = KEEP) -> File:
        copied = Copy(self.tree, self.path, f"/{new_name}", timestamp=timestamp, follow=True)
        change = FileChange(platform=self.platform, name=name, base=None, actions=(copied,))
        return File(self.platform, Output(change), f"/{new_name}")
