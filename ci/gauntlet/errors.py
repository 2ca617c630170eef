"""The one error tree: what happened, where, and what to do next."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


class GauntletError(Exception):
    """Base of every error that people see without a traceback.

    `exit_code` is the command's: 2 for usage and configuration, 3 for infrastructure.
    """

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def diagnostics(self) -> str:
        """What to do next, in one sentence or a few lines; empty when the message says it all."""
        return self.remedy


class UsageError(GauntletError):
    """An argument of the command names something that isn't there."""


class SourceError(GauntletError):
    """The source can't be used: no such path, a file, an empty folder, an unknown base."""


class DetectionError(GauntletError):
    """The source was found but detection can't make anything of it."""


class PlanError(GauntletError):
    """The stages' needs form a cycle or name an unknown stage."""


class CustomStageError(GauntletError):
    """A custom stage's file can't be loaded; the message starts with `file:line`."""


class ReportError(GauntletError):
    """Reports can't be written where they should go."""

    exit_code = 3


class EngineError(GauntletError):
    """The engine can't be reached, started or went away."""

    exit_code = 3


class InfrastructureError(GauntletError):
    """Raised by a stage when the machine failed it, not the change: a retry may help.

    The scheduler tries the stage again, at most twice, and then says ERROR.
    """

    exit_code = 3


class InterruptedRunError(GauntletError):
    """The run was stopped before a single stage could be planned."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration file; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{text}; {self.suggestion}" if self.suggestion else text


class ConfigError(GauntletError):
    """A configuration file has problems: all of them, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def diagnostics(self) -> str:
        """Where the whole language is described."""
        return "run `gauntlet init --schema` for every key, or `gauntlet init` to start from a commented file"


@contextmanager
def unwrapped() -> Generator[None]:
    """Let the first error of a task group through as itself: people and `except` clauses want it, not a group."""
    try:
        yield
    except BaseExceptionGroup as group:
        first: BaseException = group.exceptions[0]
        while isinstance(first, BaseExceptionGroup):
            first = cast("BaseExceptionGroup[BaseException]", first).exceptions[0]
        raise first from None
