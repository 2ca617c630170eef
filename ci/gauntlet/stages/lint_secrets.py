"""lint:secrets: gitleaks over the tree. Only new secrets block; inline allow-comments and edited policies are shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from dagger import dag

from gauntlet.conclude import Judgement, conclude
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import Report, run_tool
from gauntlet_verdict import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers import gitleaks, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagger

    from gauntlet.project import Project
    from gauntlet_verdict import Verdict

BASELINE = ".gitleaks-baseline.json"
CONFIGURATION = ".gitleaks.toml"
IGNORE = ".gitleaksignore"
POLICIES = (BASELINE, CONFIGURATION, IGNORE)
DEFAULT_RULES = 'title = "gitleaks\' own rules"\n[extend]\nuseDefault = true\n'
# Exit code 2 for leaks: gitleaks' own 1 also means that it failed. The second scan heeds `gitleaks:allow` comments and
# runs only where there is something that they could allow. /policy, never /src: a change must not bring its own rules.
SCAN = """
scan() {
  /opt/gitleaks/bin/gitleaks dir . --no-banner --no-color --exit-code 2 --config /policy/.gitleaks.toml \\
    --gitleaks-ignore-path /policy/.gitleaksignore --report-format json --report-path "$@"
}
find . -type f | wc -l > /outcome/files
scan /outcome/all.json --ignore-gitleaks-allow 2> /outcome/log
code=$?
cat /outcome/log >&2
[ $code = 2 ] || { cp /outcome/all.json /outcome/heeding.json; exit $code; }
scan /outcome/heeding.json
code=$?
[ $code = 2 ] && exit 0
exit $code
"""
ACCEPTING = (
    "what is known and harmless is accepted on the main branch: "
    f"`gitleaks dir . --redact --report-path {BASELINE}` beside the other policy files"
)
_SCANNED = re.compile(r"scanned ~(\d+) bytes")
_TROUBLE = re.compile(r"\b(?:ERR|FTL) (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy files of one tree, by name: their texts."""

    texts: Mapping[str, str]

    @property
    def baseline(self) -> str | None:
        """The accepted secrets, as an earlier report."""
        return self.texts.get(BASELINE)


def has_files(project: Project) -> str | None:
    """The reason to skip an empty tree."""
    return None if project.files else "the source is empty"


@stage(
    id="lint:secrets",
    tier=Tier.FAST,
    summary="gitleaks: no new secret in the tree",
    tools=("gitleaks",),
    controls=("ISO27001:A.8.24", "ISO27001:A.5.17"),
    applies=has_files,
    timeout_s=180,
)
async def lint_secrets(context: StageContext) -> Verdict:
    """Scan every file; the base's baseline and rules hold, or the source's own where the base is unknown."""
    policy, edited = await _policies(context)
    container = (
        context.packs.mount(context.image, "gitleaks")
        .with_mounted_directory("/policy", policy_directory(policy))
        .with_mounted_directory("/src", context.source.filter(exclude=list(POLICIES)))
    )
    outcome = await run_tool(
        container,
        ["sh", "-c", SCAN],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        reports={
            "all": Report("/outcome/all.json", "json"),
            "heeding": Report("/outcome/heeding.json", "json"),
            "log": Report("/outcome/log", "text"),
            "files": Report("/outcome/files", "text"),
        },
    )
    return conclude(context, outcome, lambda reports: judge(reports, policy.baseline, edited))


def judge(reports: Mapping[str, str], baseline: str | None = None, edited: tuple[str, ...] = ()) -> Judgement:
    """What the two scans say; `edited` names the policy files that differ from the base's."""
    report = gitleaks.read(reports["all"], baseline=baseline, heeding_allow=reports["heeding"])
    files = int(reports["files"])
    scanned = _SCANNED.search(reports["log"])
    troubles = _TROUBLE.findall(reports["log"])
    doubt = ""
    if troubles:
        doubt = f"gitleaks could not scan everything: {troubles[0]}"
    elif scanned is None:
        doubt = "gitleaks did not say how much it scanned"
    return Judgement(
        looked_at={"files": files if scanned and int(scanned[1]) else 0},
        findings=(*report.findings, *numbered(_policy_finding(name) for name in edited)),
        metrics=report.metrics | {"bytes": float(scanned[1]) if scanned else 0.0},
        doubt=doubt,
        remark=ACCEPTING if report.blocking else "",
    )


def policy_directory(policy: Policy) -> dagger.Directory:
    """The rules and the ignore list that hold, gitleaks' own where there are none."""
    return (
        dag.directory()
        .with_new_file(CONFIGURATION, policy.texts.get(CONFIGURATION, DEFAULT_RULES))
        .with_new_file(IGNORE, policy.texts.get(IGNORE, ""))
    )


async def _policies(context: StageContext) -> tuple[Policy, tuple[str, ...]]:
    """The policy that holds, and the names of the files in which the change differs from it."""
    names = [name for name in POLICIES if name in context.project.files]
    ours = await _read(context.source, names)
    if context.base is None:
        return ours, ()
    theirs = await _read(context.base, await context.base.glob(".gitleaks*"))
    return theirs, tuple(name for name in POLICIES if ours.texts.get(name) != theirs.texts.get(name))


async def _read(tree: dagger.Directory, names: list[str]) -> Policy:
    texts: dict[str, str] = {}

    async def read(name: str) -> None:
        texts[name] = await tree.file(name).contents()

    async with anyio.create_task_group() as group:
        for name in names:
            if name in POLICIES:
                group.start_soon(read, name)
    return Policy(texts)


def _policy_finding(name: str) -> Finding:
    return Finding(
        rule="secrets-policy-edited",
        severity=Severity.HIGH,
        message=f"the change edits {name}, which decides what counts as a secret; this run used the base's",
        location=Location(path=name),
        fix=FixCategory.CONFIGURATION,
        hint="let a person approve it in a change of its own",
        blocking=False,
    )
