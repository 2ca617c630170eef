"""The planted defects themselves are in order; that each turns its stages red is tested on the real engine."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet.stage import Tier, registered
from gauntlet.stages import load_stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


@pytest.fixture
def fast() -> frozenset[str]:
    """The ids of the FAST stages that come with Gauntlet."""
    load_stages()
    return frozenset(stage.id for stage in registered().values() if stage.tier is Tier.FAST)


def test_a_patch_applies_and_changes_something(defect: Any, plant: Callable[[Any], Path]) -> None:
    repository = plant(defect)
    changed = subprocess.run(
        ["git", "-C", str(repository), "diff", "--stat", "HEAD~1"], check=True, capture_output=True, text=True
    ).stdout
    assert changed.strip()


def test_a_defects_name_says_which_stage_it_is_for(defect: Any, fast: frozenset[str]) -> None:
    assert defect.home in fast
    assert defect.stages == frozenset() or defect.home in defect.stages
    assert defect.stages <= fast
    assert len(defect.why) > len("because")


def test_every_fast_stage_has_a_defect_that_it_alone_sees(all_defects: list[Any], fast: frozenset[str]) -> None:
    alone = {stage for defect in all_defects if len(defect.stages) == 1 for stage in defect.stages}
    assert alone == fast


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_against_anti_patterns_has_a_defect(all_defects: list[Any], rule: str) -> None:
    assert any(defect.name.startswith(f"security-semgrep--{rule}") for defect in all_defects)


def test_the_clean_twin_is_the_application(plant: Callable[[Any], Path]) -> None:
    repository = plant(None)
    assert (repository / "pyproject.toml").is_file()
    assert (repository / "uv.lock").is_file()
    status = ["git", "-C", str(repository), "status", "--porcelain"]
    assert subprocess.run(status, check=True, capture_output=True, text=True).stdout == ""
