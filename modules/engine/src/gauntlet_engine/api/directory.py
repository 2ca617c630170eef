"""A directory of a tree."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_engine.api.checksum import tree_digest
from gauntlet_engine.api.dockerfile import docker_build
from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.file import File
from gauntlet_engine.api.listing import exists, find_up, glob, look
from gauntlet_engine.api.owner import resolve_owner
from gauntlet_engine.api.paths import check_file_name, clean, join
from gauntlet_engine.api.selection import ignored_by_git
from gauntlet_engine.buildkit import export_local
from gauntlet_engine.graph import (
    KEEP,
    Action,
    Copy,
    Diff,
    FileChange,
    Mkdir,
    Mkfile,
    Output,
    Remove,
    Symlink,
    empty_tree,
    marshal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gauntlet_engine.api.container import Container
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.secret import Secret
    from gauntlet_engine.api.values import Stat
    from gauntlet_engine.graph import Owner

_NANOSECONDS = 1_000_000_000
_WILDCARDS = frozenset("*?[")
_OWNED = "/owned"


@dataclass(frozen=True)
class Directory:
    """A path in a tree. Methods that return a Directory only describe it; nothing runs until a leaf is asked."""

    platform: str
    tree: Output | None = None
    path: str = "/"

    # -- looking ---------------------------------------------------------------------------------------------------

    async def entries(self, session: EngineSession, path: str | None = None) -> list[str]:
        """Names of the direct children, directories with a trailing slash."""
        found = await session.list_dir(self.tree, join(self.path, path or "."))
        return [f"{stat.path}/" if stat.kind == "dir" else stat.path for stat in found]

    async def glob(self, session: EngineSession, pattern: str) -> list[str]:
        """Paths below that match a pattern (`**/*.py`), directories with a trailing slash, in tree order."""
        return await glob(session, self.tree, self.path, pattern)

    async def exists(
        self, session: EngineSession, path: str, expected_type: str | None = None, do_not_follow_symlinks: bool = False
    ) -> bool:
        """Whether a path is there, and of the expected type."""
        return await exists(session, self.tree, join(self.path, path), expected_type, follow=not do_not_follow_symlinks)

    async def stat(self, session: EngineSession, path: str, do_not_follow_symlinks: bool = False) -> Stat:
        """What is at a path."""
        return await look(session, self.tree, join(self.path, path), follow=not do_not_follow_symlinks)

    async def find_up(self, session: EngineSession, name: str, start: str) -> str | None:
        """The nearest path of that name at or above `start`, relative to this directory."""
        return await find_up(session, self.tree, self.path, name, start)

    async def digest(self, session: EngineSession) -> str:
        """Digest of everything in it but timestamps."""
        tree = self.at_root().tree
        return await tree_digest(session, tree or empty_tree(self.platform))

    def name(self) -> str:
        """The last part of its path and a slash."""
        return posixpath.basename(self.path) + "/"

    async def sync(self, session: EngineSession) -> str:
        """Run everything that it is made of."""
        if self.tree is not None and (await session.stat(self.tree, self.path)).kind != "dir":
            raise ApiError(f"path {self.path} is a file, not a directory")
        return session.ids.id_of(self)

    async def export(self, session: EngineSession, path: str, wipe: bool = False) -> str:
        """Write it to the host; returns the absolute path."""
        target = session.host_path(path)
        definition = marshal(self.tree or empty_tree(self.platform))
        await export_local(session.client, session.attachables, definition, Path(target), path=self.path, wipe=wipe)
        return target

    # -- parts -----------------------------------------------------------------------------------------------------

    def directory(self, path: str) -> Directory:
        """A directory below, or above with `..`."""
        return replace(self, path=join(self.path, path))

    def file(self, path: str) -> File:
        """A file below."""
        return File(self.platform, self.tree, join(self.path, path))

    async def filter(
        self,
        session: EngineSession,
        exclude: Sequence[str] = (),
        include: Sequence[str] = (),
        gitignore: bool = False,
    ) -> Directory:
        """Only what matches."""
        return await Directory(self.platform).with_directory(
            session, "/", self, exclude=exclude, include=include, gitignore=gitignore
        )

    def diff(self, other: Directory) -> Directory:
        """What is new or changed in `other`; deletions are not visible in a directory."""
        lower, upper = self.at_root().tree, other.at_root().tree
        if upper is None or lower == upper:
            return Directory(self.platform)
        if lower is None:
            return Directory(self.platform, upper)
        return Directory(self.platform, Output(Diff(platform=self.platform, name="diff", lower=lower, upper=upper)))

    def at_root(self) -> Directory:
        """The same content as a tree of its own, at `/`."""
        if self.path == "/" or self.tree is None:
            return Directory(self.platform, self.tree)
        copied = Copy(self.tree, self.path, "/", contents=True)
        change = FileChange(platform=self.platform, name=f"copy {self.path}", base=None, actions=(copied,))
        return Directory(self.platform, Output(change))

    def owned(self, owner: Owner) -> Directory:
        """A copy of another owner, itself included; at a path of its own because a tree's root has no owner to set."""
        copied = Copy(self.tree, self.path, _OWNED, owner=owner)
        change = FileChange(platform=self.platform, name=f"chown {self.path}", base=None, actions=(copied,))
        return Directory(self.platform, Output(change), _OWNED)

    # -- changes ---------------------------------------------------------------------------------------------------

    def with_new_file(self, path: str, contents: str, permissions: int = 0o644) -> Directory:
        """With a file of that text; an existing file keeps its mode. setuid and the like are dropped."""
        target = join(self.path, check_file_name(path))
        mode = permissions & 0o777 or 0o644
        return self._changed(f"write {path}", *_parents(target), Mkfile(target, contents.encode(), mode=mode))

    def with_new_directory(self, path: str, permissions: int = 0o644) -> Directory:
        """With an empty directory."""
        if clean_relative(path).startswith("../"):
            raise ApiError(f"cannot create directory outside parent: {clean_relative(path)}")
        return self._changed(f"mkdir {path}", Mkdir(join(self.path, path), mode=permissions & 0o777 or 0o755))

    async def with_file(
        self, session: EngineSession, path: str, source: File, permissions: int | None = None, owner: str = ""
    ) -> Directory:
        """With a copy of a file; into `path` where that ends in a slash."""
        return self.with_copied_file(path, source, permissions, await resolve_owner(session, owner, self.tree))

    def with_copied_file(self, path: str, source: File, permissions: int | None, owner: Owner | None) -> Directory:
        """`with_file` for an owner already known."""
        target = join(self.path, path)
        if path.endswith(("/", "/.")):
            target = join(target, source.name())
        copied = Copy(
            source.tree,
            source.path,
            target,
            owner=owner,
            mode=KEEP if permissions is None else permissions & 0o7777,
            replace=True,
            follow=True,
        )
        return self._changed(f"copy {source.name()} to {path}", *_parents(target), copied)

    async def with_files(
        self, session: EngineSession, path: str, sources: Sequence[File], permissions: int | None = None
    ) -> Directory:
        """With copies of files in the directory `path`."""
        changed = self
        for source in sources:
            changed = await changed.with_file(session, posixpath.join(path, source.name()), source, permissions)
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
        permissions: int | None = None,
    ) -> Directory:
        """With a copy of a directory laid over `path`."""
        ignored = await ignored_by_git(session, source.tree, source.path) if gitignore else ()
        resolved = await resolve_owner(session, owner, self.tree)
        return self.with_copied_directory(path, source, (*exclude, *ignored), tuple(include), resolved, permissions)

    def with_copied_directory(
        self,
        path: str,
        source: Directory,
        exclude: tuple[str, ...] = (),
        include: tuple[str, ...] = (),
        owner: Owner | None = None,
        permissions: int | None = None,
    ) -> Directory:
        """`with_directory` for an owner already known."""
        target = join(self.path, path)
        if source.tree is None:
            return self._changed(f"mkdir {path}", Mkdir(target, owner=owner))
        plain = not exclude and not include and owner is None and permissions is None
        if plain and self.tree is None and target == "/" and source.path == "/":
            return Directory(self.platform, source.tree)
        copied = Copy(
            source.tree,
            source.path,
            target,
            contents=True,
            include=include,
            exclude=exclude,
            owner=owner,
            mode=KEEP if permissions is None else permissions & 0o7777,
            replace=True,
        )
        return self._changed(f"copy to {target}", copied)

    def with_symlink(self, target: str, link_name: str) -> Directory:
        """With a symbolic link `link_name` to `target`."""
        path = join(self.path, link_name)
        return self._changed(f"link {link_name} to {target}", *_parents(path), Symlink(path, target))

    def with_timestamps(self, timestamp: int) -> Directory:
        """Everything in it created and changed at `timestamp` (seconds since the epoch)."""
        if self.tree is None:
            return self
        stamped = Copy(self.tree, self.path, self.path, contents=True, timestamp=timestamp * _NANOSECONDS)
        change = FileChange(platform=self.platform, name="set timestamps", base=None, actions=(stamped,))
        return replace(self, tree=Output(change))

    async def chown(self, session: EngineSession, path: str, owner: str) -> Directory:
        """`path` with everything below it of another owner."""
        resolved = await resolve_owner(session, owner, self.tree)
        if resolved is None:
            raise ApiError("chown needs an owner")
        target = join(self.path, path)
        if target == self.path:
            return self.owned(resolved)
        return self._changed(f"chown {owner} {path}", Remove(target), Copy(self.tree, target, target, owner=resolved))

    def without_directory(self, path: str) -> Directory:
        """Without a directory; a missing one is fine, wildcards are taken."""
        return self.without_paths((path,))

    def without_file(self, path: str) -> Directory:
        """Without a file; a missing one is fine, wildcards are taken."""
        return self.without_paths((path,))

    def without_files(self, paths: Sequence[str]) -> Directory:
        """Without files; missing ones are fine, wildcards are taken."""
        return self.without_paths(paths)

    def without_paths(self, paths: Sequence[str]) -> Directory:
        """Without any of `paths`."""
        if self.tree is None:
            return self
        targets = [join(self.path, path) for path in paths]
        if self.path in targets:
            return Directory(self.platform)
        actions = [Remove(target, wildcard=bool(_WILDCARDS & set(target))) for target in targets]
        return self._changed(f"remove {', '.join(paths)}", *actions) if actions else self

    def with_error(self, err: str) -> Directory:
        """Raise an error where `err` is not empty."""
        if err:
            raise ApiError(err)
        return self

    async def docker_build(
        self,
        session: EngineSession,
        dockerfile: str = "Dockerfile",
        platform: str | None = None,
        build_args: Sequence[dict[str, str]] = (),
        target: str = "",
        secrets: Sequence[Secret] = (),
        no_init: bool = False,  # noqa: ARG002  # RUN has no init of ours anyway
        ssh: str | None = None,
    ) -> Container:
        """The image that a Dockerfile in it describes."""
        if ssh is not None:
            raise ApiError("dockerBuild(ssh:) is not in Gauntlet's embedded engine; a Dagger engine has it")
        return await docker_build(session, self, dockerfile, platform or self.platform, build_args, target, secrets)

    def _changed(self, name: str, *actions: Action) -> Directory:
        change = FileChange(platform=self.platform, name=name, base=self.tree, actions=actions)
        return replace(self, tree=Output(change))


def clean_relative(path: str) -> str:
    """The shortest form of a relative path, `..` kept where it climbs out."""
    return posixpath.normpath(path.lstrip("/") or ".")


def _parents(path: str) -> tuple[Mkdir, ...]:
    parent = posixpath.dirname(clean(path))
    return () if parent == "/" else (Mkdir(parent),)
