"""SARIF 2.1.0, from any tool (OASIS standard; the section numbers are its)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from gauntlet_verdict.model import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers.document import Shape, from_json
from gauntlet_verdict.readers.interface import Report, Skipped, numbered
from gauntlet_verdict.readers.source_path import from_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

Level = Literal["none", "note", "warning", "error"]
_SEVERITIES: dict[Level, Severity] = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.INFO,
}
# The numbers of CVSS 3.1 section 5, in which GitHub's `security-severity` property is given.
_SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.0, Severity.LOW))
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


class Text(Shape):
    """A message (3.11): plain, or the id of one of the rule's, with arguments."""

    text: str | None = None
    id: str | None = None
    arguments: tuple[str, ...] = ()


class Defaults(Shape):
    """A rule's configuration (3.50)."""

    level: Level = "warning"


class Rule(Shape):
    """A reporting descriptor (3.49)."""

    id: str
    name: str | None = None
    short: Text | None = Field(default=None, alias="shortDescription")
    help_uri: str | None = Field(default=None, alias="helpUri")
    messages: dict[str, Text] = Field(default_factory=dict, alias="messageStrings")
    defaults: Defaults = Field(Defaults(), alias="defaultConfiguration")
    properties: dict[str, Any] = Field(default_factory=dict[str, Any])


class Artifact(Shape):
    """Where a file is (3.4); or, by index, the run's list of files says."""

    uri: str | None = None
    base: str | None = Field(default=None, alias="uriBaseId")
    index: int = -1


class Region(Shape):
    """Lines and columns from 1, the end column exclusive (3.30)."""

    start_line: int | None = Field(default=None, alias="startLine")
    start_column: int | None = Field(default=None, alias="startColumn")
    end_line: int | None = Field(default=None, alias="endLine")
    end_column: int | None = Field(default=None, alias="endColumn")


class Physical(Shape):
    """A physical location (3.29)."""

    artifact: Artifact = Field(Artifact(), alias="artifactLocation")
    region: Region = Region()


class Place(Shape):
    """A location (3.28)."""

    physical: Physical | None = Field(default=None, alias="physicalLocation")


class Suppression(Shape):
    """Somebody decided against a result (3.35); absent status means accepted."""

    status: Literal["accepted", "underReview", "rejected"] = "accepted"


class RuleReference(Shape):
    """Which rule (3.52)."""

    id: str | None = None
    index: int = -1


class FixText(Shape):
    """What to do (3.55)."""

    description: Text | None = None


