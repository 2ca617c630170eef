"""The fields of Container that read and change its files, mounts included."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from gauntlet_engine.api.container.state import ContainerState, DirectoryMount, FileMount
from gauntlet_engine.api.directory import Directory
from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.file import File
from gauntlet_engine.api.listing import exists, look
from gauntlet_engine.api.owner import resolve_owner
from gauntlet_engine.api.paths import check_file_name, join
from gauntlet_engine.api.selection import ignored_by_git
from gauntlet_engine.graph import FileChange, Mkfile, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.values import Stat


class Files(ContainerState):
    """A path below a mount means the mounted tree; changing it there leaves the root file system alone."""

    def directory(self, path: str, expand: bool = False) -> Directory:
        """A directory, as an exec would see it."""
        mount, where = self.locate(self.expanded(path, expand))
        if isinstance(mount, DirectoryMount):
            return Directory(self.platform, mount.tree, join(mount.path, where))
        if isinstance(mount, FileMount):
            raise ApiError(f"path {path} is a file, not a directory")
        return Directory(self.platform, self.tree, where)

    def file(self, path: str, expand: bool = False) -> File:
        """A file, as an exec would see it."""
        mount, where = self.locate(self.expanded(path, expand))
        if isinstance(mount, DirectoryMount):
            return File(self.platform, mount.tree, join(mount.path, where))
        if isinstance(mount, FileMount):
            return File(self.platform, mount.tree, mount.path)
        return File(self.platform, self.tree, where)

    async def exists(
        self,
        session: EngineSession,
        path: str,
        expected_type: str | None = None,
        do_not_follow_symlinks: bool = False,
        expand: bool = False,
    ) -> bool:
        """Whether a path is there, and of the expected type."""
        found = self.file(path, expand)
        return await exists(session, found.tree, found.path, expected_type, follow=not do_not_follow_symlinks)

    async def stat(self, session: EngineSession, path: str, do_not_follow_symlinks: bool = False) -> Stat:
        """What is at a path."""
        found = self.file(path)
        return await look(session, found.tree, found.path, follow=not do_not_follow_symlinks)

    def with_rootfs(self, directory: Directory) -> Self:
        """With another root file system."""
        return self.changed(tree=directory.at_root().tree)

    async def with_new_file(
        self,
        session: EngineSession,
        path: str,
        contents: str,
        permissions: int = 0o644,
        owner: str = "",
        expand: bool = False,
    ) -> Self:
        """With a file of that text, in place of whatever was there. setuid and the like are dropped."""
        name = posixpath.basename(posixpath.normpath(check_file_name(path)))
        made = Mkfile(f"/{name}", contents.encode(), mode=permissions & 0o777 or 0o644)
        change = FileChange(platform=self.platform, name=f"write {name}", base=None, actions=(made,))
        source = File(self.platform, Output(change), f"/{name}")
        return await self.with_file(session, path, source, owner=owner, expand=expand)

    async def with_file(
        self,
        session: EngineSession,
        path: str,
        source: File,
        permissions: int | None = None,
        owner: str = "",
        expand: bool = False,
    ) -> Self:
        """With a copy of a file; into `path` where that ends in a slash."""
        resolved = await resolve_owner(session, owner, self.tree)

        def copied(directory: Directory, where: str) -> Directory:
            return directory.with_copied_file(where, source, permissions, resolved)

        return self._at(self.expanded(path, expand), copied)

    async def with_files(
        self,
        session: EngineSession,
        path: str,
        sources: Sequence[File],
        permissions: int | None = None,
        owner: str = "",
        expand: bool = False,
    ) -> Self:
        """With copies of files in the directory `path`."""
        folder = self.expanded(path, expand)
        changed = self
        for source in sources:
            target = posixpath.join(folder, source.name())
            changed = await changed.with_file(session, target, source, permissions, owner)
        return changed

    async def with_directory(
        self,
        session: EngineSession,
        path: str,
        source: Directory,
        exclude: Sequence[str] = (),
        include: Sequence[str] = (),
        gitignore: bool = False,
        owner: str = "",
        expand: bool = False,
        permissions: int | None = None,
    ) -> Self:
        """With a copy of a directory laid over `path`."""
        ignored = await ignored_by_git(session, source.tree, source.path) if gitignore else ()
        resolved = await resolve_owner(session, owner, self.tree)
        excluded = (*exclude, *ignored)

        def copied(directory: Directory, where: str) -> Directory:
            return directory.with_copied_directory(where, source, excluded, tuple(include), resolved, permissions)

        return self._at(self.expanded(path, expand), copied, into_mounted_directory=True)

    def with_symlink(self, target: str, link_name: str, expand: bool = False) -> Self:
        """With a symbolic link `link_name` to `target`."""
        pointed = self.expanded(target, expand)
        return self._at(
            self.expanded(link_name, expand), lambda directory, where: directory.with_symlink(pointed, where)
        )

    def without_directory(self, path: str, expand: bool = False) -> Self:
        """Without a directory; a missing one is fine."""
        return self.without_files((path,), expand)

    def without_file(self, path: str, expand: bool = False) -> Self:
        """Without a file; a missing one is fine."""
        return self.without_files((path,), expand)

    def without_files(self, paths: Sequence[str], expand: bool = False) -> Self:
        """Without files; missing ones are fine, wildcards are taken."""
        changed = self
        for path in paths:
            changed = changed._at(  # of our own class
                self.expanded(path, expand), lambda directory, where: directory.without_paths((where,))
            )
        return changed

    def _at(
        self, path: str, change: Callable[[Directory, str], Directory], *, into_mounted_directory: bool = False
    ) -> Self:
        """Apply `change` to the tree that holds `path`. A mount exactly there is taken away first."""
        mount, where = self.locate(path)
        # A trailing slash says "into", which the clean path has lost.
        hint = "/" if path.endswith("/") and not where.endswith("/") else ""
        if mount is None:
            changed = change(Directory(self.platform, self.tree), where + hint)
            return self.changed(tree=changed.tree)
        if where == "." and not (into_mounted_directory and isinstance(mount, DirectoryMount)):
            return self.without_mount_at(mount.target)._at(path, change)  # noqa: SLF001  # of our own class
        if not isinstance(mount, DirectoryMount):
            raise ApiError(f"{path}: {mount.target} is a file, not a directory")
        changed = change(Directory(self.platform, mount.tree, mount.path), where + hint)
        new = replace(mount, tree=changed.tree, path=changed.path)
        return self.changed(attached=tuple(new if old is mount else old for old in self.attached))
