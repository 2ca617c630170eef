"""The GitLab template, run by gitlab-ci-local."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml

from gauntlet.cli.scaffold import write_pipeline

if TYPE_CHECKING:
    import subprocess

    from gauntlet_engine.state import StateDirs

TEMPLATE = Path(__file__).parents[2] / "ci" / "gauntlet" / "templates" / "gitlab.yml"
PUSH = ("CI_PIPELINE_SOURCE=push", "CI_COMMIT_BRANCH=feature", "CI_DEFAULT_BRANCH=main")
MAIN = ("CI_PIPELINE_SOURCE=push", "CI_COMMIT_BRANCH=main", "CI_DEFAULT_BRANCH=main")
MERGE_REQUEST = (
    "CI_PIPELINE_SOURCE=merge_request_event",
    "CI_DEFAULT_BRANCH=main",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA=main",
)
TAG = ("CI_PIPELINE_SOURCE=push", "CI_COMMIT_BRANCH=", "CI_COMMIT_TAG=v1", "CI_DEFAULT_BRANCH=main")


class GitLab(Protocol):
    def jobs(self, repository: Path, *variables: str) -> set[str]: ...

    def run(self, repository: Path, job: str, *variables: str) -> subprocess.CompletedProcess[str]: ...


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (PUSH, {"gauntlet:fast"}),
        (MAIN, {"gauntlet:standard"}),
        (MERGE_REQUEST, {"gauntlet:standard"}),
        (("CI_PIPELINE_SOURCE=schedule", "CI_DEFAULT_BRANCH=main"), {"gauntlet:full"}),
        (("CI_PIPELINE_SOURCE=web", "CI_DEFAULT_BRANCH=main"), {"gauntlet:full"}),
        (TAG, set[str]()),
    ],
    ids=["push", "main", "merge request", "schedule", "web", "tag"],
)
def test_each_kind_of_pipeline_has_its_tier(
    gitlab: GitLab, repository: Path, variables: tuple[str, ...], expected: set[str]
) -> None:
    assert gitlab.jobs(repository, *variables) == expected


def test_artifacts_are_always_kept_in_formats_that_gitlab_shows() -> None:
    artifacts: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text())[".gauntlet"]["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["reports"] == {
        "junit": ".gauntlet/junit.xml",
        "codequality": ".gauntlet/gl-code-quality.json",
        "coverage_report": {"coverage_format": "cobertura", "path": ".gauntlet/evidence/test-unit/coverage.xml"},
    }


def test_init_writes_a_pipeline_with_the_same_jobs(gitlab: GitLab, repository: Path) -> None:
    (repository / ".gitlab-ci.yml").unlink()
    write_pipeline(repository, "gitlab")
    written, ours = yaml.safe_load((repository / ".gitlab-ci.yml").read_text()), yaml.safe_load(TEMPLATE.read_text())
    assert {name: written[name] for name in ours} == ours
    assert written["variables"] == {"GAUNTLET_COMMAND": "gauntlet"}
    assert gitlab.jobs(repository, *PUSH) == {"gauntlet:fast"}


@pytest.mark.engine
@pytest.mark.slow
def test_a_push_runs_fast_and_leaves_its_reports(gitlab: GitLab, repository: Path, engine_state: StateDirs) -> None:
    ran = gitlab.run(repository, "gauntlet:fast", *PUSH, "GAUNTLET_COMMAND=gauntlet")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert _verdicts(repository)["test:unit"] == "PASS"
    assert (repository / ".gauntlet" / "junit.xml").is_file()
    _covers(repository, "src/shop/__init__.py")
    assert json.loads((repository / ".gauntlet" / "gl-code-quality.json").read_text()) == []


@pytest.mark.engine
@pytest.mark.slow
def test_a_defect_makes_the_job_red_and_the_reports_say_where(
    gitlab: GitLab, repository: Path, engine_state: StateDirs
) -> None:
    (repository / "src" / "shop" / "__init__.py").write_text('"""A shop."""\n\nTOTAL = summ([1, 2])\n')
    ran = gitlab.run(repository, "gauntlet:fast", *PUSH, "GAUNTLET_COMMAND=gauntlet")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert _verdicts(repository)["lint:python"] == "FAIL"
    shown = json.loads((repository / ".gauntlet" / "gl-code-quality.json").read_text())
    assert "src/shop/__init__.py" in {entry["location"]["path"] for entry in shown}


@pytest.mark.engine
@pytest.mark.slow
def test_the_same_job_runs_as_dagger_functions_with_history_and_base(
    gitlab: GitLab, repository: Path, engine_state: StateDirs
) -> None:
    manifest = repository / "pyproject.toml"
    manifest.write_text(manifest.read_text() + 'dependencies = ["six==1.17.0"]\n')
    module = Path(__file__).parents[2]
    given = ("GAUNTLET_COMMAND=dagger", f"GAUNTLET_MODULE={module}", "GAUNTLET_BASE=main", "GAUNTLET_SOURCE=.")
    ran = gitlab.run(repository, "gauntlet:fast", *PUSH, *given)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (repository / ".gauntlet" / "exit-code").read_text().strip() == "0"
    assert _verdicts(repository)["test:unit"] == "PASS"
    _covers(repository, "src/shop/__init__.py")
    lock = next(verdict for verdict in _report(repository)["verdicts"] if verdict["stage"] == "lock:check")
    assert any("six" in finding["message"] for finding in lock["findings"]), "the base says what is new"


def _report(repository: Path) -> dict[str, Any]:
    return json.loads((repository / ".gauntlet" / "run.json").read_text())


def _verdicts(repository: Path) -> dict[str, str]:
    return {verdict["stage"]: verdict["status"] for verdict in _report(repository)["verdicts"]}


def _covers(repository: Path, path: str) -> None:
    """GitLab's coverage report is there and names files as the repository does."""
    reports: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text())[".gauntlet"]["artifacts"]["reports"]
    assert f'filename="{path}"' in (repository / reports["coverage_report"]["path"]).read_text()
