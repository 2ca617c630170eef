"""OCI layouts of the host, served to the daemon as a content store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OciLayout:
    """A directory in OCI image layout (`oci-layout`, `index.json`, `blobs/sha256/…`)."""

    path: Path
    writable: bool = False
