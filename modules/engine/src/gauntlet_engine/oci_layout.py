"""Images on disk in OCI image layout, written by ourselves: layers, one config, one manifest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class LayoutImage:
    """An image of a layout: its manifest's digest and its config."""

    digest: str
    config: dict[str, Any]


@dataclass(frozen=True)
class Layer:
    """An uncompressed tar among the blobs of a layout: "sha256:…" and its bytes."""

    digest: str
    size: int


def write_layer(folder: Path, tar: bytes) -> Layer:
    """Put a tar among a layout's blobs."""
    digest = hashlib.sha256(tar).hexdigest()
    (folder / "blobs" / "sha256" / digest).write_bytes(tar)
    return Layer(f"sha256:{digest}", len(tar))


def write_layout(folder: Path, layers: Sequence[Layer], config: dict[str, Any], created: str) -> LayoutImage:
    """Complete a layout whose layers are already in `folder/blobs/sha256`.

    Args:
        folder: the layout.
        layers: from the bottom up.
        config: the image config without `rootfs` and `history`.
        created: RFC 3339 time, the same for the same content.
    """
    full = {
        **config,
        "created": created,
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        "history": [{"created": created, "created_by": "gauntlet-engine bootstrap"} for _ in layers],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _blob(folder, full, CONFIG),
        "layers": [{"mediaType": LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
    }
    descriptor = _blob(folder, manifest, MANIFEST)
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    return LayoutImage(str(descriptor["digest"]), full)


def read_layout(folder: Path) -> LayoutImage:
    """The (first) image of a layout; raises OSError, ValueError or KeyError where it is not complete."""
    descriptor = json.loads((folder / "index.json").read_text())["manifests"][0]
    manifest = json.loads(_path(folder, descriptor["digest"]).read_text())
    for layer in manifest["layers"]:
        if _path(folder, layer["digest"]).stat().st_size != layer["size"]:
            raise ValueError(f"layer {layer['digest']} is cut short")
    return LayoutImage(descriptor["digest"], json.loads(_path(folder, manifest["config"]["digest"]).read_text()))


def _blob(folder: Path, content: dict[str, Any], media_type: str) -> dict[str, Any]:
    data = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    _path(folder, digest).write_bytes(data)
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _path(folder: Path, digest: str) -> Path:
    return folder / "blobs" / "sha256" / digest.removeprefix("sha256:")
