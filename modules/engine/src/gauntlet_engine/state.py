"""Where the engine keeps things on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class StateDirs:
    """`root` survives reboots (daemon state, base images, remembered digests); `run` holds sockets and locks."""

    root: Path
    run: Path


def state_dirs(environ: Mapping[str, str]) -> StateDirs:
    """Directories for this user, not yet created.

    GAUNTLET_ENGINE_STATE names the root (run is then `root/run`); else $XDG_STATE_HOME/gauntlet-engine and
    $XDG_RUNTIME_DIR/gauntlet-engine with the XDG defaults.
    """
    raise NotImplementedError
