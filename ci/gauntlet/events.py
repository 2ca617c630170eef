"""What the scheduler tells while it works; the board and the plain log listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gauntlet.plan import Plan
    from gauntlet_verdict import Verdict


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is made: from now on the stages are known."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage has its place among the jobs; `attempt` counts from 1."""

    stage: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a stage's log."""

    stage: str
    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """A line that a stage's process writes right now, from the engine. What of it matters comes as `Line`s later."""

    stage: str
    text: str


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A stage has its verdict."""

    stage: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class StageLeft:
    """A planned stage will have no verdict, and why: interrupted, or `--fail-fast`."""

    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the whole run that people should know, such as which configuration is in force."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What the engine is at before stages can run: starting, making a base image. Of interest only while it lasts."""

    text: str


Event = Progress | Planned | StageStarted | Line | Output | StageEnded | StageLeft | Note
Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """A listener for runs that nobody watches."""
