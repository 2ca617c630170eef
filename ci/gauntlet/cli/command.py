"""A subcommand: its words for argparse and what it does; registering is all that a command's file does at import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Command:
    """`arguments` adds options to the command's parser; `run` does the work and returns the exit code (0 to 3)."""

    name: str
    summary: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


_commands: dict[str, Command] = {}


def register(command: Command) -> None:
    """Make a command known."""
    _commands[command.name] = command


def commands() -> tuple[Command, ...]:
    """All registered commands, in order."""
    return tuple(_commands.values())
