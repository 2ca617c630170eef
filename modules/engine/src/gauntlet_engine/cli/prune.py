"""`gauntlet-engine prune`: free disk space."""

from __future__ import annotations

import argparse
import os
import shutil
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.buildkit.client import connect
from gauntlet_engine.daemon import running_daemon
from gauntlet_engine.images import forget_images
from gauntlet_engine.state import state_dirs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gauntlet_engine.state import StateDirs


def prune(arguments: Sequence[str]) -> int:
    """Remove what no run uses at the moment, and say how much that was.

    Args:
        arguments: `--keep BYTES`: down to this size only, the least recently used first; `--images`: forget the
            digests of tags too, so that registries are asked again; `--bases`: delete the bootstrapped base images.
    """
    parser = argparse.ArgumentParser(prog="gauntlet-engine prune", description=__doc__, allow_abbrev=False)
    parser.add_argument("--keep", type=int, default=0, metavar="BYTES", help="keep the most recently used up to this")
    parser.add_argument("--images", action="store_true", help="ask registries for tags again")
    parser.add_argument("--bases", action="store_true", help="delete bootstrapped base images")
    options = parser.parse_args(arguments)
    state = state_dirs(os.environ)
    freed = anyio.run(_prune, state, options.keep)
    if options.images:
        forget_images(state)
    if options.bases:
        shutil.rmtree(state.root / "images", ignore_errors=True)
    print(f"freed {freed / 1e6:.0f} MB")
    return 0


async def _prune(state: StateDirs, keep: int) -> int:
    async with running_daemon(state, os.environ) as address, connect(address) as client:
        return await client.prune(everything=True, max_used_bytes=keep)
