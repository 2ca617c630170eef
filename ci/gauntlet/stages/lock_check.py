"""lock:check: every lock says what its manifest asks for; packages that the change adds are listed for review."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gauntlet.conclude import Judgement, conclude
from gauntlet.options import StageOptions
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import CHECKS, Report, run_tool
from gauntlet_verdict import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers import ReportError, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagger

    from gauntlet.project import Lock, Project
    from gauntlet_verdict import Verdict

PLAN, REPORT = "/gauntlet/lock-plan.json", "/outcome/locks.json"
PYTHON = "/opt/packaging/bin/python3"
LISTED = 200


class LockOptions(StageOptions):
    """Options of lock:check."""

    require: bool = False
    """A manifest with dependencies and without a lock blocks, instead of being shown."""


def has_manifests(project: Project) -> str | None:
    """The reason to skip where nothing declares a dependency."""
    if project.locks or without_lock(project):
        return None
    return "nothing declares a dependency" if project.manifests else "no manifests"


@stage(
    id="lock:check",
    tier=Tier.FAST,
    summary="lock files match their manifests; packages that the change adds are listed for review",
    tools=("packaging",),
    controls=("ISO27001:A.8.28",),
    applies=has_manifests,
    timeout_s=120,
    options=LockOptions,
)
async def lock_check(context: StageContext) -> Verdict:
    """Compare the files; nothing is resolved or downloaded."""
    project, options = context.project, context.settings.read(LockOptions)
    plan: dict[str, Any] = {
        "root": "/src",
        "locks": [planned(lock, project) for lock in project.locks],
        "unlocked": without_lock(project),
    }
    container = context.packs.mount(context.image, "packaging").with_mounted_directory(
        "/src", dependency_files(context.source)
    )
    if context.base is not None:
        plan["base"] = "/base"
        container = container.with_mounted_directory("/base", dependency_files(context.base))
    outcome = await run_tool(
        container.with_new_file(PLAN, json.dumps(plan)),
        [PYTHON, "-m", "gauntlet_checks.lockcheck", "--plan", PLAN, "--out", REPORT],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        ok=(0, 1),
        reports={"locks": Report(REPORT, "json")},
        env={"PYTHONPATH": CHECKS},
    )
    return conclude(context, outcome, lambda reports: judge(reports, project, require=options.require))


def dependency_files(tree: dagger.Directory) -> dagger.Directory:
    """Manifests, locks and requirement files: an edit elsewhere compares nothing anew."""
    return tree.filter(
        include=[
            "**/pyproject.toml",
            "**/package.json",
            "**/*.lock",
            "**/*-lock.*",
            "**/pylock*.toml",
            "**/*.txt",
            "**/*.in",
        ]
    )


def planned(lock: Lock, project: Project) -> dict[str, Any]:
    """One lock with its manifests, workspace members behind the root."""
    manifests = [lock.manifest] if lock.manifest else []
    for manifest in project.manifests:
        if manifest.path == lock.manifest:
            manifests += [member for member in manifest.members if member not in manifests]
    return {"path": lock.path, "kind": lock.kind, "manifests": manifests}


def without_lock(project: Project) -> list[str]:
    """Manifests that ask for something and have no lock beside them."""
    locked = {lock.manifest for lock in project.locks} | {lock.path for lock in project.locks}
    root_locked = any(lock.kind not in {"npm", "pnpm", "yarn"} for lock in project.locks)
    found = [
        manifest.path
        for manifest in project.manifests
        if manifest.path not in locked and not root_locked and manifest.kind != "package.json" and project.dependencies
    ]
    javascript = [f"{package.root}/package.json".removeprefix("./").removeprefix("/") for package in project.typescript]
    return found + [path for path in javascript if path not in locked]


def judge(reports: Mapping[str, str], project: Project, *, require: bool = False) -> Judgement:
    """Departures block; packages that are new, and manifests without a lock, are shown.

    Raises:
        ReportError: the check's report is not of its own shape.
    """
    bare = without_lock(project)
    try:
        report = json.loads(reports["locks"])
        findings = [_departure(problem) for problem in report["problems"]]
        findings += [_new(package) for package in report["added"][:LISTED]]
        looked_at = {"locks": report["locks"], "packages": report["packages"], "manifests": len(bare)}
        remarks: list[str] = list(report["remarks"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError("gauntlet_checks.lockcheck", "report", repr(error)) from error
    findings += [_unlocked(path, blocking=require) for path in bare]
    if bare:
        remarks.append(f"no lock for {', '.join(bare)}")
    return Judgement(
        looked_at={name: n for name, n in looked_at.items() if n},
        findings=numbered(findings),
        remark="; ".join(remarks),
    )


def _departure(problem: Mapping[str, Any]) -> Finding:
    return Finding(
        rule=f"lock:{problem['rule']}",
        severity=Severity.HIGH,
        message=problem["message"],
        location=Location(path=problem["path"], line=problem["line"]),
        fix=FixCategory.DEPENDENCY,
        hint=f"run `{problem['hint']}` and commit the lock with its manifest" if problem["hint"] else None,
    )


def _new(package: Mapping[str, Any]) -> Finding:
    asked = "the manifest asks for it" if package["direct"] else "another package needs it"
    return Finding(
        rule="lock:new-dependency",
        severity=Severity.LOW if package["direct"] else Severity.INFO,
        message=f"new dependency {' '.join([package['name'], ', '.join(package['versions'])]).strip()}: {asked}",
        location=Location(path=package["lock"]),
        fix=FixCategory.DEPENDENCY,
        hint="for review: is it the package that is meant, and is it needed?",
        blocking=False,
    )


def _unlocked(path: str, *, blocking: bool) -> Finding:
    return Finding(
        rule="lock:none",
        severity=Severity.LOW,
        message="dependencies are asked for and no lock pins them: every install may get others",
        location=Location(path=path),
        fix=FixCategory.DEPENDENCY,
        blocking=blocking,
    )
