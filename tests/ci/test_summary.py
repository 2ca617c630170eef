from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gauntlet.events import Event, Line, Note, StageEnded, StageLeft, StageStarted
from gauntlet.plain import GitHubDisplay, JsonDisplay, PlainDisplay
from gauntlet.summary import brief, print_summary, printable
from gauntlet_verdict import Finding, Location, Run, Severity, Status, Verdict

if TYPE_CHECKING:
    import pytest

FINDINGS = tuple(
    Finding(
        rule=f"F{number}",
        severity=severity,
        message=f"problem {number}\nand more of it",
        location=Location(path="src/a.py", line=number + 1, column=2),
        blocking=number != 0,
        hint="ruff check --fix" if number == 4 else None,
    )
    for number, severity in enumerate([Severity.CRITICAL, Severity.LOW, Severity.HIGH, Severity.INFO, Severity.MEDIUM])
)
RUN = Run(
    tier="fast",
    started_at=datetime(2026, 1, 2, tzinfo=UTC),
    duration_s=12.5,
    gauntlet="0.1.0",
    not_run={"test:unit": "stopped after 2.0 s: the run was interrupted"},
    interrupted=True,
    verdicts=(
        Verdict(stage="format:python", status=Status.PASS, looked_at={"files": 41}, duration_s=0.31, cached=True),
        Verdict(
            stage="lint:python", status=Status.FAIL, looked_at={"files": 41}, findings=FINDINGS, duration_s=1.0,
            rerun="gauntlet run lint:python", log="logs/lint-python.log",
        ),
        Verdict(stage="lint:typescript", status=Status.SKIP, reason="there is no TypeScript"),
        Verdict(stage="security:dependency-scan", status=Status.INCONCLUSIVE, reason="no advisories", rerun="again x"),
    ),
)  # fmt: skip


def summary(run: Run, folder: Path | None = None) -> str:
    text = io.StringIO()
    print_summary(Console(file=text, width=80), run, folder)
    return text.getvalue()


def test_the_table_has_every_stage_its_verdict_what_it_looked_at_and_why() -> None:
    assert summary(RUN, Path("/x/.gauntlet")) == (
        """
format:python             PASS             0.3 s  41 files (cached)
lint:python               FAIL             1.0 s  4 findings · 41 files
lint:typescript           SKIP             0.0 s  there is no TypeScript
security:dependency-scan  INCONCLUSIVE     0.0 s  no advisories
test:unit                 not run      stopped after 2.0 s: the run was interrupted

lint:python FAIL
  src/a.py:3:2: problem 2 [F2]
  src/a.py:5:2: problem 4 [F4]
    ruff check --fix
  src/a.py:2:2: problem 1 [F1]
  … and 2 more in run.json
  again: gauntlet run lint:python   log: logs/lint-python.log

security:dependency-scan INCONCLUSIVE
  no advisories
  again: again x

fast: 1 pass, 1 fail, 1 skip, 1 inconclusive, 1 not run in 12.5 s — interrupted → exit code 1 (findings)
reports: /x/.gauntlet
"""
    )


def test_many_stages_that_did_not_run_for_one_reason_share_a_line() -> None:
    run = RUN.model_copy(update={"not_run": dict.fromkeys(["a:a", "b:b", "c:c"], "--only x was asked for")})
    assert "\n3 not run: --only x was asked for\n" in summary(run)


