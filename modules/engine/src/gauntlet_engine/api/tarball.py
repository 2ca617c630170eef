"""Images as tar archives: written by the daemon's exporter, read as OCI layouts."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import anyio

from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.host import upload
from gauntlet_engine.buildkit import LocalDir, OciLayout, export_oci
from gauntlet_engine.graph import Output, Source, empty_tree, marshal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gauntlet_buildkit.api import ops_pb2
    from gauntlet_engine.api.container.state import ContainerState
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.file import File
    from gauntlet_engine.buildkit.export import Compression

_NAME = "container.tar"
_COMPRESSIONS: dict[str, Compression] = {
    "Gzip": "gzip",
    "Zstd": "zstd",
    "EStarGZ": "estargz",
    "Uncompressed": "uncompressed",
}
_PIECE = 8 << 20


def compression_options(forced: str | None) -> dict[str, Any]:
    """The exporter's options for Dagger's ImageLayerCompression; none keeps layers as they are."""
    return {} if forced is None else {"compression": _COMPRESSIONS[forced], "force_compression": True}


def image_parts(
    containers: Sequence[ContainerState],
) -> tuple[dict[str, ops_pb2.Definition], dict[str, dict[str, Any]]]:
    """Definitions and OCI configs by platform.

    Raises:
        ApiError: two containers for one platform.
    """
    definitions: dict[str, ops_pb2.Definition] = {}
    configs: dict[str, dict[str, Any]] = {}
    for container in containers:
        if container.platform in definitions:
            raise ApiError(f'duplicate platform "{container.platform}"')
        definitions[container.platform] = marshal(container.tree or empty_tree(container.platform))
        configs[container.platform] = container.config.oci(container.platform)
    return definitions, configs


async def write_tarball(
    session: EngineSession,
    containers: Sequence[ContainerState],
    destination: Path,
    *,
    forced_compression: str | None,
    media_types: str,
) -> None:
    """Write an image archive to the host.

    Raises:
        SolveError.
    """
    definitions, configs = image_parts(containers)
    await export_oci(
        session.client,
        session.attachables,
        definitions,
        configs,
        destination,
        docker=media_types == "DockerMediaTypes",
        **compression_options(forced_compression),
    )


async def image_tarball(
    session: EngineSession, containers: Sequence[ContainerState], *, forced_compression: str | None, media_types: str
) -> File:
    """The image archive as a file of a tree."""
    folder = session.scratch / f"image-{session.next_number()}"
    folder.mkdir()
    await write_tarball(
        session, containers, folder / _NAME, forced_compression=forced_compression, media_types=media_types
    )
    return upload(session, LocalDir(folder)).file(_NAME)


async def import_tarball(
    session: EngineSession, source: File, tag: str, platform: str
) -> tuple[Output, dict[str, Any]]:
    """The image in an OCI archive: its tree and its config.

    Args:
        session: the session.
        source: the archive.
        tag: which image, where it holds several; empty for the only or first one.
        platform: which variant.

    Raises:
        ApiError: it is no OCI archive, or has no such image. NotFound, SolveError.
    """
    number = session.next_number()
    archive = session.scratch / f"import-{number}.tar"
    layout = session.scratch / f"import-{number}"
    await _fetch(session, source, archive)
    digest = await anyio.to_thread.run_sync(_unpack, archive, layout, tag)
    store = f"import-{number}"
    session.attachables.add_store(store, OciLayout(layout))
    image = await session.build.resolve_image(f"import.local/image@{digest}", platform=platform, store=store)
    op = Source(
        platform=platform,
        name=f"import {source.name()}",
        identifier=f"oci-layout://import.local/image@{image.digest}",
        attrs=(("oci.store", store),),
    )
    return Output(op), image.config


async def _fetch(session: EngineSession, source: File, archive: Path) -> None:
    ref = await session.solve(source.tree)
    size = (await session.build.stat(ref, source.path)).size
    async with await anyio.open_file(archive, "wb") as file:
        for offset in range(0, size, _PIECE):
            length = min(_PIECE, size - offset)
            await file.write(await session.build.read_file(ref, source.path, offset=offset, length=length))


def _unpack(archive: Path, layout: Path, tag: str) -> str:
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(layout, filter="data")
        index: dict[str, Any] = json.loads((layout / "index.json").read_bytes())
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ApiError(f"not an OCI image archive: {error}") from None
    finally:
        archive.unlink(missing_ok=True)
    manifests: list[dict[str, Any]] = index.get("manifests") or []
    for manifest in manifests:
        annotations: dict[str, str] = manifest.get("annotations") or {}
        if not tag or annotations.get("org.opencontainers.image.ref.name") == tag:
            return str(manifest["digest"])
    raise ApiError(f"the archive has no image {tag!r}" if tag else "the archive has no image")
