"""The planted defects themselves are in order; that each turns its stages red is tested on the real engine."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAST = frozenset(
    {
        "lint:python",
        "format:python",
        "lint:secrets",
        "build:backend",
        "test:unit",
        "tdd:oracle-check",
        "security:bandit",
        "security:semgrep",
        "security:dependency-scan",
        "test:integration",
        "lock:check",
    }
)
RULES = (
    "eval",
    "hardcoded-secret",
    "sql",
    "bare-except",
    "xadd-without-maxlen",
    "hardcoded-redis-port",
    "shell-with-input",
    "broad-file-permissions",
)


def test_a_patch_applies_and_changes_something(defect: Any, plant: Callable[[Any], Path]) -> None:
    repository = plant(defect)
    changed = subprocess.run(
        ["git", "-C", str(repository), "diff", "--stat", "HEAD~1"], check=True, capture_output=True, text=True
    ).stdout
    assert changed.strip()


def test_a_defects_name_says_which_stage_it_is_for(defect: Any) -> None:
    assert defect.home in FAST
    assert defect.stages == frozenset() or defect.home in defect.stages
    assert defect.stages <= FAST
    assert len(defect.why) > len("because")


def test_every_fast_stage_has_a_defect_that_it_alone_sees(all_defects: list[Any]) -> None:
    alone = {stage for defect in all_defects if len(defect.stages) == 1 for stage in defect.stages}
    assert alone == FAST


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_against_anti_patterns_has_a_defect(all_defects: list[Any], rule: str) -> None:
    assert any(defect.name.startswith(f"security-semgrep--{rule}") for defect in all_defects)


def test_the_clean_twin_is_the_application(plant: Callable[[Any], Path]) -> None:
    repository = plant(None)
    assert (repository / "pyproject.toml").is_file()
    assert (repository / "uv.lock").is_file()
    status = ["git", "-C", str(repository), "status", "--porcelain"]
    assert subprocess.run(status, check=True, capture_output=True, text=True).stdout == ""
