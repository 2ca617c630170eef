"""security:semgrep: our own eight rules against what language models like to write, in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagger import dag

from gauntlet.conclude import Judgement, conclude, listed
from gauntlet.options import StageOptions
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import Report, run_tool
from gauntlet_verdict import Finding, Location, Severity
from gauntlet_verdict.readers import numbered, semgrep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import dagger

    from gauntlet.project import Project
    from gauntlet.tools import ToolPacks
    from gauntlet_verdict import Verdict
    from gauntlet_verdict.readers import Skipped

SOURCES = tuple(f"**/*.{ending}" for ending in ("py", "pyi", "ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"))
MAX_BYTES = 4_000_000  # of one file; semgrep's own limit of 1 MB is easy to grow beyond
# Without --disable-version-check semgrep waits 98 s for an answer from its maker. Its default ignore list leaves out
# tests, vendored and minified files in silence: what we leave out, we leave out ourselves and count. Inline
# `nosemgrep` comments are looked for apart, so that what they allow is shown.
SCAN = f"""
grep -rn --binary-files=without-match nosemgrep . > /outcome/allowed
exec /opt/semgrep/bin/semgrep scan --metrics=off --disable-version-check --no-rewrite-rule-ids --disable-nosem \\
  --no-git-ignore --x-ignore-semgrepignore-files --config /opt/gauntlet-rules --json --verbose --error \\
  --max-target-bytes {MAX_BYTES} --timeout 60 --jobs "$(nproc)" --output /outcome/semgrep.json .
"""
ENVIRONMENT = {"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0", "HOME": "/tmp", "NO_COLOR": "1"}  # noqa: S108 - in the container
PARTLY = "PartialParsing"  # semgrep's word for a file of which it understood all but a few lines
# A test may hold a made-up password, a fixed port, SQL of its own or code that it makes up and runs; a hidden failure
# is as bad there as anywhere.
FREE_IN_TESTS = (
    "llm-hardcoded-secret", "llm-hardcoded-redis-port", "llm-sql-fstring", "llm-shell-unvalidated-input",
    "llm-broad-file-permissions", "llm-eval",
)  # fmt: skip


class SemgrepOptions(StageOptions):
    """Options of security:semgrep."""

    exclude: tuple[str, ...] = ()
    """Patterns of files to leave out."""


def has_sources(project: Project) -> str | None:
    """The reason to skip where there is neither Python nor TypeScript nor JavaScript."""
    endings = tuple(pattern.removeprefix("**/*") for pattern in SOURCES)
    return None if any(path.endswith(endings) for path in project.files) else "no Python, TypeScript or JavaScript here"


@stage(
    id="security:semgrep",
    tier=Tier.FAST,
    summary="semgrep: eight anti-patterns of generated code",
    tools=("semgrep",),
    controls=("ISO27001:A.8.28", "ISO27001:A.8.29"),
    applies=has_sources,
    timeout_s=300,
    options=SemgrepOptions,
)
async def security_semgrep(context: StageContext) -> Verdict:
    """Run all rules over all sources at once: semgrep takes longer to start than to scan."""
    exclude = context.settings.read(SemgrepOptions).exclude
    container = (
        context.packs.mount(context.image, "semgrep")
        .with_mounted_directory("/opt/gauntlet-rules", rules(context.packs))
        .with_mounted_directory("/src", context.source.filter(include=list(SOURCES), exclude=list(exclude)))
    )
    outcome = await run_tool(
        container,
        ["sh", "-c", SCAN],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        ok=(0, 1),
        reports={
            "semgrep": Report("/outcome/semgrep.json", "json"),
            "allowed": Report("/outcome/allowed", "text", required=False),
        },
        env=ENVIRONMENT,
    )
    tests = frozenset(test.path for test in context.project.tests)
    roots = tuple(f"{root}/" for root in context.project.test_roots)
    return conclude(
        context, outcome, lambda reports: judge(reports, lambda path: path in tests or path.startswith(roots))
    )


def rules(packs: ToolPacks) -> dagger.Directory:
    """Our rule files as a directory."""
    directory = dag.directory()
    for name, text in packs.folder("semgrep", "rules", suffix=".yaml").items():
        directory = directory.with_new_file(name, text)
    return directory


def judge(reports: Mapping[str, str], is_test: Callable[[str], bool] = lambda _: False) -> Judgement:
    """What semgrep found; files that it could not look at are a doubt."""
    report = semgrep.read(reports["semgrep"])
    allowed = allowed_lines(reports.get("allowed", ""))
    partly = [skipped for skipped in report.unwanted if skipped.why.startswith(PARTLY)]
    known = {skipped.what for skipped in partly}  # semgrep lists each of them a second time, as wholly skipped
    unread = [
        f"{skipped.what} ({skipped.why.splitlines()[0]})" for skipped in report.unwanted if skipped.what not in known
    ]
    doubt = f"semgrep could not look at {listed(unread)}; name it in this stage's `exclude` if that is right"
    return Judgement(
        looked_at=report.looked_at,
        findings=(
            *(_weighed(finding, allowed, is_test) for finding in report.findings),
            *numbered(_unparsed(skipped) for skipped in partly),
        ),
        metrics=report.metrics,
        doubt=doubt if unread else "",
    )


def allowed_lines(grep: str) -> frozenset[tuple[str, int]]:
    """Path and line of everything that a `nosemgrep` comment allows: its own line and the one below it."""
    lines: set[tuple[str, int]] = set()
    for entry in grep.splitlines():
        path, _, rest = entry.partition(":")
        number = rest.partition(":")[0]
        if number.isdigit():
            lines |= {(path.removeprefix("./"), int(number)), (path.removeprefix("./"), int(number) + 1)}
    return frozenset(lines)


def _weighed(finding: Finding, allowed: frozenset[tuple[str, int]], is_test: Callable[[str], bool]) -> Finding:
    place = finding.location
    if place is None:
        return finding
    if (place.path, place.line or 0) in allowed:
        message = f"{finding.message} [allowed by a nosemgrep comment]"
        return finding.model_copy(update={"blocking": False, "severity": Severity.LOW, "message": message})
    if is_test(place.path) and finding.rule.removesuffix("-typescript") in FREE_IN_TESTS:
        return finding.model_copy(update={"blocking": False, "severity": Severity.INFO})
    return finding


def _unparsed(skipped: Skipped) -> Finding:
    return Finding(
        rule="partly-parsed",
        severity=Severity.LOW,
        message="semgrep does not understand a few lines of this file and did not look at them",
        location=Location(path=skipped.what),
        hint=skipped.why.splitlines()[0],
        blocking=False,
    )
