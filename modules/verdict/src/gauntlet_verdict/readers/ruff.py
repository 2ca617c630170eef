"""`ruff check --output-format json`.

Run it with `--no-cache`: with the cache on, ruff 0.17.6 ends without a report as soon as one file's name is not UTF-8.
"""

from __future__ import annotations

from typing import Literal

from gauntlet_verdict.model import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers.document import Shape, from_json
from gauntlet_verdict.readers.interface import Report, Skipped, numbered
from gauntlet_verdict.readers.source_path import relative

SYNTAX = "invalid-syntax"  # both the code and the name of what does not parse
UNREADABLE = frozenset({"io", "E902"})  # from `ruff format` and `ruff check`


class Position(Shape):
    """Row and column, from 1; an end is exclusive."""

    row: int
    column: int


class Fix(Shape):
    """What ruff would do about it, and whether it changes no meaning (safe)."""

    applicability: Literal["safe", "unsafe", "display"]
    message: str | None = None


class Diagnostic(Shape):
    """One entry of the list; a file that could not be read has no location."""

    code: str | None
    filename: str
    message: str
    location: Position | None
    end_location: Position | None
    fix: Fix | None
    url: str | None = None
    severity: str = "error"


def read(report: str | bytes, *, root: str = "/src") -> Report:
    """Read the report; ruff does not say how many files it looked at.

    Raises:
        ReportError: it is no such report.
    """
    found = diagnostics(report, "ruff")
    return Report(
        findings=numbered(_finding(entry, root) for entry in found if entry.code not in UNREADABLE),
        skipped=unreadable(found, root),
    )


def diagnostics(report: str | bytes, tool: str) -> list[Diagnostic]:
    """The entries of a report of `ruff check` or `ruff format --check`, which share their shape.

    Raises:
        ReportError: it is no such report.
    """
    return from_json(report, tool, list[Diagnostic])


def unreadable(found: list[Diagnostic], root: str) -> tuple[Skipped, ...]:
    """The files that ruff could not open."""
    return tuple(
        Skipped(relative(entry.filename, root), entry.message, deliberate=False)
        for entry in found
        if entry.code in UNREADABLE
    )


def location(entry: Diagnostic, root: str) -> Location:
    """Where the entry is, as a place in the source."""
    start, end = entry.location, entry.end_location
    return Location(
        path=relative(entry.filename, root),
        line=max(start.row, 1) if start else None,
        column=max(start.column, 1) if start else None,
        end_line=max(end.row, 1) if end else None,
        end_column=max(end.column, 1) if end else None,
    )


def _finding(entry: Diagnostic, root: str) -> Finding:
    rule = entry.code or SYNTAX
    fix, hint = _fix(entry.fix)
    return Finding(
        rule=rule,
        severity=_severity(rule, entry.severity),
        message=entry.message,
        location=location(entry, root),
        fix=fix,
        hint=hint,
        url=entry.url,
    )


def _severity(rule: str, said: str) -> Severity:
    # ruff calls nearly everything an error; what does not parse hides every other finding of the file.
    if rule == SYNTAX:
        return Severity.HIGH
    return Severity.MEDIUM if said == "error" else Severity.LOW


def _fix(fix: Fix | None) -> tuple[FixCategory, str | None]:
    if fix is None:
        return FixCategory.EDIT, None
    what = fix.message or "rewrite it"
    match fix.applicability:
        case "safe":
            return FixCategory.AUTOFIX, f"{what}: `ruff check --fix` does it"
        case "unsafe":
            return FixCategory.EDIT, f"{what}: `ruff check --fix --unsafe-fixes` does it, but may change the meaning"
        case "display":
            return FixCategory.EDIT, what
