"""`gauntlet run STAGE…`: some stages, of whatever tier."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gauntlet.cli.command import Command
from gauntlet.cli.options import add_run, options_from
from gauntlet.cli.quick_client import load_client

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("stages", metavar="STAGE", nargs="+", help="ids or patterns, e.g. lint:python 'security:*'")
    add_run(parser, pick=False)


def _run(given: Namespace) -> int:
    load_client()
    from gauntlet.cli.execute import execute  # noqa: PLC0415 - keeps `gauntlet --help` quick

    return execute(replace(options_from(given), only=tuple(given.stages)), None)


COMMANDS = (Command("run", "run some stages, whatever their tier", _arguments, _run),)
