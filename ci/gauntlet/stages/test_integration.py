"""test:integration: tests against a real PostgreSQL and Redis; migrations both ways; whatever tests leave is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gauntlet.conclude import Judgement, conclude, facts, unanswered
from gauntlet.environment import (
    EnvironmentBrokenError,
    EnvironmentUnavailableError,
    install,
    without_environment,
)
from gauntlet.options import StageOptions
from gauntlet.pytest_plan import (
    evidence,
    judge,
    keep_evidence,
    plan_of,
    read_report,
    tell,
    unfinished,
    without_tests,
)
from gauntlet.services import addresses, bound, prepare
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import CHECKS, Outcome, Report, run_tool
from gauntlet_verdict import Finding, FixCategory, Location, Severity, Status, Verdict
from gauntlet_verdict.readers import ReportError, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet.environment import Environment
    from gauntlet.project import Migrations, Project, ServiceName

PLAN, REPORT = "/gauntlet/integration-plan.json", "/outcome/integration.json"
PIDS = 2048
MEMORY = 4 << 30
GRACE_S = 30.0


class IntegrationOptions(StageOptions):
    """Options of test:integration."""

    workers: int = Field(default=0, ge=0, le=64)
    """Most processes that share the tests; one after the other where they share a database."""
    services: tuple[str, ...] | None = None
    """`postgres`, `redis`: what to start; found by the project's dependencies where left out."""
    env: dict[str, str] = Field(default_factory=dict)
    """Further environment variables; `{DATABASE_URL}` and the like stand for the services' own."""
    migrate_up: tuple[str, ...] = ()
    """Command that migrates the database up, e.g. [python, -m, orders.migrate, up]; found where left out."""
    migrate_down: tuple[str, ...] = ()
    """Command that takes all migrations back."""
    leftovers: bool = True
    """Rows, keys and files that tests leave block; false only shows them."""


def has_integration_tests(project: Project) -> str | None:
    """The reason to skip where there is nothing to integrate."""
    if project.integration_tests or project.integration_marker:
        return None
    return "no integration tests (a folder or a registered marker named integration)"


async def prepare_services(context: StageContext) -> None:
    """The servers, of an image that no other stage asks for: the longest wait of a first run."""
    options = context.settings.read(IntegrationOptions)
    await prepare(context.services_image, _services(context.project, options))


@stage(
    id="test:integration",
    tier=Tier.FAST,
    summary="tests against real PostgreSQL 15 and Redis 7; migrations up, down, up; leftover rows, keys and files",
    tools=("uv", "pytest"),
    cache="session",
    controls=("ISO27001:A.8.29",),
    applies=has_integration_tests,
    timeout_s=600,
    prepare=prepare_services,
    options=IntegrationOptions,
)
async def test_integration(context: StageContext) -> Verdict:
    """Start the services, migrate, test, look what is left: all in one exec, which is as long as services live."""
    options = context.settings.read(IntegrationOptions)
    try:
        environment = await install(context)
    except (EnvironmentBrokenError, EnvironmentUnavailableError) as error:
        return without_environment(context, error, owner=False)
    services = _services(context.project, options)
    container = context.packs.mount(environment.mounted(context.image, context.source), "pytest")
    plan = integration_plan(context.project, options, services, context.settings.timeout_s)
    outcome = await run_tool(
        bound(container, context.services_image, services).with_new_file(PLAN, json.dumps(plan)),
        ["python3", "-m", "gauntlet_checks.integration", "--plan", PLAN, "--out", REPORT],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        ok=(0, 1),
        reports={"integration": Report(REPORT, "json"), **evidence()},
        env={"PYTHONPATH": CHECKS},
        memory_bytes=context.settings.memory or MEMORY,
        pids=PIDS,
    )
    return verdict_of(context, outcome, environment, options)


def integration_plan(
    project: Project, options: IntegrationOptions, services: tuple[ServiceName, ...], timeout_s: float
) -> dict[str, Any]:
    """What the check does, in its own words."""
    own = addresses(services)
    env = own | {name: _filled(value, own) for name, value in options.env.items()}
    limit = timeout_s - min(GRACE_S, timeout_s / 4)
    return {
        "tests": plan_of(project, integration=True, timeout_s=limit, workers=options.workers, env=env),
        "database": own.get("DATABASE_URL"),
        "cache": own.get("REDIS_URL"),
        "migrations": migrations_of(project, options) if "postgres" in services else [],
    }


def migrations_of(project: Project, options: IntegrationOptions) -> list[dict[str, Any]]:
    """How to migrate: as configured; by alembic; by a module `migrate` beside the SQL files; else file by file."""
    if options.migrate_up:
        return [{"path": "gauntlet.yaml", "up": list(options.migrate_up), "down": list(options.migrate_down)}]
    return [_migrations(project, found) for found in project.migrations]


