"""`gitleaks dir|git --report-format json`. The secret itself never leaves this module.

Run gitleaks without `--redact` where a baseline or a second report is given: what is redacted can only be
recognised by its line.
"""

from __future__ import annotations

from pydantic import Field

from gauntlet_verdict.model import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers.document import Shape, from_json
from gauntlet_verdict.readers.interface import Report, numbered
from gauntlet_verdict.readers.source_path import relative

_ROTATE = "revoke it where it is valid, then read the new one from the environment or a secret store"
_REDACTED = "REDACTED"


class Leak(Shape):
    """One entry of the list; `Commit` is empty in a scan of a directory."""

    rule: str = Field(alias="RuleID")
    description: str = Field(alias="Description")
    start_line: int = Field(alias="StartLine")
    end_line: int = Field(alias="EndLine")
    start_column: int = Field(alias="StartColumn")
    end_column: int = Field(alias="EndColumn")
    secret: str = Field(alias="Secret", repr=False)
    file: str = Field(alias="File")
    commit: str = Field(alias="Commit")


def read(
    report: str | bytes,
    *,
    root: str = "/src",
    baseline: str | bytes | None = None,
    heeding_allow: str | bytes | None = None,
) -> Report:
    """Read the report; gitleaks does not say in it how many files or commits it looked at.

    `baseline` is an earlier report of the same format: what it knows (rule, file and secret, wherever it moved in
    the file) does not block. `heeding_allow` is a second report of the same tree, made without
    `--ignore-gitleaks-allow`: what is only in `report` carries an inline allow-comment, is shown and does not block.

    Raises:
        ReportError: one of them is no such report.
    """
    leaks = from_json(report, "gitleaks", list[Leak])
    known = _known(from_json(baseline, "gitleaks baseline", list[Leak]) if baseline is not None else [], root)
    heeded: set[tuple[str, str, str, int, int]] | None = None
    if heeding_allow is not None:
        heeded = {_place(leak) for leak in from_json(heeding_allow, "gitleaks", list[Leak])}
    findings: list[Finding] = []
    for leak in leaks:
        excuse = ""
        if _keys(leak, root) & known:
            excuse = "known in the baseline"
        elif heeded is not None and _place(leak) not in heeded:
            excuse = "allowed by a comment in the line"
        findings.append(_finding(leak, root, excuse))
    return Report(
        findings=numbered(findings),
        metrics={"secrets": float(len(leaks)), "new": float(sum(finding.blocking for finding in findings))},
    )


def _finding(leak: Leak, root: str, excuse: str) -> Finding:
    message = leak.description
    if leak.commit:
        message += f" (in commit {leak.commit[:12]})"
    return Finding(
        rule=leak.rule,
        severity=Severity.LOW if excuse else Severity.CRITICAL,
        message=f"{message} [{excuse}]" if excuse else message,
        location=_location(leak, root),
        fix=FixCategory.SECRET,
        hint=_ROTATE,
        blocking=not excuse,
    )


def _location(leak: Leak, root: str) -> Location:
    # gitleaks 8.30 counts the newline before the line into its columns, except in the first line, and its end is
    # inclusive; ours counts from 1 and is exclusive.
    start = leak.start_column - (leak.start_line > 1)
    end = leak.end_column - (leak.end_line > 1) + 1
    return Location(
        path=relative(leak.file, root),
        line=max(leak.start_line, 1),
        column=max(start, 1),
        end_line=max(leak.end_line, 1),
        end_column=max(end, 1),
    )


def _keys(leak: Leak, root: str) -> set[tuple[str, str, str]]:
    path = relative(leak.file, root)
    return {(leak.rule, path, f"line {leak.start_line}"), (leak.rule, path, f"secret {leak.secret}")}


def _known(baseline: list[Leak], root: str) -> set[tuple[str, str, str]]:
    """A redacted baseline recognises by line, since all its secrets look alike; any other by the secret alone."""
    known: set[tuple[str, str, str]] = set()
    for leak in baseline:
        path = relative(leak.file, root)
        redacted = not leak.secret or leak.secret == _REDACTED or leak.secret.endswith("...")
        known.add((leak.rule, path, f"line {leak.start_line}" if redacted else f"secret {leak.secret}"))
    return known


def _place(leak: Leak) -> tuple[str, str, str, int, int]:
    return (leak.rule, leak.file, leak.commit, leak.start_line, leak.start_column)
