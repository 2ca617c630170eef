"""`ruff format --check --output-format json`: one finding a file that would be rewritten. Run with `--no-cache`."""

from __future__ import annotations

import shlex

from gauntlet_verdict.model import Finding, FixCategory, Severity
from gauntlet_verdict.readers.interface import Report, numbered
from gauntlet_verdict.readers.ruff import SYNTAX, UNREADABLE, Diagnostic, diagnostics, location, unreadable


def read(report: str | bytes, *, root: str = "/src") -> Report:
    """Read the report; a clean tree is `[]`, and ruff does not say how many files it looked at.

    Raises:
        ReportError: it is no such report.
    """
    found = diagnostics(report, "ruff format")
    first: dict[str, Diagnostic] = {}  # ruff may list several edits of one file; the file is what gets formatted
    for entry in found:
        if entry.code not in UNREADABLE:
            first.setdefault(entry.filename, entry)
    return Report(
        findings=numbered(_finding(entry, root) for entry in first.values()),
        skipped=unreadable(found, root),
    )


def _finding(entry: Diagnostic, root: str) -> Finding:
    where = location(entry, root)
    if entry.code is None or entry.code == SYNTAX:
        return Finding(
            rule=SYNTAX,
            severity=Severity.HIGH,
            message=f"cannot be formatted, it does not parse: {entry.message}",
            location=where,
        )
    return Finding(
        rule=entry.code,
        severity=Severity.LOW,
        message=entry.message,
        location=where,
        fix=FixCategory.AUTOFIX,
        hint=f"`ruff format {shlex.quote(where.path)}` rewrites it",
        url=entry.url,
    )
