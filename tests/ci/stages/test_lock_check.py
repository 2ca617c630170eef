from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet.classify import classify
from gauntlet.project import Lock, Project
from gauntlet.stages.lock_check import has_manifests, judge, planned, without_lock
from gauntlet_verdict import Severity, Status
from gauntlet_verdict.readers import ReportError

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

DATA = Path(__file__).parents[2] / "data" / "locks" / "uv"
SHOP = {name: (DATA / name).read_text() for name in ("pyproject.toml", "uv.lock")}
REPORT: dict[str, Any] = {
    "locks": 1, "packages": 6, "problems": [], "added": [], "compared_with_base": True, "remarks": []
}  # fmt: skip


def judged(project: Project | None = None, *, require: bool = False, **changes: Any) -> Any:
    return judge({"locks": json.dumps(REPORT | changes)}, project or Project(), require=require)


def test_a_departure_blocks_and_says_how_to_mend_it() -> None:
    problem = {"rule": "stale", "path": "pyproject.toml", "line": 4, "message": "m", "hint": "uv lock"}
    (finding,) = judged(problems=[problem]).findings
    assert (finding.blocking, str(finding.location)) == (True, "pyproject.toml:4")
    assert "uv lock" in finding.hint


def test_new_packages_are_shown_and_those_asked_for_stand_out() -> None:
    new = [{"name": name, "versions": ["1"], "direct": name == "a", "lock": "uv.lock"} for name in ("a", "b")]
    findings = judged(added=new).findings
    assert {found.severity for found in findings} == {Severity.LOW, Severity.INFO}
    assert not any(found.blocking for found in findings)


def test_dependencies_without_a_lock_are_shown_or_block_if_asked() -> None:
    files = {"pyproject.toml": '[project]\nname = "shop"\ndependencies = ["six"]\n'}
    project = classify(tuple(files), files)
    assert without_lock(project) == ["pyproject.toml"]
    assert [found.blocking for found in judged(project, locks=0, packages=0).findings] == [False]
    assert [found.blocking for found in judged(project, require=True, locks=0, packages=0).findings] == [True]


def test_nothing_that_asks_for_anything_is_skipped() -> None:
    files = {"pyproject.toml": '[project]\nname = "shop"\n'}
    assert has_manifests(classify(tuple(files), files)) == "nothing declares a dependency"
    assert has_manifests(Project(files=("a.py",), python_files=("a.py",))) == "no manifests"


def test_a_workspaces_members_are_compared_with_its_lock() -> None:
    files = {
        "pyproject.toml": '[project]\nname = "a"\n[tool.uv.workspace]\nmembers = ["m/*"]\n',
        "m/b/pyproject.toml": '[project]\nname = "b"\n', "uv.lock": "",
    }  # fmt: skip
    project = classify(tuple(sorted(files)), files)
    lock = Lock("uv.lock", "uv", "pyproject.toml")
    assert planned(lock, project)["manifests"] == ["pyproject.toml", "m/b/pyproject.toml"]


def test_what_is_no_report_is_an_error_of_its_own() -> None:
    with pytest.raises(ReportError):
        judge({"locks": "{}"}, Project())


@pytest.mark.engine
def test_a_stale_lock_is_red_and_its_clean_twin_green(examine: Examine) -> None:
    changed = SHOP["pyproject.toml"].replace('"iniconfig>=2.0"', '"iniconfig>=2.0", "orjson>=3"')
    red = examine("lock:check", SHOP | {"pyproject.toml": changed})
    assert red.status is Status.FAIL
    assert {found.rule for found in red.findings} == {"lock:stale", "lock:missing"}
    green = examine("lock:check", SHOP)
    assert (green.status, green.looked_at) == (Status.PASS, {"locks": 1, "packages": 6})


@pytest.mark.engine
def test_packages_that_a_change_adds_are_listed(examine: Examine) -> None:
    block = SHOP["uv.lock"].partition('[[package]]\nname = "click"')[2].partition("[[package]]")[0]
    fewer = {
        "pyproject.toml": SHOP["pyproject.toml"],
        "uv.lock": SHOP["uv.lock"].replace(block, block.replace("8.5.1", "8.5.0")),
    }
    assert examine("lock:check", SHOP, base=fewer).findings == ()
    without = SHOP["uv.lock"].replace('[[package]]\nname = "click"' + block, "")
    verdict = examine("lock:check", SHOP, base={**SHOP, "uv.lock": without})
    assert verdict.status is Status.WARN
    assert [found.message for found in verdict.findings] == ["new dependency click 8.5.1: the manifest asks for it"]


@pytest.mark.engine
def test_a_manifest_without_a_lock_is_shown(examine: Examine) -> None:
    verdict = examine("lock:check", {"pyproject.toml": SHOP["pyproject.toml"]})
    assert (verdict.status, verdict.looked_at) == (Status.WARN, {"manifests": 1})
