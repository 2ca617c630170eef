"""tdd:oracle-check: specification tests know nothing of the implementation that they judge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gauntlet.conclude import Judgement, conclude
from gauntlet.options import StageOptions
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import CHECKS, Report, run_tool
from gauntlet_verdict import Finding, Location, Severity
from gauntlet_verdict.readers import ReportError, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet.project import Project
    from gauntlet_verdict import Verdict

PLAN, REPORT = "/gauntlet/oracle-plan.json", "/outcome/oracle.json"
HINT = "take the expectation from the specification, or test it as a unit test"


class OracleOptions(StageOptions):
    """Options of tdd:oracle-check."""

    markers: tuple[str, ...] = ()
    """Further pytest markers that make a test a specification test, beside `spec` and `specification`."""
    black_box: tuple[str, ...] = ()
    """Further names of clients through which a fixture may show the application from outside."""


def has_tests(project: Project) -> str | None:
    """The reason to skip where no test can be a specification test."""
    return None if project.tests else "no tests"


@stage(
    id="tdd:oracle-check",
    tier=Tier.FAST,
    summary="specification tests import no implementation: not directly, by a helper, by name, or from a conftest",
    controls=("ISO27001:A.8.29",),
    applies=has_tests,
    timeout_s=120,
    options=OracleOptions,
)
async def tdd_oracle_check(context: StageContext) -> Verdict:
    """Read the tests and all that they import; run nothing."""
    container = (
        context.image.with_mounted_directory("/src", context.source.filter(include=["**/*.py"]))
        .with_new_file(PLAN, json.dumps(plan_of(context.project, context.settings.read(OracleOptions))))
    )  # fmt: skip
    outcome = await run_tool(
        container,
        ["python3", "-m", "gauntlet_checks.oracle", "--plan", PLAN, "--out", REPORT],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        ok=(0, 1),
        reports={"oracle": Report(REPORT, "json")},
        env={"PYTHONPATH": CHECKS},
    )
    return conclude(context, outcome, judge)


def plan_of(project: Project, options: OracleOptions) -> dict[str, Any]:
    """What the check reads."""
    own = (project.specification_marker,) if project.specification_marker else ()
    return {
        "root": "/src",
        "tests": [test.path for test in project.tests],
        "specifications": list(project.specification_tests),
        "implementation": list(project.import_names),
        "implementation_files": list(project.module_files.values()),
        # pytest's `pythonpath` most often names the folder of the tests or the sources.
        "search": [root.rstrip("/") for root in (*project.test_roots, *project.source_roots) if root.rstrip("/")],
        "markers": [*own, *options.markers],
        "black_box": list(options.black_box),
    }


def judge(reports: Mapping[str, str]) -> Judgement:
    """One finding for each way from a specification test to the implementation.

    Raises:
        ReportError: the check's report is not of its own shape.
    """
    try:
        report = json.loads(reports["oracle"])
        findings = [_finding(violation) for violation in report["violations"]]
        files = report["specifications"]
        looked_at = {"tests": sum(file["tests"] for file in files), "files": max(report["files_read"], len(files))}
        skip = "" if files else "no specification tests (by marker, folder or file name)"
        return Judgement(looked_at=looked_at if files else {}, findings=numbered(findings), skip=skip)
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError("gauntlet_checks.oracle", "report", repr(error)) from error


def _finding(violation: Mapping[str, Any]) -> Finding:
    return Finding(
        rule=f"oracle:{violation['rule']}",
        severity=Severity.HIGH,
        message=violation["message"],
        location=Location(path=violation["path"], line=violation["line"]),
        hint="\n".join([*violation["chain"], HINT]),
    )
