"""`gauntlet fast`, `standard` and `full`: a tier and the ones below it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gauntlet.cli.command import Command
from gauntlet.cli.options import add_run, options_from
from gauntlet.cli.quick_client import load_client

if TYPE_CHECKING:
    from argparse import Namespace

_SUMMARIES = {
    "fast": "run the FAST tier: what every edit must pass",
    "standard": "run FAST and STANDARD: what every merge request must pass",
    "full": "run every tier: what every night and every release must pass",
}


def _run(given: Namespace, tier: str) -> int:
    load_client()
    from gauntlet.cli.execute import execute  # noqa: PLC0415 - keeps `gauntlet --help` quick

    return execute(options_from(given), tier)


COMMANDS = tuple(Command(tier, summary, add_run, partial(_run, tier=tier)) for tier, summary in _SUMMARIES.items())
