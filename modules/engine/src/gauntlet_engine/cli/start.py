"""`gauntlet-engine start`: have the daemon running."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.bootstrap import RECIPES, bootstrapped
from gauntlet_engine.daemon import running_daemon
from gauntlet_engine.state import state_dirs

if TYPE_CHECKING:
    from collections.abc import Sequence


def start(arguments: Sequence[str]) -> int:
    """Start the daemon unless it runs; print its address. It stops by itself when nobody has used it for a while.

    Args:
        arguments: `--base NAME` (repeatable): also have `gauntlet/base:NAME` ready.
    """
    parser = argparse.ArgumentParser(prog="gauntlet-engine start", description=__doc__, allow_abbrev=False)
    parser.add_argument("--base", action="append", default=[], choices=sorted(RECIPES), help="bootstrap this base too")
    options = parser.parse_args(arguments)
    anyio.run(_start, options.base)
    return 0


async def _start(bases: list[str]) -> None:
    began = time.monotonic()
    state = state_dirs(os.environ)
    async with running_daemon(state, os.environ, log=_log) as address:
        print(f"{address} (ready after {time.monotonic() - began:.2f} s)")
        for name in bases:
            await bootstrapped(RECIPES[name], state, os.environ, _log)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
