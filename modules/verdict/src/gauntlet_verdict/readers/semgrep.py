"""`semgrep scan --json --verbose` (without `--verbose` it does not say what it skipped)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gauntlet_verdict.errors import ReportError
from gauntlet_verdict.model import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers.document import Shape, from_json
from gauntlet_verdict.readers.interface import Report, Skipped, numbered
from gauntlet_verdict.readers.source_path import relative

_SEVERITIES = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "ERROR": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "WARNING": Severity.MEDIUM,
    "LOW": Severity.LOW,
}
# Reasons of semgrep's `skipped` that somebody chose; every other one is the tool's own (too large, no permission, ...).
_CHOSEN = frozenset(
    {
        "always_skipped",
        "binary",
        "cli_exclude_flags_match",
        "cli_include_flags_do_not_match",
        "dotfile",
        "excluded_by_config",
        "gitignore_patterns_match",
        "irrelevant_rule",
        "minified",
        "semgrepignore_patterns_match",
        "wrong_language",
    }
)
_LOST_BYTE = "\ufffd"


class Position(Shape):
    """Line and column, from 1; an end is exclusive."""

    line: int
    col: int


class Extra(Shape):
    """What the rule says about its match."""

    message: str
    severity: str
    fix: str | None = None
    is_ignored: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])


class Result(Shape):
    """One match."""

    check_id: str
    path: str
    start: Position
    end: Position
    extra: Extra


class Trouble(Shape):
    """One entry of `errors`; the type is a word or a list that begins with one."""

    level: str
    type: str | list[Any]
    message: str = ""
    path: str | None = None


class Ignored(Shape):
    """One file that was not looked at."""

    path: str
    reason: str


class Paths(Shape):
    """Which files were looked at, and which not (with `--verbose`)."""

    scanned: list[str]
    skipped: tuple[Ignored, ...] = ()


class Document(Shape):
    """The whole report."""

    results: list[Result]
    errors: list[Trouble]
    paths: Paths


def read(report: str | bytes, *, root: str = "/src", prefix: str = "") -> Report:
    """Read the report.

    `prefix` is taken off rule ids: semgrep puts the folders of the configuration file before them, so that
    `--config /opt/rules/python.yaml` yields `opt.rules.NAME`.

    Raises:
        ReportError: it is no such report, or semgrep says in it that it could not run (a rule that does not parse).
    """
    document = from_json(report, "semgrep", Document)
    for number, trouble in enumerate(document.errors):
        if trouble.level == "error" and trouble.path is None:
            raise ReportError("semgrep", f"errors[{number}]", trouble.message or str(trouble.type))
    skipped, unread = _skipped(document, root)
    scanned = {relative(path, root) for path in document.paths.scanned} - unread
    return Report(
        findings=numbered(_finding(result, root, prefix) for result in document.results),
        looked_at={"files": len(scanned)},
        skipped=skipped,
    )


def _skipped(document: Document, root: str) -> tuple[tuple[Skipped, ...], set[str]]:
    """Everything not, or not wholly, looked at; and which of the "scanned" files were not read at all."""
    explained = {trouble.path for trouble in document.errors}  # listed a second time, with less said
    skipped = [
        Skipped(relative(trouble.path or "", root), f"{_kind(trouble)}: {trouble.message}", deliberate=False)
        for trouble in document.errors
    ]
    skipped += [
        Skipped(relative(ignored.path, root), ignored.reason, deliberate=ignored.reason in _CHOSEN)
        for ignored in document.paths.skipped
        if ignored.path not in explained
    ]
    # semgrep 1.182 lists a file whose name is not UTF-8 as scanned, with U+FFFD for each bad byte, and never opens it.
    lost = {relative(path, root) for path in document.paths.scanned if _LOST_BYTE in path}
    skipped += [Skipped(path, "semgrep cannot open a name that is not UTF-8", deliberate=False) for path in lost]
    return tuple(sorted(skipped, key=lambda skip: (skip.what, skip.why))), lost


def _kind(trouble: Trouble) -> str:
    kind = trouble.type if isinstance(trouble.type, str) else (trouble.type or ["error"])[0]
    return str(kind)


def _finding(result: Result, root: str, prefix: str) -> Finding:
    fix, hint = _fix(result.extra)
    return Finding(
        rule=result.check_id.removeprefix(prefix),
        severity=_SEVERITIES.get(result.extra.severity, Severity.INFO),
        message=result.extra.message,
        location=Location(
            path=relative(result.path, root),
            line=max(result.start.line, 1),
            column=max(result.start.col, 1),
            end_line=max(result.end.line, 1),
            end_column=max(result.end.col, 1),
        ),
        fix=fix,
        hint=hint,
        url=_url(result.extra.metadata),
        blocking=not result.extra.is_ignored,
    )


def _fix(extra: Extra) -> tuple[FixCategory, str | None]:
    """A rule names the category in its metadata (`fix-category`); a replacement of semgrep's own is an autofix."""
    named = extra.metadata.get("fix-category")
    hint = extra.metadata.get("hint")
    text = hint if isinstance(hint, str) else None
    if extra.fix is not None:
        text = text or f"replace it by `{extra.fix}`"
    if isinstance(named, str) and named in {category.value for category in FixCategory}:
        return FixCategory(named), text
    return (FixCategory.AUTOFIX if extra.fix is not None else FixCategory.EDIT), text


def _url(metadata: dict[str, Any]) -> str | None:
    references: object = metadata.get("references") or metadata.get("source")
    if isinstance(references, list) and references:
        references = references[0]  # pyright: ignore[reportUnknownVariableType] - whatever the rule's author wrote
    return references if isinstance(references, str) else None