def test_stages_without_an_answer_for_the_same_reason_are_explained_once() -> None:
    lost = tuple(
        Verdict(stage=stage, status=Status.ERROR, reason="the daemon went away", rerun=f"gauntlet run {stage} --jobs 1")
        for stage in ("a:a", "b:b", "c:c")
    )
    other = Verdict(stage="d:d", status=Status.ERROR, reason="no space left", rerun="gauntlet run d:d")
    assert summary(RUN.model_copy(update={"not_run": {}, "verdicts": (*lost, other), "interrupted": False})) == (
        """
a:a  ERROR            0.0 s  the daemon went away
b:b  ERROR            0.0 s  as a:a
c:c  ERROR            0.0 s  as a:a
d:d  ERROR            0.0 s  no space left

a:a and 2 more ERROR
  the daemon went away
  again: gauntlet run a:a b:b c:c --jobs 1

d:d ERROR
  no space left
  again: gauntlet run d:d

fast: 4 error in 12.5 s → exit code 3 (no answer: infrastructure, inconclusive or interrupted)
"""
    )


def test_of_a_long_traceback_only_the_error_is_shown() -> None:
    code = [f"    line {number}" for number in range(40)]
    traceback = "\n".join(
        [*code, ">       uuid.load()", "E       AttributeError: no load", "", "api.py:71: AttributeError"]
    )
    assert brief(traceback) == ["E       AttributeError: no load"]
    assert brief("\n".join(code)) == code[-3:]
    assert brief("ruff check --fix") == ["ruff check --fix"]
    assert brief("") == []


def test_findings_can_not_fake_lines_or_colours() -> None:
    finding = Finding(
        rule="r\x1b[0m", severity=Severity.HIGH, message="\x1b[2Kbad\rgood", location=Location(path="a\nb")
    )
    verdict = Verdict(stage="s:s", status=Status.FAIL, findings=(finding,), looked_at={"files": 1})
    shown = summary(RUN.model_copy(update={"verdicts": (verdict,)}))
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "badgood" in shown


def test_printable_keeps_text_of_every_language() -> None:
    assert printable("naïve 日本 🎉\ttab") == "naïve 日本 🎉 tab"


def test_colours_are_off_when_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = io.StringIO()
    print_summary(Console(file=text, force_terminal=True, color_system="truecolor"), RUN, None)
    assert "\x1b[31m" not in text.getvalue()
    assert "\x1b[1;31m" not in text.getvalue()


EVENTS: tuple[Event, ...] = (
    Note("no git here"),
    StageStarted("lint:python", 1),
    Line("lint:python", "\x1b[31mhello"),
    StageStarted("lint:python", 2),
    StageEnded("lint:python", RUN.verdicts[1]),
    StageLeft("test:unit", "stopped"),
)


def test_plain_output_is_one_timestamped_line_an_event() -> None:
    text = io.StringIO()
    with PlainDisplay(Console(file=text, width=40)) as display:
        for event in EVENTS:
            display(event)
    assert [line[10:] for line in text.getvalue().splitlines()] == [
        "no git here",
        "lint:python  started",
        "lint:python  | hello",
        "lint:python  started again (attempt 2)",
        "lint:python  FAIL in 1.0 s: 41 files",
        "test:unit  stopped",
    ]


def test_json_output_is_run_json_and_nothing_else() -> None:
    text = io.StringIO()
    with JsonDisplay(text) as display:
        for event in EVENTS:
            display(event)
    display.result(RUN, Path("x"))
    data = json.loads(text.getvalue())
    assert [verdict["status"] for verdict in data["verdicts"]] == ["PASS", "FAIL", "SKIP", "INCONCLUSIVE"]


def test_github_gets_an_annotation_a_finding_with_its_separators_escaped() -> None:
    finding = Finding(
        rule="a:b,c", severity=Severity.HIGH, message="50%\nno", location=Location(path="x,y.py", line=3, column=4)
    )
    verdict = Verdict(stage="s:s", status=Status.FAIL, findings=(finding,), looked_at={"files": 1})
    text = io.StringIO()
    GitHubDisplay(Console(file=text, width=40)).result(RUN.model_copy(update={"verdicts": (verdict,)}), Path("x"))
    assert text.getvalue().splitlines()[0] == "::error title=s%3As a%3Ab%2Cc,file=x%2Cy.py,line=3,col=4::50%25%0Ano"