def verdict_of(
    context: StageContext, outcome: Outcome, environment: Environment, options: IntegrationOptions
) -> Verdict:
    """From the run's outcome to the verdict."""
    if not outcome.complete:
        return unanswered(context, outcome)
    tell(context, outcome)
    keep_evidence(context, outcome)
    known = facts(context, outcome)
    try:
        report = json.loads(outcome.reports["integration"])
        if report["unavailable"]:
            return Verdict(stage=context.stage.id, status=Status.ERROR, reason=report["unavailable"], **known)
        tests = read_report(json.dumps(report["tests"]))
        extra = (*_faults(report["faults"]), *_leftovers(report, blocking=options.leftovers))
        if tests["state"] == "timeout":
            verdict = Verdict(
                stage=context.stage.id, status=Status.TIMEOUT, reason=tests["why"],
                findings=numbered([*unfinished(tests, "was still running"), *extra]),
                looked_at={"tests": tests["counts"].get("collected", 0)}, **known,
            )  # fmt: skip
        else:
            verdict = _concluded(context, outcome, tests, extra, int(report["migrated"]))
        tools = {**verdict.tools, **report["versions"]}
    except (ReportError, ValueError, KeyError, TypeError) as error:
        return Verdict(
            stage=context.stage.id, status=Status.INCONCLUSIVE, reason=f"its report cannot be read: {error!r}", **known
        )
    return verdict.model_copy(update={"inputs": {**verdict.inputs, **environment.inputs}, "tools": tools})


def _concluded(
    context: StageContext, outcome: Outcome, tests: Mapping[str, Any], extra: tuple[Finding, ...], migrated: int
) -> Verdict:
    nothing = without_tests(context.stage.id, tests)
    if nothing is not None and not extra:
        return nothing

    def both(_: Mapping[str, str]) -> Judgement:
        judged = judge(tests)
        findings = numbered([*judged.findings, *extra])
        # Tests that may have failed because of the migrations are no reason to doubt the migrations.
        looked_at = {**judged.looked_at, **({"migrations": migrated} if migrated else {})}
        return replace(judged, looked_at=looked_at, findings=findings)

    return conclude(context, outcome, both)


def _services(project: Project, options: IntegrationOptions) -> tuple[ServiceName, ...]:
    if options.services is None:
        return project.services
    known: tuple[ServiceName, ...] = ("postgres", "redis")
    return tuple(name for name in known if name in options.services)


def _migrations(project: Project, found: Migrations) -> dict[str, Any]:
    if found.kind == "alembic":
        command = ["python", "-m", "alembic", "-c", found.path]
        return {"path": found.path, "up": [*command, "upgrade", "head"], "down": [*command, "downgrade", "base"]}
    module = migrate_module(project, found.path)
    if module:
        return {"path": found.path, "up": ["python", "-m", module, "up"], "down": ["python", "-m", module, "down"]}
    return {"path": found.path, "ups": list(found.ups), "downs": list(found.downs)}


def migrate_module(project: Project, folder: str) -> str | None:
    """The project's own migration command: a module `migrate` in the package that holds the SQL files' folder."""
    package = PurePosixPath(folder).parent
    wanted = {(package / "migrate.py").as_posix(), (package / "migrate" / "__main__.py").as_posix()}
    return next((name for name, path in project.module_files.items() if path in wanted), None)


def _faults(faults: list[dict[str, str]]) -> list[Finding]:
    return [
        Finding(
            rule=f"migration:{fault['rule']}",
            severity=Severity.HIGH,
            message=fault["message"],
            location=Location(path=fault["path"]),
        )
        for fault in faults
    ]


def _leftovers(report: Mapping[str, Any], *, blocking: bool) -> list[Finding]:
    found = [
        Finding(
            rule=f"leftover:{leftover['kind']}",
            severity=Severity.MEDIUM,
            message=f"the tests leave something behind: {leftover['name'].removeprefix('/src/')} {leftover['what']}",
            location=Location(path=leftover["name"].removeprefix("/src/"))
            if leftover["name"].startswith("/src/")
            else None,
            fix=FixCategory.TEST,
            hint="take it away in the fixture that made it",
            blocking=blocking,
        )
        for leftover in report["leftovers"]
    ]
    more = report["leftover_count"] - len(found)
    if more > 0:
        found.append(
            Finding(
                rule="leftover:more", severity=Severity.MEDIUM, message=f"the tests leave {more} more things behind",
                fix=FixCategory.TEST, blocking=blocking,
            )
        )  # fmt: skip
    return found


def _filled(value: str, own: Mapping[str, str]) -> str:
    for name, address in own.items():
        value = value.replace(f"{{{name}}}", address)
    return value
