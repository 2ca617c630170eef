"""Results brought to the host or to a registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gauntlet_buildkit.api import ops_pb2
    from gauntlet_engine.buildkit.client import Client
    from gauntlet_engine.buildkit.session import Attachables

Compression = Literal["gzip", "zstd", "estargz", "uncompressed"]


@dataclass(frozen=True)
class PushedImage:
    """What a push or image export yielded: name with digest, the manifest's digest and the config's."""

    name: str
    digest: str
    config_digest: str


async def export_local(
    client: Client,
    attachables: Attachables,
    definition: ops_pb2.Definition,
    destination: Path,
    *,
    path: str = "/",
    wipe: bool = False,
) -> None:
    """Write a result's tree into a host directory, created where missing, existing files overwritten.

    Args:
        client: the daemon.
        attachables: what the definition's sources may need (the build session's own).
        definition: the result to export.
        destination: host directory; no entry is ever written outside it, whatever the tree holds.
        path: the subtree to export.
        wipe: first remove what is in `destination` (only its contents).
    """
    raise NotImplementedError


async def export_tar(
    client: Client, attachables: Attachables, definition: ops_pb2.Definition, destination: Path
) -> None:
    """Write a result's tree as a plain tar file (atomically)."""
    raise NotImplementedError


async def export_oci(
    client: Client,
    attachables: Attachables,
    definitions: Mapping[str, ops_pb2.Definition],
    configs: Mapping[str, Mapping[str, Any]],
    destination: Path,
    *,
    docker: bool = False,
    name: str = "",
    compression: Compression = "gzip",
    force_compression: bool = False,
) -> PushedImage:
    """Write an image as an OCI (or docker-loadable) tar file. Definitions and OCI configs by platform."""
    raise NotImplementedError


async def push_image(
    client: Client,
    attachables: Attachables,
    definitions: Mapping[str, ops_pb2.Definition],
    configs: Mapping[str, Mapping[str, Any]],
    name: str,
    *,
    insecure: bool = False,
    compression: Compression = "gzip",
    force_compression: bool = False,
    oci_media_types: bool = True,
) -> PushedImage:
    """Push an image to its registry; raises SolveFailed with the registry's own reason."""
    raise NotImplementedError
