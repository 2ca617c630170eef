"""security:dependency-scan: known vulnerabilities in what the locks pin. No answer or stale data is never a PASS."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gauntlet.conclude import Judgement, conclude, listed, unanswered
from gauntlet.options import StageOptions
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import CHECKS, Report, run_tool
from gauntlet.tools import UV
from gauntlet_verdict import Finding, FixCategory, Severity, Status, Verdict
from gauntlet_verdict.readers import pip_audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagger

    from gauntlet.config import AdvisorySettings
    from gauntlet.project import Project
    from gauntlet.toolrun import Outcome
    from gauntlet_verdict.readers import Report as ToolReport

LOCK_KINDS = frozenset({"uv", "poetry", "pdm", "pylock", "pip"})
PUBLIC_OSV = "https://api.osv.dev/v1/query"
NO_ANSWER = 75
CLOCK_SKEW = timedelta(days=1)
RESOLVABLE = frozenset({"pyproject", "setup.cfg", "setup.py"})
RESOLVED = "/work/resolved.txt"
AUDIT = (
    "/opt/pip-audit/bin/python", "-P", "-s", "-m", "gauntlet_checks.audit", "--facts", "/outcome/facts.json",
    "--report", "/outcome/audit.json", "--pip-audit", "/opt/pip-audit/bin/pip-audit",
)  # fmt: skip


class DependencyOptions(StageOptions):
    """Options of security:dependency-scan."""

    ignore: tuple[str, ...] = ()
    """Ids of advisories (PYSEC, GHSA, CVE) that are known and accepted; they are shown and do not block."""


@dataclass(frozen=True, slots=True)
class Rules:
    """By what the answer is judged: how old the data may be, what a missing answer means, which ids are accepted."""

    now: datetime
    max_age: timedelta = timedelta(days=7)
    only_warns: bool = False
    ignore: frozenset[str] = frozenset()
    manifest: str | None = None


def has_dependencies(project: Project) -> str | None:
    """The reason to skip where the project depends on no Python package."""
    if project.dependencies or python_locks(project):
        return None
    return "no Python dependencies are declared"


def python_locks(project: Project) -> tuple[tuple[str, str], ...]:
    """Kind and path of each lock file of Python packages."""
    return tuple((lock.kind, lock.path) for lock in project.locks if lock.kind in LOCK_KINDS)


@stage(
    id="security:dependency-scan",
    tier=Tier.FAST,
    summary="pip-audit: known vulnerabilities in the locked dependencies",
    tools=("pip-audit", "uv"),
    cache="session",
    controls=("ISO27001:A.8.8", "ISO27001:A.5.21"),
    applies=has_dependencies,
    timeout_s=300,
    waits=True,
    options=DependencyOptions,
)
async def security_dependency_scan(context: StageContext) -> Verdict:
    """Audit every pinned package against the configured source of advisories."""
    advisories = context.config.advisories
    locks = python_locks(context.project)
    rules = Rules(
        now=datetime.now(UTC),
        max_age=timedelta(days=advisories.max_age_days),
        only_warns=advisories.on_stale == "warn",
        ignore=frozenset(context.settings.read(DependencyOptions).ignore),
        manifest=locks[0][1] if locks else None,
    )
    container = context.packs.mount(context.image, "pip-audit").with_mounted_directory(
        "/src", context.source.filter(include=[path for _, path in locks])
    )
    if not locks:
        resolved = await _resolve(context)
        if not resolved.complete:
            return unanswered(context, resolved)
        container = container.with_new_file(RESOLVED, resolved.reports["resolved"])
        locks = (("pip", RESOLVED),)
    if advisories.folder:
        tree = await _folder(context, advisories.folder)
        if tree is None:
            return _no_folder(context, advisories.folder)
        container = container.with_mounted_directory("/advisories", tree)
    else:
        container = container.with_env_variable("GAUNTLET_HOUR", f"{rules.now:%Y-%m-%dT%H}")
    source = source_options(advisories)
    outcome = await run_tool(
        container,
        [*AUDIT, *source, "--", *(f"{kind}={path}" for kind, path in locks)],
        timeout_s=context.settings.timeout_s,
        # A folder is an input like any other; of a server's answers only a clean one is remembered, within its hour.
        cache="pure" if advisories.folder else context.stage.cache,
        ok=(0, 1, NO_ANSWER),
        network=not advisories.folder,
        reports={
            "facts": Report("/outcome/facts.json", "json"),
            "audit": Report("/outcome/audit.json", "json", required=False),
        },
        env={"PYTHONPATH": CHECKS, "HOME": "/tmp"},  # noqa: S108 - in the container
    )
    return conclude(context, outcome, lambda reports: judge(reports, rules))


def source_options(advisories: AdvisorySettings) -> list[str]:
    """The audit's options for the configured source: a folder where one is named, else a server."""
    if advisories.folder:
        return ["--folder", "/advisories"]
    if advisories.source == "pypi":
        return ["--pypi"]
    return ["--url", advisories.url or PUBLIC_OSV]


