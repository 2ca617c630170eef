"""Which display fits where the output goes."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from rich.console import Console

from gauntlet.plain import GitHubDisplay, JsonDisplay, PlainDisplay

if TYPE_CHECKING:
    from gauntlet.cli.options import Format
    from gauntlet.plain import Display


def display_for(asked: Format) -> Display:
    """The display that was asked for; `auto` is the board on a terminal that can move its cursor, else plain lines."""
    output: TextIO = sys.stdout
    if isinstance(output, io.TextIOWrapper):
        # File names of the source may have bytes that this terminal's encoding has not.
        output.reconfigure(errors="replace")
    if asked == "json":
        return JsonDisplay(sys.stdout)
    console = Console(highlight=False, emoji=False, markup=False)
    if asked == "github":
        return GitHubDisplay(console)
    live = console.is_terminal and not console.is_dumb_terminal and not os.environ.get("CI")
    if asked == "board" or (asked == "auto" and live):
        from gauntlet.board import Board  # noqa: PLC0415 - logs need none of it

        return Board(console)
    return PlainDisplay(console)
