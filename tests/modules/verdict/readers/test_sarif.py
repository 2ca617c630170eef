from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_verdict import Location, Severity
from gauntlet_verdict.readers import ReportError, Skipped, sarif

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet_verdict import Finding


def log_of(result: dict[str, Any], **run: Any) -> str:
    result = {"message": {"text": "m"}, "ruleId": "R"} | result
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"}}, "results": [result]} | run]})


def one(result: dict[str, Any], **run: Any) -> Finding:
    (finding,) = sarif.read(log_of(result, **run)).findings
    return finding


def at(uri: str, **more: Any) -> dict[str, Any]:
    return {"locations": [{"physicalLocation": {"artifactLocation": {"uri": uri} | more}}]}


@pytest.mark.parametrize(
    ("name", "rule", "place"),
    [
        ("sarif/ruff.sarif", "F401", "app/orders.py:1:8"),
        ("sarif/bandit.sarif", "B608", "app/orders.py:9:27"),
        ("sarif/semgrep.sarif", "gauntlet.eval-call", "app/orders.py:16:12"),
    ],
)
def test_results_of_real_tools_have_their_rule_and_place(
    recorded: Callable[[str], bytes], name: str, rule: str, place: str
) -> None:
    assert (rule, place) in {(f.rule, str(f.location)) for f in sarif.read(recorded(name)).findings}


def test_what_a_tool_says_it_failed_on_was_not_looked_at(recorded: Callable[[str], bytes]) -> None:
    assert sarif.read(recorded("sarif/bandit.sarif")).unwanted == (
        Skipped("app/broken.py", "syntax error while parsing AST from file", deliberate=False),
    )


def test_a_level_comes_from_the_result_then_the_rule_then_is_warning(recorded: Callable[[str], bytes]) -> None:
    driver = {"driver": {"name": "T", "rules": [{"id": "R", "defaultConfiguration": {"level": "note"}}]}}
    assert one({"level": "error"}).severity is Severity.HIGH
    assert one({}, tool=driver).severity is Severity.LOW
    assert one({}).severity is Severity.MEDIUM
    severities = {finding.rule: finding.severity for finding in sarif.read(recorded("sarif/semgrep.sarif")).findings}
    assert severities == {"gauntlet.bare-except": Severity.MEDIUM, "gauntlet.eval-call": Severity.HIGH}


@pytest.mark.parametrize(("score", "severity"), [("9.8", "critical"), ("7.0", "high"), ("5", "medium"), ("0.1", "low")])
def test_a_security_score_of_the_rule_outweighs_the_level(score: str, severity: str) -> None:
    driver = {"driver": {"name": "T", "rules": [{"id": "R", "properties": {"security-severity": score}}]}}
    assert one({"level": "note"}, tool=driver).severity == severity


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///src/na%C3%AFve%20%231%25.py", "naïve #1%.py"),
        ("file://host/src/a.py", "a.py"),
        ("./a/../b.py", "b.py"),
        ("caf%E9.py", "caf\udce9.py"),
        ("new%0Aline.py", "new\nline.py"),
        ("/elsewhere/x.py", "/elsewhere/x.py"),
    ],
)
def test_a_uri_becomes_a_path_of_the_tree(uri: str, path: str) -> None:
    assert one(at(uri)).location == Location(path=path)


def test_a_uri_is_resolved_against_its_base_and_by_index() -> None:
    base = {"ROOT": {"uri": "file:///src/app/"}}
    assert one(at("a.py", uriBaseId="ROOT"), originalUriBaseIds=base).location == Location(path="app/a.py")
    indexed = {"locations": [{"physicalLocation": {"artifactLocation": {"index": 1}}}]}
    files = [{"location": {"uri": "a.py"}}, {"location": {"uri": "b.py"}}]
    assert one(indexed, artifacts=files).location == Location(path="b.py")


def test_placeholders_of_a_rules_message_are_filled_in() -> None:
    driver = {"driver": {"name": "T", "rules": [{"id": "R", "messageStrings": {"bad": {"text": "{0} is {1} {2}"}}}]}}
    finding = one({"message": {"id": "bad", "arguments": ["x", "odd"]}}, tool=driver)
    assert finding.message == "x is odd {2}"


@pytest.mark.parametrize("kind", ["pass", "notApplicable", "informational"])
def test_a_result_that_is_no_problem_is_no_finding(kind: str) -> None:
    assert sarif.read(log_of({"kind": kind})).findings == ()


@pytest.mark.parametrize(
    "result",
    [
        {"suppressions": [{"kind": "inSource"}]},
        {"baselineState": "unchanged"},
        {"kind": "review", "level": "none"},
    ],
)
def test_what_somebody_accepted_is_shown_and_does_not_block(result: dict[str, Any]) -> None:
    assert one(result).blocking is False


def test_a_rejected_suppression_suppresses_nothing() -> None:
    assert one({"suppressions": [{"kind": "external", "status": "rejected"}]}).blocking is True


def test_a_run_without_results_or_that_failed_was_not_looked_at() -> None:
    silent = json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"}}}]})
    assert [skip.what for skip in sarif.read(silent).unwanted] == ["T"]
    failed = log_of({}, invocations=[{"executionSuccessful": False}])
    assert [skip.why for skip in sarif.read(failed).unwanted] == ["it says that it failed"]


def test_only_files_that_the_tool_says_it_analysed_are_counted() -> None:
    files = [{"roles": ["analysisTarget"]}, {"roles": ["resultFile"]}]
    assert sarif.read(log_of({}, artifacts=files)).looked_at == {"files": 1}
    assert sarif.read(log_of({})).looked_at == {}


def test_another_version_or_no_run_at_all_is_no_report() -> None:
    with pytest.raises(ReportError, match="version"):
        sarif.read('{"version": "2.0.0", "runs": []}')
    with pytest.raises(ReportError, match="runs"):
        sarif.read('{"version": "2.1.0", "runs": []}')
