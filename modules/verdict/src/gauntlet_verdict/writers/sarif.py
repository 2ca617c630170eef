"""`results.sarif`: SARIF 2.1.0, a run a stage; for code scanning views and editors (numbers are its sections).

Plain data, held against the standard's own schema by the tests: the object libraries (sarif-om, sarif-pydantic) are
unkept or take longer to import than the whole report takes to write.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from gauntlet_verdict.model import Severity, Status
from gauntlet_verdict.text import visible
from gauntlet_verdict.writers.interface import json_bytes

if TYPE_CHECKING:
    from gauntlet_verdict.model import Finding, Location, Run, Verdict

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_CONCLUDED = frozenset({Status.PASS, Status.FAIL, Status.WARN, Status.SKIP})
# RFC 3986 allows these unescaped in a path segment; a colon in a first segment would read as a scheme (section 4.2).
_SAFE = "/!$&'()*+,;=@~"


def write(run: Run) -> bytes:
    """Write the report; stages that reached no conclusion are in it as failed invocations, with the reason."""
    return json_bytes(
        {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_stage_run(run, verdict) for verdict in run.verdicts]}
    )


def _stage_run(run: Run, verdict: Verdict) -> dict[str, Any]:
    rules: dict[str, dict[str, Any]] = {}
    for finding in verdict.findings:
        rules.setdefault(finding.rule, _rule(finding))
    order = {rule: index for index, rule in enumerate(rules)}
    driver = {"name": f"gauntlet {verdict.stage}", "version": run.gauntlet, "rules": list(rules.values())}
    tools = [{"name": name, "version": version} for name, version in sorted(verdict.tools.items())]
    return {
        "tool": {"driver": driver, "extensions": tools} if tools else {"driver": driver},
        # The trailing part tells runs of one category apart, the part before it is the category (3.17.2).
        "automationDetails": {"id": f"gauntlet/{verdict.stage}/"},
        "invocations": [_invocation(run, verdict)],
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the root of the source tree"}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, order[finding.rule]) for finding in verdict.findings],
        "properties": {"status": verdict.status.value, "lookedAt": verdict.looked_at},
    }


def _rule(finding: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": finding.rule, "shortDescription": {"text": finding.rule}}
    if finding.url and _is_uri(finding.url):
        rule["helpUri"] = finding.url
    return rule


def _invocation(run: Run, verdict: Verdict) -> dict[str, Any]:
    # A time without a zone is taken for UTC, since RFC 3339 has none without (3.9).
    start = run.started_at if run.started_at.tzinfo else run.started_at.replace(tzinfo=UTC)
    invocation: dict[str, Any] = {
        "executionSuccessful": verdict.status in _CONCLUDED,
        "startTimeUtc": _utc(start),
    }
    if verdict.rerun:
        invocation["commandLine"] = verdict.rerun
    if verdict.reason:
        level = "note" if verdict.status in _CONCLUDED else "error"
        invocation["toolExecutionNotifications"] = [{"level": level, "message": {"text": verdict.reason}}]
    return invocation


def _utc(moment: datetime) -> str:
    try:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:  # the first or last hours that a datetime can hold
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "partialFingerprints": {"gauntlet/v1": finding.fingerprint},
        "properties": {
            "blocking": finding.blocking,
            "severity": finding.severity.value,
            "fixCategory": finding.fix.value,
            **({"hint": finding.hint} if finding.hint else {}),
        },
    }
    if finding.location is not None:
        result["locations"] = [{"physicalLocation": _physical(finding.location)}]
    return result


def _physical(location: Location) -> dict[str, Any]:
    path = quote(_bytes(location.path), safe=_SAFE)
    # An absolute path is outside of the source tree.
    artifact = {"uri": f"file://{path}"} if path.startswith("/") else {"uri": path, "uriBaseId": "%SRCROOT%"}
    region = {
        "startLine": location.line,
        "startColumn": location.column,
        "endLine": location.end_line,
        "endColumn": location.end_column,
    }
    if location.line is None:
        return {"artifactLocation": artifact}
    return {
        "artifactLocation": artifact,
        "region": {name: number for name, number in region.items() if number is not None},
    }


def _bytes(path: str) -> bytes:
    """The name's own bytes; what never was a byte is written out."""
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return visible(path).encode()


def _is_uri(text: str) -> bool:
    try:
        return text.isascii() and text.isprintable() and " " not in text and bool(urlsplit(text).netloc)
    except ValueError:
        return False
