"""A container's mounts as an op has them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gauntlet_engine.api.container.state import CacheMount, DirectoryMount, FileMount, TempMount
from gauntlet_engine.api.owner import resolve_owner
from gauntlet_engine.graph import Bind, Cache, FileChange, Mkdir, Mount, Output, SecretFile, Tmpfs

if TYPE_CHECKING:
    from gauntlet_engine.api.cache_volume import CacheVolume
    from gauntlet_engine.api.container.state import ContainerState
    from gauntlet_engine.api.context import EngineSession


@dataclass(frozen=True)
class Attachments:
    """Mounts in their order, and the cache volumes among them as `target=volume`."""

    mounts: tuple[Mount, ...]
    volumes: tuple[str, ...]

    def below(self, root: str) -> Attachments:
        """The same for a container whose root is mounted at `root`: a service's, whose writes are thrown away."""
        mounts = tuple(_below(root, mount) for mount in self.mounts)
        return Attachments(mounts, tuple(f"{root}{volume}" for volume in self.volumes))


async def attachments(session: EngineSession, container: ContainerState) -> Attachments:
    """What is mounted in a container's processes, secrets included.

    Raises:
        ApiError: a cache volume's owner does not exist. SolveError.
    """
    mounts: list[Mount] = []
    volumes: list[str] = []
    for mount in container.attached:
        match mount:
            case DirectoryMount():
                mounts.append(
                    Bind(mount.target, mount.tree, mount.path, readonly=mount.readonly, kept=not mount.readonly)
                )
            case FileMount():
                mounts.append(Bind(mount.target, mount.tree, mount.path, kept=True))
            case TempMount():
                mounts.append(Tmpfs(mount.target, mount.size))
            case CacheMount():
                cache = await _cache(session, container, mount.target, mount.volume)
                mounts.append(cache)
                volumes.append(f"{mount.target}={cache.volume}")
    mounts += [
        SecretFile(secret.target, secret.secret.handle, secret.uid, secret.gid, secret.mode)
        for secret in container.secret_mounts
    ]
    return Attachments(tuple(mounts), tuple(volumes))


def _below(root: str, mount: Mount) -> Mount:
    moved = replace(mount, target=f"{root}{mount.target}")
    return replace(moved, kept=False) if isinstance(moved, Bind) else moved


async def _cache(session: EngineSession, container: ContainerState, target: str, volume: CacheVolume) -> Cache:
    """A volume filled or owned in another way is another volume, as in Dagger."""
    owner = await resolve_owner(session, volume.owner, container.tree)
    source = volume.source
    if owner is not None:
        if source is None:
            folder = FileChange(
                platform=container.platform,
                name=f"cache {volume.key}",
                base=None,
                actions=(Mkdir("/volume", owner=owner),),
            )
            return Cache(target, f"{volume.key}#{owner.user}:{owner.group}", volume.sharing, Output(folder), "/volume")
        source = source.owned(owner)
    if source is None or source.tree is None:
        return Cache(target, volume.key, volume.sharing)
    content = hashlib.sha256(f"{source.tree.digest}{source.path}".encode()).hexdigest()[:16]
    return Cache(target, f"{volume.key}#{content}", volume.sharing, source.tree, source.path)
