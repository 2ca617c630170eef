"""`gauntlet-engine session`: a session for a client in another process.

SDKs start it through `_EXPERIMENTAL_DAGGER_CLI_BIN` as they would start `dagger session`: one JSON line says where the
session is, and it lives until our stdin closes, which also happens when the client is killed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.buildkit import EngineError
from gauntlet_engine.session import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence

_PIECE = 1 << 16


def session(arguments: Sequence[str]) -> int:
    """Run the subcommand until stdin closes; returns 0.

    Args:
        arguments: `--workdir DIR`; what else `dagger session` takes (`--label`, …) is accepted and ignored.

    Raises:
        EngineError: there is no daemon, or it went away.
    """
    parser = argparse.ArgumentParser(prog="gauntlet-engine session", description=__doc__, allow_abbrev=False)
    parser.add_argument("--workdir", type=Path, help="relative host paths start here (default: current directory)")
    options, _ = parser.parse_known_args(arguments)
    failed: list[EngineError] = []
    try:
        anyio.run(partial(_serve, options.workdir))
    except* EngineError as group:
        failed = _leaves(group)
    if failed:
        raise failed[0]
    return 0


async def _serve(workdir: Path | None) -> None:
    async with open_session(workdir=workdir, log=_log) as handle:
        print(json.dumps({"port": handle.port, "session_token": handle.token}), flush=True)
        async with anyio.create_task_group() as group:
            group.start_soon(_signalled, group.cancel_scope)
            await _stdin_closed()
            group.cancel_scope.cancel()


async def _stdin_closed() -> None:
    descriptor = sys.stdin.fileno()
    try:
        while True:
            await anyio.wait_readable(descriptor)
            if not os.read(descriptor, _PIECE):
                return
    except OSError:  # not a pipe or terminal: a file is always at its end sooner or later
        return


async def _signalled(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()
            return


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # the SDK shows our stderr


def _leaves(group: BaseExceptionGroup[EngineError]) -> list[EngineError]:
    found: list[EngineError] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
