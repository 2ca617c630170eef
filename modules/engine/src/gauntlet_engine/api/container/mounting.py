"""The fields of Container that attach things to its execs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gauntlet_engine.api.container.state import (
    CacheMount,
    ContainerState,
    DirectoryMount,
    FileMount,
    SecretMount,
    TempMount,
)
from gauntlet_engine.api.owner import resolve_owner

if TYPE_CHECKING:
    from typing import Self

    from gauntlet_engine.api.cache_volume import CacheVolume
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.directory import Directory
    from gauntlet_engine.api.file import File
    from gauntlet_engine.api.secret import Secret
    from gauntlet_engine.graph.process import Sharing


class Mounting(ContainerState):
    """Mounts are no part of the image."""

    def mounts(self) -> list[str]:
        """Targets of directories, files, caches and temporary mounts; secrets are not listed."""
        return [mount.target for mount in self.attached]

    async def with_mounted_directory(
        self,
        session: EngineSession,
        path: str,
        source: Directory,
        owner: str = "",
        read_only: bool = False,
        expand: bool = False,
    ) -> Self:
        """With a directory at `path`; what execs write there stays with the container, unless read-only."""
        resolved = await resolve_owner(session, owner, self.tree)
        if resolved is not None:
            source = source.owned(resolved)
        target = self.absolute(self.expanded(path, expand))
        return self.with_mount(DirectoryMount(target, source.tree, source.path, read_only))

    async def with_mounted_file(
        self, session: EngineSession, path: str, source: File, owner: str = "", expand: bool = False
    ) -> Self:
        """With a file at `path`."""
        resolved = await resolve_owner(session, owner, self.tree)
        if resolved is not None:
            source = source.owned(resolved)
        target = self.absolute(self.expanded(path, expand))
        return self.with_mount(FileMount(target, source.tree, source.path))

    def with_mounted_cache(
        self,
        path: str,
        cache: CacheVolume,
        source: Directory | None = None,
        sharing: Sharing = "SHARED",
        owner: str = "",
        expand: bool = False,
    ) -> Self:
        """With a cache volume at `path`."""
        volume = replace(
            cache,
            source=source or cache.source,
            sharing=sharing if sharing != "SHARED" else cache.sharing,
            owner=owner or cache.owner,
        )
        return self.with_mount(CacheMount(self.absolute(self.expanded(path, expand)), volume))

    def with_mounted_temp(self, path: str, size: int | None = None, expand: bool = False) -> Self:
        """With memory at `path`, of `size` bytes at most."""
        return self.with_mount(TempMount(self.absolute(self.expanded(path, expand)), size or 0))

    async def with_mounted_secret(
        self,
        session: EngineSession,
        path: str,
        source: Secret,
        owner: str = "",
        mode: int = 0o400,
        expand: bool = False,
    ) -> Self:
        """With a secret as the file `path`."""
        resolved = await resolve_owner(session, owner, self.tree)
        uid, gid = (resolved.user, resolved.group) if resolved else (0, 0)
        mount = SecretMount(self.absolute(self.expanded(path, expand)), source, uid, gid, mode)
        return self.changed(secret_mounts=(*self.secret_mounts, mount))

    def without_mount(self, path: str, expand: bool = False) -> Self:
        """Without what is mounted at `path`."""
        return self.without_mount_at(self.absolute(self.expanded(path, expand)))
