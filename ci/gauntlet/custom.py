"""Custom stages: one short file each, listed in gauntlet.yaml, loaded from the base of the change."""

from __future__ import annotations

import hashlib
import linecache
import sys
import traceback
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING

from gauntlet.errors import ConfigError, Problem
from gauntlet.stage import DuplicateStageError, Stage, collected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class CustomFile:
    """A custom stage's file: its path as gauntlet.yaml has it, and its text at the trusted commit."""

    path: str
    text: str


def load_custom_stages(files: Sequence[CustomFile], known: Mapping[str, Stage]) -> dict[str, Stage]:
    """All of `known`, and the stages that these files register.

    The files' code runs in this process, with its rights. That is why they come from the change's base, never from
    the change.

    Raises:
        ConfigError: a file has a syntax error, raises, registers nothing, or takes an id that is taken; all at once.
    """
    stages = dict(known)
    problems: list[Problem] = []
    for file in files:
        try:
            found = _stages_of(file)
        except _BrokenFileError as error:
            problems.append(error.problem)
            continue
        for stage in found.values():
            if stage.id in stages:
                owner = stages[stage.id].origin or "Gauntlet itself"
                problems.append(
                    Problem(
                        file.path, 1, 1, f"stage {stage.id!r} is already registered by {owner}", "give it another id"
                    )
                )
            else:
                stages[stage.id] = replace(stage, origin=file.path)
    if problems:
        raise ConfigError(problems)
    return stages


class _BrokenFileError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _stages_of(file: CustomFile) -> dict[str, Stage]:
    module = ModuleType(f"gauntlet_custom_{hashlib.sha256(file.path.encode()).hexdigest()[:16]}")
    module.__file__ = file.path
    # Dataclasses and pydantic look annotations up in the module's namespace by its name.
    sys.modules[module.__name__] = module
    # Tracebacks show the text that ran, not what the working tree has at that path.
    linecache.cache[file.path] = (len(file.text), None, file.text.splitlines(keepends=True), file.path)
    with collected() as stages:
        try:
            exec(compile(file.text, file.path, "exec"), module.__dict__)  # noqa: S102 - loading code is what this is for
        except SyntaxError as error:
            place = (error.lineno or 1, error.offset or 1)
            raise _BrokenFileError(Problem(file.path, *place, f"syntax error: {error.msg}")) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any error of theirs is a problem of their file
            line = _line_in(file.path, error)
            kind = "" if isinstance(error, DuplicateStageError) else f"{type(error).__name__}: "
            raise _BrokenFileError(Problem(file.path, line, 1, f"{kind}{error}")) from None
    if not stages:
        hint = "decorate an async function with @stage(id=…, tier=…, summary=…)"
        raise _BrokenFileError(Problem(file.path, 1, 1, "registers no stage", hint))
    return stages


def _line_in(path: str, error: BaseException) -> int:
    """The deepest line of the file itself in the error's traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return lines[-1] or 1 if lines else 1
