"""security:semgrep: every rule finds its cases and nothing else, in the real semgrep; nothing is skipped in silence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet.project import Project
from gauntlet.stages.security_semgrep import allowed_lines, has_sources, judge
from gauntlet_verdict import Status

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

    from gauntlet_verdict import Verdict

CASES = Path(__file__).parents[2] / "data" / "semgrep"
RULES = sorted(path.stem for path in (Path(__file__).parents[3] / "runner-image/semgrep/rules").glob("*.yaml"))
BARE = "try:\n    work()\nexcept:\n    x = 1\n"
CLEAN = "try:\n    work()\nexcept ValueError:\n    x = 1\n"


def expected(path: Path) -> set[tuple[str, str, int]]:
    """(path, rule, line) of everything that a case file says must be found."""
    lines = path.read_text().splitlines()
    marks = ((number, re.search(r"ruleid: (\S+)", line)) for number, line in enumerate(lines, 1))
    return {(path.name, mark[1], number + 1) for number, mark in marks if mark}


def found_in(verdict: Verdict) -> set[tuple[str, str, int]]:
    places = ((finding, finding.location) for finding in verdict.findings)
    return {(place.path, finding.rule, place.line or 0) for finding, place in places if place}


def report(*, skipped: list[dict[str, str]] | None = None, errors: list[dict[str, Any]] | None = None) -> str:
    return json.dumps({"results": [], "errors": errors or [], "paths": {"scanned": ["a.py"], "skipped": skipped or []}})


def test_every_rule_has_cases_that_must_and_must_not_be_found() -> None:
    assert len(RULES) == 8
    for rule in RULES:
        for path, twin in ((CASES / f"{rule}.py", rule), (CASES / f"{rule}.ts", f"{rule}-typescript")):
            text = path.read_text()
            assert f"ruleid: {twin}\n" in text, path.name
            assert f" ok: {twin}\n" in text, path.name


def test_a_file_beyond_the_size_limit_is_a_doubt() -> None:
    big = [{"path": "big.py", "reason": "exceeded_size_limit"}]
    assert "big.py (exceeded_size_limit)" in judge({"semgrep": report(skipped=big)}).doubt


def test_a_partly_parsed_file_is_shown_and_an_unparsed_one_a_doubt() -> None:
    skipped = [{"path": "a.py", "reason": "analysis_failed_parser_or_internal_error"}]
    partial: dict[str, Any] = {
        "level": "warn",
        "type": ["PartialParsing", []],
        "path": "a.py",
        "message": "Syntax error\nat line 3",
    }
    partly = judge({"semgrep": report(skipped=skipped, errors=[partial])})
    assert partly.doubt == ""
    assert [(finding.rule, finding.blocking) for finding in partly.findings] == [("partly-parsed", False)]
    whole = partial | {"type": "Timeout", "message": "took too long"}
    assert "a.py" in judge({"semgrep": report(skipped=skipped, errors=[whole])}).doubt


def test_a_nosemgrep_comment_allows_its_line_and_the_next() -> None:
    assert allowed_lines("./a.py:3:x  # nosemgrep\n") == {("a.py", 3), ("a.py", 4)}


def test_a_project_without_code_is_skipped() -> None:
    assert has_sources(Project(files=("README.md",))) is not None
    assert has_sources(Project(files=("client/a.tsx",))) is None


@pytest.mark.engine
def test_all_rules_find_their_cases_and_nothing_else(examine: Examine) -> None:
    files = {path.name: path.read_text() for path in CASES.iterdir()}
    verdict = examine("security:semgrep", files)
    own = {(path, rule, line) for path, rule, line in found_in(verdict) if rule.startswith(Path(path).stem)}
    assert own == {mark for path in CASES.iterdir() for mark in expected(path)}
    assert verdict.looked_at == {"files": len(files)}
    assert verdict.status is Status.FAIL


@pytest.mark.engine
def test_a_clean_twin_is_green(examine: Examine) -> None:
    assert examine("security:semgrep", {"src/a.py": BARE}).status is Status.FAIL
    verdict = examine("security:semgrep", {"src/a.py": CLEAN})
    assert (verdict.status, verdict.looked_at) == (Status.PASS, {"files": 1})


@pytest.mark.engine
def test_tests_vendored_and_ignored_files_are_looked_at_too(examine: Examine) -> None:
    files = {
        "tests/test_a.py": BARE, "vendor/a.py": BARE, "src/a.min.js": "try { f() } catch (e) {}\n",
        ".semgrepignore": "*\n", ".gitignore": "*\n", "build/a.py": BARE,
    }  # fmt: skip
    verdict = examine("security:semgrep", files)
    assert verdict.looked_at == {"files": 4}
    assert {place[0] for place in found_in(verdict)} == {"tests/test_a.py", "vendor/a.py", "src/a.min.js", "build/a.py"}


@pytest.mark.engine
def test_in_tests_a_made_up_password_informs_and_a_hidden_failure_blocks(examine: Examine) -> None:
    password = {"tests/test_a.py": "def test_login():\n    assert login(password='S3cretPassw0rd')\n"}
    informed = examine("security:semgrep", password)
    assert informed.status is Status.PASS
    assert [finding.rule for finding in informed.findings] == ["llm-hardcoded-secret"]
    assert examine("security:semgrep", {"tests/test_a.py": BARE}).status is Status.FAIL


@pytest.mark.engine
def test_a_nosemgrep_comment_lets_through_and_is_shown(examine: Examine) -> None:
    verdict = examine("security:semgrep", {"a.py": "eval(text)  # nosemgrep\n"})
    assert verdict.status is Status.WARN
    assert ["allowed by a nosemgrep comment" in finding.message for finding in verdict.findings] == [True]
