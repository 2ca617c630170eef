"""security:bandit: dangerous code blocks, tests are left alone, and what can't be parsed is no pass."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gauntlet.project import Project, TestFile
from gauntlet.stages.security_bandit import BanditOptions, has_code, judge
from gauntlet_verdict import Severity, Status

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

DANGER = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
CLEAN = "import yaml\n\n\ndef read(text):\n    return yaml.safe_load(text)\n"
NONE = {"loc": 3, "nosec": 0, "skipped_tests": 0}


def result(severity: str, confidence: str) -> dict[str, object]:
    return {
        "filename": "./a.py", "issue_confidence": confidence, "issue_severity": severity, "issue_text": "t",
        "line_number": 1, "line_range": [1], "test_id": "B1", "test_name": "n", "more_info": "u",
    }  # fmt: skip


def report(*results: dict[str, object], errors: tuple[str, ...] = (), nosec: int = 0) -> dict[str, str]:
    document = {
        "errors": [{"filename": name, "reason": "syntax error"} for name in errors],
        "metrics": {"./a.py": NONE | {"nosec": nosec}, "_totals": NONE | {"nosec": nosec}},
        "results": list(results),
    }
    return {"bandit": json.dumps(document)}


@pytest.mark.parametrize(
    ("severity", "confidence", "blocks"),
    [("HIGH", "HIGH", True), ("MEDIUM", "MEDIUM", True), ("LOW", "HIGH", False), ("HIGH", "LOW", False)],
)
def test_severity_and_confidence_decide_what_blocks(severity: str, confidence: str, blocks: bool) -> None:
    (finding,) = judge(report(result(severity, confidence))).findings
    assert finding.blocking is blocks


def test_the_bar_can_be_moved() -> None:
    strict = BanditOptions(min_severity="low", min_confidence="low")
    assert judge(report(result("LOW", "LOW")), strict).findings[0].blocking


def test_nosec_comments_are_counted_and_shown() -> None:
    (finding,) = judge(report(nosec=2)).findings
    assert (finding.rule, finding.severity, finding.blocking) == ("nosec", Severity.INFO, False)
    assert "2 lines" in finding.message


def test_a_file_that_was_not_parsed_is_a_doubt() -> None:
    assert "b.py (syntax error)" in judge(report(errors=("./b.py",))).doubt


def test_a_project_of_tests_alone_is_skipped() -> None:
    tests = Project(files=("t.py",), python_files=("t.py",), tests=(TestFile("t.py", "unit"),))
    assert has_code(tests) == "no Python files beside tests"
    assert has_code(Project(files=("a.py",), python_files=("a.py",))) is None


@pytest.mark.engine
def test_dangerous_code_is_red_and_its_clean_twin_green(examine: Examine) -> None:
    red = examine("security:bandit", {"src/a.py": DANGER})
    assert red.status is Status.FAIL
    blocking = [(found.rule, str(found.location)) for found in red.findings if found.blocking]
    assert blocking == [("B506", "src/a.py:5:12")]
    green = examine("security:bandit", {"src/a.py": CLEAN})
    assert (green.status, green.looked_at) == (Status.PASS, {"files": 1, "lines": 3})


@pytest.mark.engine
def test_tests_are_left_alone(examine: Examine) -> None:
    files = {"src/a.py": CLEAN, "tests/test_a.py": DANGER, "tests/data.py": DANGER, "src/conftest.py": DANGER}
    verdict = examine("security:bandit", files)
    assert (verdict.status, verdict.looked_at["files"]) == (Status.PASS, 1)


@pytest.mark.engine
def test_a_nosec_comment_lets_through_and_is_shown(examine: Examine) -> None:
    silenced = DANGER.replace("yaml.load(text)", "yaml.load(text)  # nosec")
    verdict = examine("security:bandit", {"a.py": silenced})
    assert verdict.status is Status.PASS
    assert "nosec" in {found.rule for found in verdict.findings}


@pytest.mark.engine
def test_the_projects_own_settings_hold(examine: Examine) -> None:
    settings = {"pyproject.toml": '[tool.bandit]\nskips = ["B506"]\n'}
    assert examine("security:bandit", {"a.py": DANGER} | settings).status is Status.PASS


@pytest.mark.engine
def test_a_file_that_does_not_parse_is_no_pass_until_it_is_excluded(examine: Examine) -> None:
    files = {"a.py": CLEAN, "templates/b.py": "def f(:\n"}
    verdict = examine("security:bandit", files)
    assert verdict.status is Status.INCONCLUSIVE
    assert "templates/b.py" in verdict.reason
    excluded = "stages: {'security:bandit': {exclude: ['templates/**']}}"
    assert examine("security:bandit", files, config=excluded).status is Status.PASS
