from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gauntlet.board import Board, Row, fitting
from gauntlet.config import Config
from gauntlet.events import Line, Note, Planned, Progress, StageEnded, StageLeft, StageStarted
from gauntlet.plan import Selection, make_plan
from gauntlet.project import Project
from gauntlet.stage import Stage, Tier
from gauntlet_verdict import Finding, Severity, Status, Verdict


async def _never_run(_context: object) -> Verdict:
    raise AssertionError


def planned(count: int) -> Planned:
    stages = [Stage(f"family:stage-{n:02}", _never_run, Tier.FAST, "s") for n in range(count)]
    return Planned(make_plan({stage.id: stage for stage in stages}, Project(), Config(), Selection()))


def a_terminal(width: int = 80, height: int = 24) -> Console:
    return Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)


def lines_of(board: Board, console: Console | None = None) -> list[str]:
    console = console or a_terminal()
    drawn = console.render_lines(board, console.options, pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in drawn]


def verdict(stage: str, status: Status) -> Verdict:
    finding = Finding(rule="r", severity=Severity.HIGH, message="m")
    return Verdict(
        stage=stage, status=status, reason="" if status in {Status.PASS, Status.FAIL} else "because",
        looked_at={"files": 3}, findings=(finding,) if status is Status.FAIL else (), duration_s=1.25,
    )  # fmt: skip


def test_each_stage_shows_its_state_its_seconds_and_its_last_line() -> None:
    board = Board(a_terminal())
    board(planned(4))
    board(StageStarted("family:stage-00", 1))
    board(Line("family:stage-00", "collecting 12 tests"))
    board(Line("family:stage-00", ""))
    board(StageEnded("family:stage-01", verdict("family:stage-01", Status.FAIL)))
    board(StageStarted("family:stage-02", 2))
    board(Line("family:stage-02", "again"))
    heading, first, second, third, fourth = lines_of(board)
    assert heading.startswith("fast  1/4")
    assert re.match(r"\S family:stage-00 +0\.\d s collecting 12 tests$", first)
    assert re.match(r"✗ family:stage-01 +1\.\d s FAIL 1 finding$", second)
    assert third.endswith("attempt 2: again")
    assert re.match(r"· family:stage-03 +waiting$", fourth)


def test_what_the_engine_does_before_the_plan_is_in_the_heading_and_goes_away() -> None:
    board = Board(a_terminal())
    board(Progress("making gauntlet/base:trixie"))
    assert "making gauntlet/base:trixie" in lines_of(board)[0]
    board(planned(1))
    assert "making" not in "".join(lines_of(board))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("count", [1, 13, 21, 22, 60])
def test_the_board_fits_any_terminal(width: int, count: int) -> None:
    console = a_terminal(width=width)
    board = Board(console)
    board(planned(count))
    for number in range(0, count, 3):
        board(StageStarted(f"family:stage-{number:02}", 1))
        board(Line(f"family:stage-{number:02}", "a very long line " * 20))
    lines = lines_of(board, console)
    assert len(lines) < 24
    assert all(len(line) <= width for line in lines)


def test_on_a_low_terminal_running_and_failed_stages_stay_and_the_rest_is_counted() -> None:
    console = a_terminal(height=9)
    board = Board(console)
    board(planned(20))
    for number in range(8):
        board(StageStarted(f"family:stage-{number:02}", 1))
    for number in range(6):
        status = Status.FAIL if number == 2 else Status.PASS
        board(StageEnded(f"family:stage-{number:02}", verdict(f"family:stage-{number:02}", status)))
    shown = "\n".join(lines_of(board, console))
    assert all(f"stage-{number:02}" in shown for number in (2, 6, 7))
    assert "… and 3 ended, 12 waiting" in shown


def test_output_of_the_code_under_test_can_not_steer_the_terminal() -> None:
    board = Board(a_terminal())
    board(planned(1))
    board(StageStarted("family:stage-00", 1))
    board(Line("family:stage-00", "\x1b[2J\x1b]0;title\x07red\x1b[31m \u202eevil\r\x9b1A"))
    shown = "".join(lines_of(board))
    assert "red evil" in shown
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", shown)


def test_a_stage_that_was_stopped_says_why() -> None:
    board = Board(a_terminal())
    board(planned(2))
    board(StageStarted("family:stage-00", 1))
    board(StageLeft("family:stage-00", "stopped after 1.0 s: the run was interrupted"))
    assert lines_of(board)[1].endswith("stopped after 1.0 s: the run was interrupted")


def test_the_board_erases_itself_and_notes_stay() -> None:
    text = io.StringIO()
    with Board(Console(width=80, height=24, file=text, force_terminal=True, color_system=None)) as board:
        board(planned(2))
        board(Note("gauntlet.yaml differs from the base"))
    written = text.getvalue()
    assert "note: gauntlet.yaml differs from the base" in written
    assert written.rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in written  # the cursor is shown again


@given(st.lists(st.sampled_from(["waiting", "running", *Status]), max_size=40), st.integers(1, 50))
def test_what_fits_is_never_more_than_the_height_and_everything_is_counted(states: list[str], height: int) -> None:
    rows: list[Row] = []
    for number, state in enumerate(states):
        row = Row(f"s:{number}")
        if state != "waiting":
            row.began = 1.0
        if state in set(Status):
            row.verdict = verdict(row.stage, Status(state))
        rows.append(row)
    shown, hidden = fitting(rows, height)
    assert len(shown) + bool(hidden) <= height
    assert sum(int(count) for count in re.findall(r"\d+", hidden)) == len(rows) - len(shown)
    assert [row.stage for row in shown] == [row.stage for row in rows if row in shown]
    if len(shown) < len(rows) and any(not row.running for row in shown):
        assert all(row in shown for row in rows if row.running)
