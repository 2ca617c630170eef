"""JUnit XML as pytest and vitest write it: one finding a failed or broken test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict.errors import ReportError
from gauntlet_verdict.model import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers.interface import Report, Skipped, numbered
from gauntlet_verdict.readers.source_path import relative
from gauntlet_verdict.readers.traceback_place import place
from gauntlet_verdict.text import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gauntlet_verdict.readers.junit_case import Case, Outcome

_LINE_LIMIT = 500  # characters of one line of a failure; an assertion may print a megabyte in one


def read(report: str | bytes, *, root: str = "/src", text_lines: int = 60) -> Report:
    """Read the report; `looked_at` counts the tests that ran, `metrics` all of them by outcome and their seconds.

    A failure's message is its first line, then at most `text_lines` lines of its traceback; its place is the
    deepest line of the traceback that is in the source tree.

    Raises:
        ReportError: it is no such report, or it counts more failures than it shows.
    """
    from gauntlet_verdict.readers.junit_case import TOOL, parsed  # noqa: PLC0415 - junitparser takes time to import

    cases, stated = parsed(report)
    shown = [outcome for case in cases for outcome in case.outcomes]
    failures = sum(outcome.kind == "failure" for outcome in shown)
    errors = sum(outcome.kind == "error" for outcome in shown)
    if stated > failures + errors:
        raise ReportError(TOOL, "<testsuite>", f"it counts {stated} failed tests and shows {failures + errors}")
    return Report(
        findings=numbered(_findings(cases, root, text_lines), basis=lambda _: ""),
        looked_at={"tests": sum(case.ran for case in cases)},
        metrics={
            "tests": float(len(cases)),
            "failures": float(failures),
            "errors": float(errors),
            "skipped": float(sum(not case.ran for case in cases)),
            "time_s": round(sum(case.seconds for case in cases), 3),
        },
        skipped=tuple(
            Skipped(case.title, outcome.message or "no reason given", deliberate=True)
            for case in cases
            for outcome in case.outcomes
            if outcome.kind == "skipped"
        ),
    )


def _findings(cases: list[Case], root: str, text_lines: int) -> Iterator[Finding]:
    for case in cases:
        for outcome in case.outcomes:
            if outcome.kind == "skipped":
                continue
            yield Finding(
                rule=f"test:{case.title}",
                severity=Severity.HIGH,
                message=_message(outcome, text_lines),
                location=place(outcome.text, root) or _stated_place(case, root),
                fix=FixCategory.TEST,
            )


def _message(outcome: Outcome, text_lines: int) -> str:
    verb = "failed" if outcome.kind == "failure" else "broke"
    said = clipped(outcome.message.strip().partition("\n")[0], _LINE_LIMIT) or "no message"
    lines = [clipped(line, _LINE_LIMIT) for line in outcome.text.strip("\n").splitlines()]
    if len(lines) > text_lines:
        # The head names the test, the tail what went wrong: the longer part goes to the tail.
        head = text_lines // 3
        tail = text_lines - head
        lines = [*lines[:head], f"… ({len(lines) - text_lines} lines more) …", *lines[len(lines) - tail :]]
    return "\n".join([f"{verb}: {said}", *lines])


def _stated_place(case: Case, root: str) -> Location | None:
    """Where the report says the test is: its file attribute, a path for a class name (vitest), a module (pytest)."""
    if case.file:
        return Location(path=relative(case.file, root), line=case.line + 1 if case.line is not None else None)
    if "/" in case.classname:
        return Location(path=relative(case.classname, root))
    modules = case.classname.split(".")
    while modules and modules[-1][:1].isupper():  # test classes
        modules.pop()
    return Location(path="/".join(modules) + ".py") if modules and all(modules) else None
