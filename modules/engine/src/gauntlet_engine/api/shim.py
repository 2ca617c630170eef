"""The exec shim as a mount of every exec."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from gauntlet_buildkit import VERSION, exec_shim
from gauntlet_engine.buildkit import LocalDir
from gauntlet_engine.graph import Bind, Output, local_source

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.buildkit import Attachables

SHIM_TARGET = "/.gauntlet/shim"

_SOURCE = "gauntlet.shim"


def offer_shim(attachables: Attachables) -> None:
    """Let the daemon read the shim's binary. It need not run on this machine, so a path would not do."""
    attachables.add_local(_SOURCE, LocalDir(exec_shim().parent))


def shim_mount(session: EngineSession) -> Bind:
    """The binary at SHIM_TARGET. Read-only mounts are known to the cache by content: sessions share results."""
    return Bind(SHIM_TARGET, _binary(session.platform), f"/{exec_shim().name}", readonly=True)


@cache
def _binary(platform: str) -> Output:
    name = exec_shim().name
    return local_source(
        _SOURCE, platform=platform, shared_key=f"gauntlet-shim-{VERSION}", include=(name,), label="exec shim"
    )