def judge(reports: Mapping[str, str], rules: Rules) -> Judgement:
    """What the audit says, and whether its data may be believed."""
    facts: dict[str, Any] = json.loads(reports["facts"])
    if facts.get("packages") == 0 and not facts.get("unpinned"):
        return Judgement({}, skip="the project asks for no Python package from elsewhere")
    report = pip_audit.read(reports["audit"], manifest=rules.manifest) if "audit" in reports else None
    findings = tuple(_weighed(finding, rules.ignore) for finding in report.findings) if report else ()
    stale = _stale(facts, report, rules)
    if stale and rules.only_warns:
        findings = (*findings, _warning(stale))
    audited = report.looked_at["packages"] if report else 0
    return Judgement(
        # A WARN without any data has at least read the locks, and says so.
        looked_at={"packages": audited} if audited else {"pins": int(facts.get("packages", 0))},
        findings=findings,
        metrics={"advisories": float(facts.get("advisories", 0))} | (report.metrics if report else {}),
        doubt=_gaps(facts, report) or ("" if rules.only_warns else stale),
        remark=stale,
        inputs={"advisories": str(facts.get("as_of") or "a server's answers, at most an hour old")},
    )


def _stale(facts: Mapping[str, Any], report: ToolReport | None, rules: Rules) -> str:
    """Why the advisory data is no answer: there is none, some can't be read, or it is too old."""
    if not facts.get("answered") or report is None:
        return f"no advisory data, so nothing was audited: {facts.get('why') or 'the source gave no answer'}"
    if facts.get("damaged"):
        return f"these advisories can't be read: {listed(facts['damaged'])}"
    if not facts.get("as_of"):
        return ""  # a server that dates nothing answers for now
    age = rules.now - datetime.fromisoformat(facts["as_of"])
    if age > rules.max_age:
        return f"the advisories are {age.days} days old, and may be {rules.max_age.days} (advisories.max_age_days)"
    if age < -CLOCK_SKEW:
        return f"the advisories are dated {facts['as_of']}, which is in the future"
    return ""


def _gaps(facts: Mapping[str, Any], report: ToolReport | None) -> str:
    """Which packages were left out though there was data."""
    if facts.get("unpinned"):
        return f"without an exact version, so not audited: {listed(facts['unpinned'])}; lock them"
    if report is None:
        return ""
    if report.unwanted:
        return f"the source gave no answer for {listed(skipped.what for skipped in report.unwanted)}"
    missing = int(facts["packages"]) - report.looked_at["packages"]
    return f"{missing} of {facts['packages']} pinned packages were not audited" if missing > 0 else ""


def _weighed(finding: Finding, ignore: frozenset[str]) -> Finding:
    named = {finding.rule, *re.findall(r"\b(?:PYSEC|GHSA|CVE|OSV)-[\w-]+", finding.message)} & ignore
    if not named:
        return finding
    message = f"{finding.message} [accepted: {', '.join(sorted(named))} in this stage's `ignore`]"
    return finding.model_copy(update={"blocking": False, "severity": Severity.LOW, "message": message})


def _warning(text: str) -> Finding:
    return Finding(
        rule="advisories-stale",
        severity=Severity.MEDIUM,
        message=text,
        fix=FixCategory.ENVIRONMENT,
        hint="refresh the advisory folder, or name a server that answers (advisories in gauntlet.yaml)",
        blocking=False,
    )


async def _folder(context: StageContext, folder: str) -> dagger.Directory | None:
    """The advisory folder, of the base where it has one: a change must not bring its own advisories."""
    for tree in (context.base, context.source):
        if tree is not None and await tree.glob(f"{folder}/**/*.*"):
            return tree.directory(folder)
    return None


def _no_folder(context: StageContext, folder: str) -> Verdict:
    reason = f"advisories.folder in gauntlet.yaml names {folder}, and there are no files"
    return Verdict(stage=context.stage.id, status=Status.INCONCLUSIVE, reason=reason)


async def _resolve(context: StageContext) -> Outcome:
    """Pin what the project asks for without a lock: what an installation would bring today."""
    project = context.project
    # With uv's header a project without dependencies still gives a file with something in it, as every answer has.
    files = project.requirements or tuple(
        manifest.path for manifest in project.manifests if manifest.kind in RESOLVABLE and "/" not in manifest.path
    )
    extras = ["--all-extras"] if any(path.endswith((".toml", ".cfg", ".py")) for path in files) else []
    container = (
        context.packs.mount(context.image, "uv")
        .with_mounted_directory("/src", context.source)
        # Today's answer is remembered for today.
        .with_env_variable("GAUNTLET_DAY", datetime.now(UTC).date().isoformat())
    )
    return await run_tool(
        container,
        [UV, "pip", "compile", "--quiet", "--no-annotate", "--no-python-downloads", *extras,
         "--output-file", "/outcome/resolved.txt", *files],
        timeout_s=context.settings.timeout_s,
        network=True,
        reports={"resolved": Report("/outcome/resolved.txt", "text")},
    )  # fmt: skip
