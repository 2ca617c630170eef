"""`bandit -f json`.

It exits 0 for a folder that is not there: the folder is then in `skipped`, and no file is counted.
"""

from __future__ import annotations

import re
from typing import Literal

from gauntlet_verdict.model import Finding, Location, Severity
from gauntlet_verdict.readers.document import Shape, from_json
from gauntlet_verdict.readers.interface import Report, Skipped, numbered
from gauntlet_verdict.readers.source_path import relative

Level = Literal["UNDEFINED", "LOW", "MEDIUM", "HIGH"]

_TOTALS = "_totals"
# "Possible hardcoded password: 'hunter2'": these tests quote the secret itself, which must reach no report.
_TELLTALES = frozenset({"B105", "B106", "B107"})
_QUOTED = re.compile(r"'.*'", re.DOTALL)
_SEVERITIES: dict[Level, Severity] = {
    "HIGH": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
    "UNDEFINED": Severity.INFO,
}


class Failure(Shape):
    """A file that bandit could not analyse."""

    filename: str
    reason: str


class Counts(Shape):
    """Of one file, or of all: lines of code, and places that a `# nosec` comment silenced."""

    loc: int
    nosec: int
    skipped_tests: int = 0


class Weakness(Shape):
    """The catalogue number of the kind of weakness (CWE); bandit writes an empty object where it has none."""

    id: int | None = None


class Result(Shape):
    """One issue; columns count from 0 and are -1 or absent where Python's parser gives none."""

    filename: str
    issue_confidence: Level
    issue_severity: Level
    issue_cwe: Weakness | None = None
    issue_text: str
    line_number: int
    line_range: tuple[int, ...] = ()
    col_offset: int = -1
    end_col_offset: int = -1
    more_info: str | None = None
    test_id: str
    test_name: str


class Document(Shape):
    """The whole report."""

    errors: list[Failure]
    metrics: dict[str, Counts]
    results: list[Result]


def read(report: str | bytes, *, root: str = "/src") -> Report:
    """Read the report; a file that could not be parsed is in `skipped`, not counted.

    Raises:
        ReportError: it is no such report.
    """
    document = from_json(report, "bandit", Document)
    failed = {relative(failure.filename, root): failure.reason for failure in document.errors}
    files = {relative(name, root): counts for name, counts in document.metrics.items() if name != _TOTALS}
    read_well = [counts for name, counts in files.items() if name not in failed]
    return Report(
        findings=numbered(_finding(result, root) for result in document.results),
        looked_at={"files": len(read_well), "lines": sum(counts.loc for counts in read_well)},
        metrics={"nosec": float(sum(counts.nosec + counts.skipped_tests for counts in read_well))},
        skipped=tuple(Skipped(name, reason, deliberate=False) for name, reason in sorted(failed.items())),
    )


def _finding(result: Result, root: str) -> Finding:
    about = [result.test_name, f"confidence {result.issue_confidence.lower()}"]
    if result.issue_cwe is not None and result.issue_cwe.id:
        about.append(f"CWE-{result.issue_cwe.id}")
    return Finding(
        rule=result.test_id,
        severity=_SEVERITIES[result.issue_severity],
        message=_QUOTED.sub("'…'", result.issue_text) if result.test_id in _TELLTALES else result.issue_text,
        location=_location(result, root),
        hint=", ".join(about),
        url=result.more_info,
    )


def _location(result: Result, root: str) -> Location:
    line = max(result.line_number, 1)
    several = max(result.line_range, default=line) > line
    return Location(
        path=relative(result.filename, root),
        line=line,
        column=result.col_offset + 1 if result.col_offset >= 0 else None,
        end_line=max(result.line_range, default=line) if several else line,
        end_column=result.end_col_offset + 1 if result.end_col_offset >= 0 else None,
    )
