"""format:python: blocks where the project formats with ruff, warns elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gauntlet.stages.format_python import enforced
from gauntlet_verdict import FixCategory, Status

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

UGLY = "x = {  'a':1 }\n"
NEAT = 'x = {"a": 1}\n'
WITH_RUFF = {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}


@pytest.mark.parametrize(
    ("asked", "said", "blocks"),
    [
        ("auto", {"ruff": "pyproject.toml\n"}, True),
        ("auto", {}, False),
        ("auto", {"ruff": "pyproject.toml\n", "other": "pyproject.toml\n"}, False),
        ("always", {}, True),
        ("never", {"ruff": "pyproject.toml\n"}, False),
    ],
)
def test_it_blocks_where_the_project_configures_ruff_alone(asked: str, said: dict[str, str], blocks: bool) -> None:
    verdict, why = enforced(asked, said)
    assert verdict is blocks
    assert bool(why) is not blocks


@pytest.mark.engine
def test_an_unformatted_file_is_red_and_its_formatted_twin_green(examine: Examine) -> None:
    red = examine("format:python", WITH_RUFF | {"src/a.py": UGLY, "src/b.py": NEAT})
    assert red.status is Status.FAIL
    assert [(str(found.location.path), found.fix) for found in red.findings if found.location] == [
        ("src/a.py", FixCategory.AUTOFIX)
    ]
    green = examine("format:python", WITH_RUFF | {"src/a.py": NEAT, "src/b.py": NEAT})
    assert (green.status, green.looked_at) == (Status.PASS, {"files": 2})


@pytest.mark.engine
def test_a_project_without_a_formatter_is_only_warned(examine: Examine) -> None:
    verdict = examine("format:python", {"a.py": UGLY})
    assert verdict.status is Status.WARN
    assert "configures no formatter" in verdict.reason
    assert not any(finding.blocking for finding in verdict.findings)


@pytest.mark.engine
def test_a_project_of_another_formatter_is_only_warned(examine: Examine) -> None:
    black = {"pyproject.toml": "[tool.black]\n[tool.ruff]\nline-length = 100\n"}
    verdict = examine("format:python", {"a.py": UGLY} | black)
    assert verdict.status is Status.WARN
    assert "another tool (pyproject.toml)" in verdict.reason


@pytest.mark.engine
def test_configuration_may_enforce_it_or_not(examine: Examine) -> None:
    always = "stages: {'format:python': {enforce: always}}"
    assert examine("format:python", {"a.py": UGLY}, config=always).status is Status.FAIL
    never = "stages: {'format:python': {enforce: never}}"
    assert examine("format:python", {"a.py": UGLY} | WITH_RUFF, config=never).status is Status.WARN


@pytest.mark.engine
def test_a_file_that_does_not_parse_is_red(examine: Examine) -> None:
    verdict = examine("format:python", WITH_RUFF | {"a.py": "def f(:\n", "b.py": NEAT})
    assert verdict.status is Status.FAIL
    assert {finding.rule for finding in verdict.findings} == {"invalid-syntax"}
