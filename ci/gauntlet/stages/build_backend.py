"""build:backend: every module of the project imports, in the project's own environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gauntlet.conclude import Judgement, conclude
from gauntlet.environment import (
    EnvironmentBrokenError,
    EnvironmentUnavailableError,
    install,
    without_environment,
)
from gauntlet.options import StageOptions
from gauntlet.recipe import ENV, PYTHON, pyprojects
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import CHECKS, Report, run_tool
from gauntlet_verdict import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers import ReportError, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet.project import Project
    from gauntlet_verdict import Verdict

PLAN, REPORT = "/gauntlet/imports-plan.json", "/outcome/imports.json"
PIDS = 1024
MEMORY = 4 << 30


class ImportOptions(StageOptions):
    """Options of build:backend."""

    module_timeout: float = 30.0
    """Seconds that one module may take to import."""
    exclude: tuple[str, ...] = ()
    """Modules (dotted, with all below them) that can't be imported on purpose."""


def has_modules(project: Project) -> str | None:
    """The reason to skip where there is nothing to import."""
    return None if project.modules else "no Python modules beside tests and scripts"


@stage(
    id="build:backend",
    tier=Tier.FAST,
    summary="every module of the project imports, in the project's own locked environment",
    tools=("uv",),
    cache="session",
    controls=("ISO27001:A.8.29",),
    applies=has_modules,
    timeout_s=300,
    options=ImportOptions,
)
async def build_backend(context: StageContext) -> Verdict:
    """Install the locked dependencies, then import each module from a clean table."""
    options = context.settings.read(ImportOptions)
    modules = modules_to_import(context.project, options.exclude)
    try:
        environment = await install(context)
    except (EnvironmentBrokenError, EnvironmentUnavailableError) as error:
        return without_environment(context, error, owner=True)
    plan = {
        "python": PYTHON, "root": "/src", "roots": list(context.project.source_roots) or ["."], "modules": modules,
        "timeout_s": options.module_timeout, "environment": ENV, "manifests": pyprojects(context.project),
    }  # fmt: skip
    # What a module needs beside Python files (templates, migrations) lies in its package.
    container = environment.mounted(context.image, source_of(context))
    outcome = await run_tool(
        container.with_new_file(PLAN, json.dumps(plan)),
        ["python3", "-m", "gauntlet_checks.imports", "--plan", PLAN, "--out", REPORT],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        ok=(0, 1),
        reports={"imports": Report(REPORT, "json")},
        env={"PYTHONPATH": CHECKS},
        memory_bytes=context.settings.memory or MEMORY,
        pids=PIDS,
    )
    verdict = conclude(context, outcome, lambda reports: judge(reports, context.project))
    return verdict.model_copy(update={"inputs": {**verdict.inputs, **environment.inputs}})


def modules_to_import(project: Project, exclude: tuple[str, ...] = ()) -> dict[str, str]:
    """The modules with their files, without those that are excluded or below one that is."""
    return {
        name: project.module_files[name]
        for name in project.modules
        if not any(name == part or name.startswith(f"{part}.") for part in exclude)
    }


def source_of(context: StageContext) -> Any:
    """The tree without its tests: a changed test imports no module anew."""
    tests = [f"{root.strip('/')}/**" for root in context.project.test_roots if _is_apart(root, context.project)]
    return context.source.filter(exclude=[*tests, "**/*.md"]) if tests else context.source


def _is_apart(root: str, project: Project) -> bool:
    """Whether a folder of tests holds none of the project's modules."""
    folder = root.strip("/")
    inside = [path for path in project.module_files.values() if path.startswith(f"{folder}/")]
    return folder not in {"", "."} and not inside


def judge(reports: Mapping[str, str], project: Project) -> Judgement:
    """A finding for each module that does not import; one that only an absent extra keeps from it does not block.

    Raises:
        ReportError: the check's report is not of its own shape.
    """
    try:
        report = json.loads(reports["imports"])
        findings = [_finding(failure, project) for failure in report["failures"]]
        doubt = "" if report["canary_failed"] else "a planted module that cannot be imported was said to import"
        return Judgement(looked_at={"modules": report["modules"]}, findings=numbered(findings), doubt=doubt)
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError("gauntlet_checks.imports", "report", str(error)) from error


def _finding(failure: Mapping[str, Any], project: Project) -> Finding:
    missing = (failure["missing"] or "").partition(".")[0]
    optional = bool(missing) and missing.replace("_", "-").lower() in project.dependencies and bool(project.extras)
    message = f"{failure['module']} does not import: {failure['type']}: {failure['message']}".strip().rstrip(":")
    return Finding(
        rule=f"import:{failure['type']}",
        severity=Severity.LOW if optional else Severity.HIGH,
        message=message,
        location=Location(path=failure["path"], line=failure["line"]),
        fix=FixCategory.DEPENDENCY if missing else FixCategory.EDIT,
        hint=f"{missing} belongs to an extra; import it where it is used" if optional else None,
        blocking=not optional,
    )
