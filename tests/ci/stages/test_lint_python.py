"""lint:python: red on a bug, green on its clean twin, and never green on files that it did not see."""

from __future__ import annotations

import time
import tomllib
from typing import TYPE_CHECKING

import pytest

from gauntlet.project import Project
from gauntlet.stages.lint_python import default_configuration, has_python, judge, oldest_minor
from gauntlet_verdict import Status

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

BUG = "def f(items=[]):\n    return items\n"
CLEAN = "def f(items=()):\n    return items\n"


@pytest.mark.parametrize(
    ("requires", "minor"),
    [(">=3.9", 9), (">=3.9.2,<4", 9), ("~=3.11", 11), ("==3.12.*", 12), (">=3.10,!=3.10.*", 11), (None, 14), ("?", 14)],
)
def test_syntax_is_judged_by_the_oldest_python_that_the_project_supports(requires: str | None, minor: int) -> None:
    assert oldest_minor(requires) == minor


def test_the_default_configuration_is_toml_with_our_rules() -> None:
    assert tomllib.loads(default_configuration(("E9", "F"), ">=3.11")) == {
        "target-version": "py311",
        "lint": {"select": ["E9", "F"], "per-file-ignores": {"__init__.py": ["F401", "F403"]}},
    }


def test_no_file_to_look_at_is_told() -> None:
    judgement = judge({"ruff": "[]"})
    assert sum(judgement.looked_at.values()) == 0
    assert "excludes every" in judgement.remark


def test_a_project_without_python_is_skipped() -> None:
    assert has_python(Project(files=("a.ts",))) == "no Python files here"
    assert has_python(Project(files=("a.py",), python_files=("a.py",))) is None


@pytest.mark.engine
def test_a_bug_is_red_and_its_clean_twin_green(examine: Examine) -> None:
    red = examine("lint:python", {"src/a.py": BUG})
    assert red.status is Status.FAIL
    assert [(finding.rule, str(finding.location)) for finding in red.findings] == [("B006", "src/a.py:1:13")]
    green = examine("lint:python", {"src/a.py": CLEAN})
    assert green.status is Status.PASS
    assert green.looked_at == {"files": 1}
    assert green.confinement is not None
    assert green.confinement.network == "none"


@pytest.mark.engine
def test_a_file_that_does_not_parse_is_red(examine: Examine) -> None:
    verdict = examine("lint:python", {"a.py": "def f(:\n"})
    assert verdict.status is Status.FAIL
    assert {finding.rule for finding in verdict.findings} == {"invalid-syntax"}


@pytest.mark.engine
def test_the_projects_own_rules_hold(examine: Examine) -> None:
    strict = '[tool.ruff.lint]\nselect = ["D100"]\n'
    assert examine("lint:python", {"a.py": CLEAN, "pyproject.toml": strict}).status is Status.FAIL
    lax = '[tool.ruff.lint]\nselect = ["E9"]\n'
    assert examine("lint:python", {"a.py": BUG, "pyproject.toml": lax}).status is Status.PASS


@pytest.mark.engine
def test_a_configuration_that_leaves_nothing_is_no_pass(examine: Examine) -> None:
    verdict = examine("lint:python", {"a.py": BUG, "ruff.toml": 'exclude = ["*"]\n'})
    assert verdict.status is Status.INCONCLUSIVE
    assert "excludes every" in verdict.reason


@pytest.mark.engine
def test_a_configuration_that_ruff_refuses_is_inconclusive_with_its_words(examine: Examine) -> None:
    verdict = examine("lint:python", {"a.py": CLEAN, "ruff.toml": 'required-version = ">=99"\n'})
    assert verdict.status is Status.INCONCLUSIVE
    assert ">=99" in verdict.reason


@pytest.mark.engine
def test_noqa_is_allowed(examine: Examine) -> None:
    assert examine("lint:python", {"a.py": "import os  # noqa: F401\n"}).status is Status.PASS


@pytest.mark.engine
def test_newer_syntax_is_an_error_only_where_an_older_python_is_promised(examine: Examine) -> None:
    newer = {"a.py": "type Names = list[str]\n"}
    project = '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
    assert examine("lint:python", newer).status is Status.PASS
    assert examine("lint:python", newer | {"pyproject.toml": project}).status is Status.FAIL


@pytest.mark.engine
def test_file_names_with_spaces_and_newlines_are_looked_at(examine: Examine) -> None:
    verdict = examine("lint:python", {"a b.py": BUG, "c\nd.py": BUG, "ü.py": BUG})
    assert {finding.location.path for finding in verdict.findings if finding.location} == {"a b.py", "c\nd.py", "ü.py"}


@pytest.mark.engine
def test_a_complete_answer_is_remembered_and_says_so(examine: Examine) -> None:
    files = {"a.py": f"answer = {time.time_ns()}\n"}
    first, again = (examine("lint:python", files) for _ in range(2))
    assert (first.status, first.cached) == (Status.PASS, False)
    assert (again.status, again.cached) == (Status.PASS, True)


@pytest.mark.engine
def test_links_that_lead_nowhere_or_out_of_the_tree_are_no_files(examine: Examine) -> None:
    links = {"gone.py": "nowhere", "out.py": "/etc/passwd", "loop": ".", "up": "..", "good.py": "a.py"}
    verdict = examine("lint:python", {"a.py": CLEAN}, links=links)
    assert (verdict.status, verdict.looked_at) == (Status.PASS, {"files": 2})


@pytest.mark.engine
def test_a_file_that_ruff_cannot_read_is_no_pass_until_it_is_left_out(examine: Examine) -> None:
    files: dict[str, str | bytes] = {"a.py": CLEAN, "old/b.py": b"# -*- coding: latin-1 -*-\nx = 'caf\xe9'\n"}
    verdict = examine("lint:python", files)
    assert verdict.status is Status.INCONCLUSIVE
    assert "old/b.py" in verdict.reason
    left_out = "stages: {'lint:python': {exclude: ['old/**']}}"
    assert examine("lint:python", files, config=left_out).status is Status.PASS
