"""Digests of trees and files that ignore timestamps, as Dagger's do.

BuildKit keeps such digests but tells them nobody. So a tree is brought here as one tar stream (0.8 s for 5,000
files) and digested in path order; a file is read. Equal content means equal digest, in any session and on any daemon.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.buildkit import export_tar
from gauntlet_engine.graph import marshal

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.graph import Output

_PIECE = 1 << 20


async def file_digest(session: EngineSession, tree: Output | None, path: str, *, exclude_metadata: bool) -> str:
    """Digest of a file's content and, unless excluded, of its mode and owner.

    Raises:
        NotFound, SolveError.
    """
    digest = hashlib.sha256()
    if not exclude_metadata:
        stat = await session.stat(tree, path)
        digest.update(f"{stat.permissions:o} {stat.uid}:{stat.gid}\0".encode())
    digest.update(await session.read_file(tree, path))
    return f"sha256:{digest.hexdigest()}"


async def tree_digest(session: EngineSession, tree: Output) -> str:
    """Digest of everything in a tree: names, kinds, modes, owners, link targets, contents.

    Raises:
        SolveError.
    """
    with tempfile.TemporaryDirectory(prefix="gauntlet-digest-") as folder:
        archive = Path(folder) / "tree.tar"
        await export_tar(session.client, session.attachables, marshal(tree), archive)
        return await anyio.to_thread.run_sync(_digest_archive, archive)


def _digest_archive(archive: Path) -> str:
    with tarfile.open(archive, "r:") as tar:
        entries = [(member.name.rstrip("/"), _digest_member(tar, member)) for member in tar]
    whole = hashlib.sha256()
    for name, digest in sorted(entries):
        whole.update(name.encode(errors="surrogateescape") + b"\0" + digest)
    return f"sha256:{whole.hexdigest()}"


def _digest_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    digest = hashlib.sha256()
    # A hard link is a file like any other; which of the names comes first in the archive says nothing.
    source = member
    while source.islnk():
        source = tar.getmember(source.linkname)
    kind = source.type.decode()
    header = f"{kind} {source.mode:o} {source.uid}:{source.gid} {source.linkname} {source.devmajor}:{source.devminor}\0"
    digest.update(header.encode(errors="surrogateescape"))
    content = tar.extractfile(source) if source.isfile() else None
    while content is not None and (piece := content.read(_PIECE)):
        digest.update(piece)
    return digest.digest()
