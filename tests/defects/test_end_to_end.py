"""Every planted defect through `gauntlet fast`, as a user runs it: exactly the stages that it names turn red."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

GAUNTLET = Path(sys.executable).with_name("gauntlet")


# Two thirds of a run's time. `make test` skips them where a defect is not theirs, but for one defect a stage;
# `make defects` runs everything for every defect.
EXPENSIVE = frozenset({"security:semgrep", "test:unit", "test:integration"})


def skipped(defect: Any, all_defects: list[Any]) -> frozenset[str]:
    first = next(other for other in all_defects if other.home == defect.home)
    if defect == first or os.environ.get("GAUNTLET_ALL_DEFECTS"):
        return frozenset()
    return EXPENSIVE - defect.stages - {defect.home}


def fast(source: Path, reports: Path, skip: frozenset[str] = frozenset()) -> dict[str, Any]:
    """run.json of a FAST run whose change is the last commit."""
    command = [GAUNTLET, "fast", "--source", source, "--report-dir", reports, "--format", "plain", "--base", "HEAD~1"]
    if subprocess.run(["git", "-C", source, "rev-parse", "HEAD~1"], capture_output=True, check=False).returncode:
        command = command[:-2]
    for stage in sorted(skip):
        command += ["--skip", stage]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    report = reports / "run.json"
    assert report.exists(), finished.stdout + finished.stderr
    return json.loads(report.read_text())


def red(run: dict[str, Any]) -> set[str]:
    return {verdict["stage"] for verdict in run["verdicts"] if verdict["status"] not in {"PASS", "WARN", "SKIP"}}


def explained(run: dict[str, Any]) -> str:
    return "\n".join(
        f"{verdict['stage']} {verdict['status']} {verdict['reason']} "
        + "; ".join(f"{f['rule']}: {f['message']}" for f in verdict["findings"][:3])
        for verdict in run["verdicts"]
    )


def test_exactly_the_stages_that_a_defect_names_turn_red(
    defect: Any, all_defects: list[Any], plant: Callable[[Any], Path], tmp_path: Path
) -> None:
    run = fast(plant(defect), tmp_path / "reports", skipped(defect, all_defects))
    assert red(run) == defect.stages, explained(run)


def test_the_clean_twin_is_green_and_every_pass_looked_at_something(
    plant: Callable[[Any], Path], tmp_path: Path
) -> None:
    run = fast(plant(None), tmp_path / "reports")
    assert not red(run), explained(run)
    passed = [verdict for verdict in run["verdicts"] if verdict["status"] == "PASS"]
    assert len(passed) >= 8
    assert all(sum(verdict["looked_at"].values()) > 0 for verdict in passed)
