"""A run as lines for logs: a time, a stage, what happened; and the same as GitHub annotations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from gauntlet.events import Event, Line, Note, Output, Planned, Progress, StageEnded, StageLeft, StageStarted
from gauntlet.summary import counted, print_summary, printable

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from gauntlet_verdict import Finding, Run


class Display(Protocol):
    """What shows a run: told of events while it is open, and of the result after it is closed."""

    live: bool
    """Does it show what processes write while they write it?"""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def __call__(self, event: Event) -> None:
        """Show an event."""
        ...

    def result(self, run: Run, folder: Path) -> None:
        """Show the result; reports are in `folder` by then."""
        ...


class PlainDisplay:
    """One line an event, with seconds since the start; never rewrites anything."""

    live = False

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""

    def __call__(self, event: Event) -> None:
        """Print the event's line."""
        match event:
            case Planned(plan):
                self._line("", f"{len(plan.entries)} stages to run, {len(plan.skipped)} with nothing to do")
            case StageStarted(stage, attempt):
                self._line(stage, "started" if attempt == 1 else f"started again (attempt {attempt})")
            case Line(stage, text):
                self._line(stage, f"| {text}")
            case StageEnded(stage, verdict):
                what = "; ".join(part for part in (verdict.reason, counted(verdict)) if part)
                self._line(stage, f"{verdict.status} in {verdict.duration_s:.1f} s{f': {what}' if what else ''}")
            case StageLeft(stage, reason):
                self._line(stage, reason)
            case Note(text):
                self._line("", text)
            case Progress(text):
                self._line("engine", text)
            case Output():
                """Only a board has use for it: a log would have every line twice."""

    def result(self, run: Run, folder: Path) -> None:
        """Print the table and findings."""
        print_summary(self._console, run, folder)

    def _line(self, stage: str, text: str) -> None:
        seconds = time.monotonic() - self._began
        prefix = f"{seconds:8.1f}  {f'{stage}  ' if stage else ''}"
        self._console.print(prefix + printable(text), soft_wrap=True, markup=False, highlight=False)


class JsonDisplay:
    """Silent; at the end run.json on standard output, for programs."""

    live = False

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""

    def __call__(self, event: Event) -> None:
        """Say nothing."""

    def result(self, run: Run, folder: Path) -> None:  # noqa: ARG002 - a display's signature
        """Print run.json as it is on disk."""
        from gauntlet_verdict.writers import run_json  # noqa: PLC0415 - only this display needs it

        self._output.write(run_json.write(run).decode() + "\n")
        self._output.flush()


class GitHubDisplay(PlainDisplay):
    """Plain lines, and each finding as a workflow command that GitHub shows at its line."""

    def result(self, run: Run, folder: Path) -> None:
        """Print annotations, then the table."""
        for verdict in run.verdicts:
            for finding in verdict.findings:
                self._console.print(_annotation(verdict.stage, finding), soft_wrap=True, markup=False, highlight=False)
        super().result(run, folder)


def _annotation(stage: str, finding: Finding) -> str:
    level = "error" if finding.blocking else "notice"
    where = finding.location
    properties = {"title": f"{stage} {finding.rule}"}
    if where is not None:
        properties |= {"file": where.path}
        properties |= {"line": str(where.line)} if where.line else {}
        properties |= {"col": str(where.column)} if where.column else {}
    written = ",".join(f"{name}={_escaped(value, also=':,')}" for name, value in properties.items())
    return f"::{level} {written}::{_escaped(finding.message)}"


def _escaped(text: str, also: str = "") -> str:
    """Escape as workflow commands ask: percent and line ends, in properties also the separators."""
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return printable(text)
