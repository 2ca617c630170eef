"""`gauntlet plan`: what would run, and why everything else would not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet.cli.command import Command
from gauntlet.cli.options import add_engine, add_pick, add_source, options_from
from gauntlet.cli.quick_client import load_client

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("tier", nargs="?", choices=("fast", "standard", "full"), default="fast")
    add_pick(parser)
    parser.add_argument("--format", choices=("plain", "json"), default="plain")
    add_source(parser)
    add_engine(parser)


def _run(given: Namespace) -> int:
    load_client()
    from gauntlet.cli.show_plan import show_plan  # noqa: PLC0415 - keeps `gauntlet --help` quick

    return show_plan(options_from(given), given.tier, as_json=given.format == "json")


COMMANDS = (Command("plan", "show what would run, and why the rest would not", _arguments, _run),)
