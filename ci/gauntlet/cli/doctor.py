"""`gauntlet doctor`: what this machine and this repository lack, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet.cli.command import Command
from gauntlet.cli.options import add_engine, add_source, options_from
from gauntlet.cli.quick_client import load_client

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _arguments(parser: ArgumentParser) -> None:
    add_source(parser)
    add_engine(parser)


def _run(given: Namespace) -> int:
    load_client()
    from gauntlet.cli.examine import examine  # noqa: PLC0415 - keeps `gauntlet --help` quick

    return examine(options_from(given))


COMMANDS = (Command("doctor", "say what this machine or repository lacks", _arguments, _run),)
