"""The live board: a line a stage on a terminal, redrawn a few times a second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gauntlet.events import Event, Line, Note, Output, Planned, Progress, StageEnded, StageLeft, StageStarted
from gauntlet.summary import STYLES, counted, print_summary, printable
from gauntlet_verdict import Status

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, ConsoleOptions, RenderResult

    from gauntlet_verdict import Run, Verdict

FRAMES_A_SECOND = 8
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
# Lines that the board needs beside its stages: the heading, the totals, and the cursor's own.
FRAME_LINES = 3
_MARKS = {
    Status.PASS: "✓",
    Status.FAIL: "✗",
    Status.WARN: "!",
    Status.SKIP: "-",
    Status.INCONCLUSIVE: "?",
    Status.ERROR: "✗",
    Status.TIMEOUT: "✗",
}


@dataclass(slots=True)
class Row:
    """A stage as the board knows it; times are monotonic seconds."""

    stage: str
    began: float | None = None
    attempt: int = 1
    last: str = ""
    verdict: Verdict | None = None
    left: bool = False

    @property
    def running(self) -> bool:
        """Has it started and not ended?"""
        return self.began is not None and self.verdict is None and not self.left

    @property
    def waiting(self) -> bool:
        """Has it not even started?"""
        return self.began is None and self.verdict is None and not self.left


class Board:
    """A display for terminals. Renders itself; everything that changes it is an event."""

    live = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._rows: dict[str, Row] = {}
        self._headline = "looking at the source"
        self._doing = ""
        self._live = Live(
            self, console=console, refresh_per_second=FRAMES_A_SECOND, transient=True, vertical_overflow="crop"
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Erase the board: the summary that follows says everything again, with its reasons."""
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take an event in; drawing happens on its own clock."""
        match event:
            case Planned(plan):
                self._rows = {entry.stage.id: Row(entry.stage.id) for entry in plan.entries}
                self._headline, self._doing = str(plan.selection.tier or "selection"), ""
            case StageStarted(stage, attempt):
                row = self._row(stage)
                row.began, row.attempt = row.began or time.monotonic(), attempt
            case Line(stage, text) | Output(stage, text):
                self._row(stage).last = printable(text).strip() or self._row(stage).last
            case StageEnded(stage, verdict):
                self._row(stage).verdict = verdict
            case StageLeft(stage, reason):
                self._row(stage).left, self._row(stage).last = True, printable(reason)
            case Progress(text):
                self._doing = printable(text)
            case Note(text):
                self._live.console.print(Text(f"note: {printable(text)}", style="yellow"), soft_wrap=True)

    def result(self, run: Run, folder: Path) -> None:
        """Print the table and findings where the board was."""
        print_summary(self._console, run, folder)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The board, never higher than the terminal."""
        rows, hidden = fitting(list(self._rows.values()), max(1, console.size.height - FRAME_LINES))
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(12, options.max_width // 3))
        table.add_column(justify="right", no_wrap=True, width=7)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for row in rows:
            table.add_row(*self._cells(row))
        yield Group(self._heading(), table, *([Text(hidden, style="dim", no_wrap=True)] if hidden else []))

    def _row(self, stage: str) -> Row:
        return self._rows.setdefault(stage, Row(stage))

    def _heading(self) -> Text:
        rows = self._rows.values()
        done = sum(row.verdict is not None for row in rows)
        seconds = time.monotonic() - self._began
        count = f"  {done}/{len(self._rows)}" if self._rows else ""
        heading = Text(f"{self._headline}{count}  {seconds:.0f} s", style="bold", no_wrap=True, overflow="ellipsis")
        return heading.append(f"  {self._doing}" if self._doing else "", style="not bold dim")

    def _cells(self, row: Row) -> tuple[Text, Text, Text, Text]:
        verdict = row.verdict
        if verdict is not None:
            style = STYLES[verdict.status]
            said = printable(verdict.reason) or _counts(verdict)
            cached = " cached" if verdict.cached else ""
            last = Text.assemble((str(verdict.status), style), (cached, "dim"), f" {said}" if said else "")
            return Text(_MARKS[verdict.status], style=style), Text(row.stage), _seconds(verdict.duration_s), last
        if row.began is None or row.left:
            return (
                Text("·", style="dim"),
                Text(row.stage, style="dim"),
                Text(),
                Text(row.last or "waiting", style="dim"),
            )
        elapsed = time.monotonic() - row.began
        spinner = SPINNER[int(elapsed * FRAMES_A_SECOND) % len(SPINNER)]
        again = f"attempt {row.attempt}: " if row.attempt > 1 else ""
        return Text(spinner, style="cyan"), Text(row.stage), _seconds(elapsed), Text(f"{again}{row.last}", style="dim")


def fitting(rows: list[Row], height: int) -> tuple[list[Row], str]:
    """The rows that fit into `height` lines, in plan order, and a line that counts the others (empty for none).

    What runs stays longest, then what failed, then what ended last; the waiting ones go first.
    """
    if len(rows) <= height:
        return rows, ""
    room = max(0, height - 1)
    ranked = sorted(rows, key=_rank)
    shown = {row.stage for row in ranked[:room]}
    rest = ranked[room:]
    passed = sum(row.verdict is not None for row in rest)
    parts = [f"{passed} ended"] if passed else []
    parts += [f"{len(rest) - passed} waiting"] if len(rest) > passed else []
    return [row for row in rows if row.stage in shown], f"  … and {', '.join(parts)}"


def _rank(row: Row) -> int:
    if row.running:
        return 0
    if row.verdict is not None and row.verdict.status not in {Status.PASS, Status.SKIP}:
        return 1
    return 3 if row.waiting else 2


def _counts(verdict: Verdict) -> str:
    blocking = sum(finding.blocking for finding in verdict.findings)
    return f"{blocking} finding{'s' if blocking != 1 else ''}" if blocking else counted(verdict)


def _seconds(seconds: float) -> Text:
    return Text(f"{seconds:.1f} s", style="dim")