class Result(Shape):
    """One result (3.27)."""

    rule_id: str | None = Field(default=None, alias="ruleId")
    rule_index: int = Field(-1, alias="ruleIndex")
    rule: RuleReference = RuleReference()
    kind: str = "fail"
    level: Level | None = None
    message: Text
    locations: tuple[Place, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    fixes: tuple[FixText, ...] = ()
    baseline: str | None = Field(default=None, alias="baselineState")


class Notification(Shape):
    """What the tool says of itself (3.58)."""

    level: Level = "warning"
    message: Text
    locations: tuple[Place, ...] = ()


class Invocation(Shape):
    """How the tool ran (3.20)."""

    successful: bool = Field(alias="executionSuccessful")
    execution: tuple[Notification, ...] = Field((), alias="toolExecutionNotifications")
    configuration: tuple[Notification, ...] = Field((), alias="toolConfigurationNotifications")


class Driver(Shape):
    """The tool's component that has the rules (3.19)."""

    name: str
    rules: tuple[Rule, ...] = ()


class Tool(Shape):
    """The tool (3.18)."""

    driver: Driver


class FileEntry(Shape):
    """A file that the tool knows (3.24)."""

    location: Artifact = Artifact()
    roles: tuple[str, ...] = ()


class ToolRun(Shape):
    """One tool's run (3.14); results are absent or null where it did not get as far as looking."""

    tool: Tool
    results: list[Result] | None = None
    invocations: tuple[Invocation, ...] = ()
    artifacts: tuple[FileEntry, ...] = ()
    bases: dict[str, Artifact] = Field(default_factory=dict, alias="originalUriBaseIds")


class Document(Shape):
    """The whole log (3.13)."""

    version: Literal["2.1.0"]
    runs: list[ToolRun] = Field(min_length=1)


def read(report: str | bytes, *, root: str = "/src") -> Report:
    """Read the report; `looked_at` counts files only where the tool lists those that it analysed.

    A suppressed, unchanged-in-baseline or merely reviewed result does not block. A run that says it failed, or has
    no results at all, is in `skipped`.

    Raises:
        ReportError: it is no such report.
    """
    document = from_json(report, "SARIF", Document)
    parts = [_read_run(run, root) for run in document.runs]
    whole = Report()
    for part in parts:
        whole = whole.merged(part)
    return Report(numbered(whole.findings), whole.looked_at, whole.metrics, whole.skipped)


def _read_run(run: ToolRun, root: str) -> Report:
    targets = sum("analysisTarget" in entry.roles for entry in run.artifacts)
    return Report(
        findings=tuple(
            _finding(run, result, root)
            for result in run.results or ()
            if result.kind not in {"pass", "notApplicable", "informational"} and result.baseline != "absent"
        ),
        looked_at={"files": targets} if targets else {},
        skipped=tuple(_failures(run, root)),
    )


def _failures(run: ToolRun, root: str) -> Iterator[Skipped]:
    name = run.tool.driver.name
    if run.results is None:
        yield Skipped(name, "it did not get as far as looking (no results)", deliberate=False)
    for invocation in run.invocations:
        if not invocation.successful:
            yield Skipped(name, "it says that it failed", deliberate=False)
        for note in (*invocation.execution, *invocation.configuration):
            if note.level == "error":
                where = _location(run, note.locations, root)
                yield Skipped(where.path if where else name, note.message.text or "", deliberate=False)


def _finding(run: ToolRun, result: Result, root: str) -> Finding:
    rule = _rule(run, result)
    settled = any(suppression.status == "accepted" for suppression in result.suppressions)
    hint = next((fix.description.text for fix in result.fixes if fix.description), None)
    return Finding(
        rule=result.rule_id or result.rule.id or (rule.id if rule else run.tool.driver.name),
        severity=_severity(result, rule),
        message=_message(result.message, rule),
        location=_location(run, result.locations, root),
        fix=FixCategory.EDIT,
        hint=hint,
        url=rule.help_uri if rule else None,
        blocking=not settled and result.kind == "fail" and result.baseline not in {"unchanged", "updated"},
    )


def _rule(run: ToolRun, result: Result) -> Rule | None:
    rules = run.tool.driver.rules
    index = result.rule_index if result.rule_index >= 0 else result.rule.index
    if 0 <= index < len(rules):
        return rules[index]
    wanted = result.rule_id or result.rule.id
    return next((rule for rule in rules if rule.id == wanted), None)


def _severity(result: Result, rule: Rule | None) -> Severity:
    score = rule.properties.get("security-severity") if rule else None
    try:
        number = float(score) if isinstance(score, str | int | float) else 0.0
    except ValueError:
        number = 0.0
    if number > 0:
        return next(severity for floor, severity in _SCORES if number >= floor)
    return _SEVERITIES[result.level or (rule.defaults.level if rule else "warning")]


def _message(message: Text, rule: Rule | None) -> str:
    """Its text with the placeholders filled in (3.11.5); the rule's words where it only names one of them."""
    text = message.text
    if text is None and rule is not None:
        named = rule.messages.get(message.id or "")
        text = named.text if named else (rule.short.text if rule.short else rule.name)

    def argument(match: re.Match[str]) -> str:
        number = int(match[1]) if len(match[1]) < 4 else len(message.arguments)  # noqa: PLR2004 - no such index
        return message.arguments[number] if number < len(message.arguments) else match[0]

    return _PLACEHOLDER.sub(argument, text or message.id or "no message")


def _location(run: ToolRun, places: tuple[Place, ...], root: str) -> Location | None:
    physical = next((place.physical for place in places if place.physical), None)
    if physical is None:
        return None
    artifact = physical.artifact
    if artifact.uri is None and 0 <= artifact.index < len(run.artifacts):
        artifact = run.artifacts[artifact.index].location
    if artifact.uri is None:
        return None
    base = run.bases.get(artifact.base or "")
    region = physical.region
    return Location(
        path=from_uri(artifact.uri, base.uri if base and base.uri else "", root),
        line=_from_one(region.start_line),
        column=_from_one(region.start_column),
        end_line=_from_one(region.end_line),
        end_column=_from_one(region.end_column),
    )


def _from_one(number: int | None) -> int | None:
    return None if number is None else max(number, 1)
