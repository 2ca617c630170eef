"""security:bandit: Python's known dangers. Medium severity with medium confidence blocks; `nosec` is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from gauntlet.conclude import Judgement, conclude, listed
from gauntlet.options import StageOptions
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.stages.lint_python import WITHOUT_STRAY_LINKS
from gauntlet.toolrun import Report, run_tool
from gauntlet_verdict import Finding, Location, Severity
from gauntlet_verdict.readers import bandit, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet.project import Project
    from gauntlet_verdict import Verdict

Level = Literal["low", "medium", "high"]
LEVELS: tuple[str, ...] = ("low", "medium", "high")
# Tests assert, and hold passwords on purpose.
TEST_PATTERNS = ("**/test_*.py", "**/*_test.py", "**/tests.py", "**/conftest.py", "**/tests/**", "**/test/**")
# The project's own settings (skips, test ids) hold where it has some; bandit reads no pyproject.toml by itself.
SCAN = f"""
{WITHOUT_STRAY_LINKS}
settings=""
if grep -qs '^\\[tool\\.bandit' pyproject.toml; then settings="-c pyproject.toml"; fi
exec /opt/bandit/bin/bandit -r . -f json -o /outcome/bandit.json -q $settings
"""


class BanditOptions(StageOptions):
    """Options of security:bandit."""

    min_severity: Level = "medium"
    """From which severity on a finding blocks; what is below it is shown."""
    min_confidence: Level = "medium"
    """From which confidence on a finding blocks."""
    exclude: tuple[str, ...] = ()
    """Patterns of files to leave out, beside tests."""


def code_files(project: Project) -> tuple[str, ...]:
    """The Python files that are not tests."""
    tests = {test.path for test in project.tests}
    return tuple(path for path in project.python_files if path.endswith(".py") and path not in tests)


def has_code(project: Project) -> str | None:
    """The reason to skip where there is no Python but tests."""
    return None if code_files(project) else "no Python files beside tests"


@stage(
    id="security:bandit",
    tier=Tier.FAST,
    summary="bandit: dangerous calls, weak cryptography, unsafe parsing",
    tools=("bandit",),
    controls=("ISO27001:A.8.28", "ISO27001:A.8.29"),
    applies=has_code,
    timeout_s=300,
    options=BanditOptions,
)
async def security_bandit(context: StageContext) -> Verdict:
    """Run bandit on all Python that is no test."""
    options = context.settings.read(BanditOptions)
    roots = [f"{root.strip('/')}/**" for root in context.project.test_roots if root.strip("./")]
    source = context.source.filter(
        include=["**/*.py", "pyproject.toml", ".bandit"], exclude=[*TEST_PATTERNS, *roots, *options.exclude]
    )
    outcome = await run_tool(
        context.packs.mount(context.image, "bandit").with_mounted_directory("/src", source),
        ["sh", "-c", SCAN],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        ok=(0, 1),
        reports={"bandit": Report("/outcome/bandit.json", "json")},
    )
    return conclude(context, outcome, lambda reports: judge(reports, options))


def judge(reports: Mapping[str, str], options: BanditOptions | None = None) -> Judgement:
    """What bandit found; a file that it could not parse is a doubt."""
    asked = options or BanditOptions()
    report = bandit.read(reports["bandit"])
    unread = [f"{skipped.what} ({skipped.why})" for skipped in report.unwanted]
    doubt = f"bandit could not parse {listed(unread)}; fix it, or name it in this stage's `exclude`"
    return Judgement(
        looked_at=report.looked_at,
        findings=(*(_weighed(finding, asked) for finding in report.findings), *silenced(reports["bandit"])),
        metrics=report.metrics,
        doubt=doubt if unread else "",
    )


def silenced(report: str) -> tuple[Finding, ...]:
    """One finding for each file in which `nosec` comments silence something; they never block."""
    counts: dict[str, dict[str, Any]] = json.loads(report)["metrics"]
    found: list[Finding] = []
    for path, numbers in counts.items():
        silent = int(numbers.get("nosec", 0)) + int(numbers.get("skipped_tests", 0))
        if path != "_totals" and silent:
            found.append(
                Finding(
                    rule="nosec",
                    severity=Severity.INFO,
                    message=f"`nosec` comments silence bandit on {silent} line{'s' if silent > 1 else ''} of this file",
                    location=Location(path=path.removeprefix("./")),
                    blocking=False,
                )
            )
    return numbered(found)


def _weighed(finding: Finding, options: BanditOptions) -> Finding:
    confidence = next((level for level in LEVELS if f"confidence {level}" in (finding.hint or "")), "low")
    severe = _rank(finding.severity.value) >= _rank(options.min_severity)
    if severe and _rank(confidence) >= _rank(options.min_confidence):
        return finding
    # Below the bar: shown for those who read on, and no reason for a WARN.
    return finding.model_copy(update={"blocking": False, "severity": Severity.INFO})


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else 0
