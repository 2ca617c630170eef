"""test:unit: pytest with the project's locked dependencies. Green is believed only where planted tests fail."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from gauntlet.conclude import conclude, facts, unanswered
from gauntlet.environment import (
    EnvironmentBrokenError,
    EnvironmentUnavailableError,
    install,
    without_environment,
)
from gauntlet.options import StageOptions
from gauntlet.pytest_plan import evidence, judge, keep_evidence, plan_of, read_report, tell, unfinished, without_tests
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import CHECKS, Outcome, Report, run_tool
from gauntlet_verdict import Finding, FixCategory, Severity, Status, Verdict
from gauntlet_verdict.readers import ReportError

if TYPE_CHECKING:
    from gauntlet.conclude import Judgement
    from gauntlet.environment import Environment
    from gauntlet.project import Project

PLAN, REPORT = "/gauntlet/tests-plan.json", "/outcome/tests.json"
PIDS = 1024
MEMORY = 4 << 30
# Two workers import the project and its conftest files once each, a second or two of processor time. Below this many
# written tests that is more than they save, the more so as other stages want the processors too.
WORKERS, WORTH_WORKERS = 2, 200
GRACE_S = 15.0  # the check must end, and say what was running, before the wrapper's own limit


class UnitOptions(StageOptions):
    """Options of test:unit."""

    workers: int | None = Field(default=None, ge=0, le=64)
    """Processes that share the tests (pytest-xdist); 0 or 1: one after the other. Left out: 2 from 200 tests on."""
    min_coverage: float = Field(default=0.0, ge=0, le=100)
    """Line coverage in percent below which the stage is red."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables for the tests."""


def has_tests(project: Project) -> str | None:
    """The reason to skip where there is nothing to run."""
    if project.unit_tests or project.tests_of("other"):
        return None
    return "no tests beside integration tests" if project.integration_tests else "no tests"


@stage(
    id="test:unit",
    tier=Tier.FAST,
    summary="pytest with the project's own locked dependencies, with coverage; planted tests must fail",
    tools=("uv", "pytest"),
    cache="session",
    controls=("ISO27001:A.8.29",),
    applies=has_tests,
    timeout_s=600,
    options=UnitOptions,
)
async def test_unit(context: StageContext) -> Verdict:
    """Run every test that needs no services."""
    options = context.settings.read(UnitOptions)
    try:
        environment = await install(context)
    except (EnvironmentBrokenError, EnvironmentUnavailableError) as error:
        return without_environment(context, error, owner=False)
    timeout_s = context.settings.timeout_s
    plan = plan_of(
        context.project, integration=False, timeout_s=timeout_s - min(GRACE_S, timeout_s / 4),
        workers=WORKERS if options.workers is None else options.workers,
        worth_workers=WORTH_WORKERS if options.workers is None else 0, env=options.env,
    )  # fmt: skip
    container = context.packs.mount(environment.mounted(context.image, context.source), "pytest")
    outcome = await run_tool(
        container.with_new_file(PLAN, json.dumps(plan)),
        ["python3", "-m", "gauntlet_checks.testrun", "--plan", PLAN, "--out", REPORT],
        timeout_s=timeout_s,
        cache=context.stage.cache,
        ok=(0, 1),
        reports={"tests": Report(REPORT, "json"), **evidence()},
        env={"PYTHONPATH": CHECKS},
        memory_bytes=context.settings.memory or MEMORY,
        pids=PIDS,
    )
    return verdict_of(context, outcome, environment, options.min_coverage)


def verdict_of(context: StageContext, outcome: Outcome, environment: Environment, min_coverage: float = 0.0) -> Verdict:
    """From the run's outcome to the verdict."""
    if not outcome.complete:
        return unanswered(context, outcome)
    tell(context, outcome)
    keep_evidence(context, outcome)
    try:
        report = read_report(outcome.reports["tests"])
    except ReportError as error:
        return Verdict(stage=context.stage.id, status=Status.INCONCLUSIVE, reason=str(error), **facts(context, outcome))
    if report["state"] == "timeout":
        hanging = unfinished(report, "was still running")
        verdict = Verdict(
            stage=context.stage.id, status=Status.TIMEOUT, reason=report["why"], findings=hanging,
            looked_at={"tests": report["counts"].get("collected", 0)}, **facts(context, outcome),
        )  # fmt: skip
    else:
        verdict = without_tests(context.stage.id, report) or conclude(
            context, outcome, lambda _: _with_coverage(judge(report), report["coverage"], min_coverage)
        )
    return verdict.model_copy(update={"inputs": {**verdict.inputs, **environment.inputs}})


def _with_coverage(judgement: Judgement, coverage: dict[str, float] | None, least: float) -> Judgement:
    if not least:
        return judgement
    if coverage is None:
        return replace(judgement, doubt=judgement.doubt or "coverage was not measured, and a minimum is asked for")
    percent = coverage["line_rate"] * 100
    if percent >= least:
        return judgement
    short = Finding(
        rule="test:coverage", severity=Severity.MEDIUM, fix=FixCategory.TEST,
        message=f"{percent:.1f} % of the lines are covered, at least {least:g} % are asked for",
    )  # fmt: skip
    return replace(judgement, findings=(*judgement.findings, short))
