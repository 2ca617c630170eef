"""`gauntlet-engine status`: what runs, and what the state holds."""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import anyio

from gauntlet_engine.buildkit.client import connect
from gauntlet_engine.daemon import find_daemon
from gauntlet_engine.state import state_dirs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gauntlet_engine.daemon import RunningDaemon


def status(arguments: Sequence[str]) -> int:
    """Print the daemon's state; exit 0 if it runs, 1 if not, 3 if it runs but does not answer.

    Args:
        arguments: `--json` for machines.
    """
    parser = argparse.ArgumentParser(prog="gauntlet-engine status", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    state = state_dirs(os.environ)
    running = find_daemon(state)
    report: dict[str, Any] = {"state": str(state.root), "running": running is not None}
    if running is not None:
        report |= asdict(running) | anyio.run(_ask, running)
    print(json.dumps(report, indent=2) if options.json else _text(report))
    return 0 if running is not None else 1


async def _ask(running: RunningDaemon) -> dict[str, Any]:
    async with connect(running.address) as client:
        info = await client.info()
        records = await client.disk_usage()
    return {
        "version": info.version,
        "platforms": list(info.platforms),
        "records": len(records),
        "bytes": sum(record.size for record in records),
    }


def _text(report: dict[str, Any]) -> str:
    if not report["running"]:
        return f"not running (state: {report['state']})"
    return (
        f"running: BuildKit {report['version']}, process {report['pid']}, "
        f"for {(time.time() - report['started']) / 60:.0f} min\n"
        f"address: {report['address']}\n"
        f"state:   {report['state']}, {report['records']} records, {report['bytes'] / 1e9:.2f} GB"
    )
