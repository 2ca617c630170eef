"""format:python: does every file look as ruff's formatter writes it? It blocks only where the project formats so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gauntlet.conclude import Judgement, conclude
from gauntlet.options import StageOptions
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.stages.lint_python import (
    COUNT,
    EXCLUDED,
    RUFF_ENV,
    SOURCES,
    WITHOUT_STRAY_LINKS,
    default_configuration,
    has_python,
    python_files,
    unreadable,
)
from gauntlet.toolrun import Report, run_tool
from gauntlet_verdict.readers import ruff_format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet_verdict import Verdict

FORMAT = "ruff format --check --no-cache --no-respect-gitignore --output-format json . > /outcome/format.json"
# Which formatter the project uses, from the files that say so. `-s`: a file that isn't there says nothing.
HOOKS = ".pre-commit-config.yaml Makefile justfile tox.ini noxfile.py .gitlab-ci.yml"
RUFF_SAID = (
    r"{ grep -lsE '^\[(tool\.ruff|format)[].]?' pyproject.toml ruff.toml .ruff.toml;"
    r" ls ruff.toml .ruff.toml 2>/dev/null;"
    rf" grep -lsE 'ruff[- ]format' {HOOKS}; }} > /outcome/ruff-says;"
)
OTHER_SAID = (
    r"{ grep -lsE '^\[tool\.(black|yapf|autopep8|blue)\]' pyproject.toml; ls .style.yapf 2>/dev/null;"
    rf" grep -lsE 'psf/black|black-pre-commit|mirrors-yapf' {HOOKS}; }} > /outcome/other-says;"
)


class FormatOptions(StageOptions):
    """Options of format:python."""

    enforce: Literal["auto", "always", "never"] = "auto"
    """May an unformatted file block: auto where the project configures ruff and no other formatter."""
    exclude: tuple[str, ...] = ()
    """Patterns of files to leave out, beside those that the project's ruff configuration leaves out."""


@stage(
    id="format:python",
    tier=Tier.FAST,
    summary="ruff format: every file is as the formatter writes it",
    tools=("ruff",),
    applies=has_python,
    timeout_s=120,
    options=FormatOptions,
)
async def format_python(context: StageContext) -> Verdict:
    """Compare every Python file with what the formatter would write; nothing is rewritten."""
    options = context.settings.read(FormatOptions)
    container = (
        context.packs.mount(context.image, "ruff")
        .with_new_file("/ruff.toml", default_configuration(("E9",), context.project.requires_python))
        .with_mounted_directory(
            "/src",
            context.source.filter(include=[*SOURCES, *HOOKS.split(), ".style.yapf"], exclude=list(options.exclude)),
        )
    )
    outcome = await run_tool(
        container,
        ["sh", "-c", f"{WITHOUT_STRAY_LINKS}; {RUFF_SAID} {OTHER_SAID} {COUNT} && {FORMAT}"],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        ok=(0, 1, 2),  # 2 with a report: a file does not parse
        reports={
            "format": Report("/outcome/format.json", "json"),
            "files": Report("/outcome/files", "text", required=False),
            "ruff": Report("/outcome/ruff-says", "text", required=False),
            "other": Report("/outcome/other-says", "text", required=False),
        },
        env=RUFF_ENV,
    )
    return conclude(context, outcome, lambda reports: judge(reports, options.enforce))


def judge(reports: Mapping[str, str], enforce: str = "auto") -> Judgement:
    """What ruff would rewrite, and whether that blocks."""
    report = ruff_format.read(reports["format"])
    blocks, why = enforced(enforce, reports)
    findings = report.findings
    if not blocks:
        findings = tuple(finding.model_copy(update={"blocking": False}) for finding in findings)
    files = python_files(reports.get("files", ""))
    unread = [skipped.what for skipped in report.unwanted]
    remark = f"{len(findings)} of {files} files would be rewritten; {why}" if findings and not blocks else ""
    return Judgement(
        looked_at={"files": files - len(unread)},
        findings=findings,
        doubt=unreadable(unread),
        remark=remark if files else EXCLUDED,
    )


def enforced(asked: str, said: Mapping[str, str]) -> tuple[bool, str]:
    """Whether unformatted files block, else why not; `said` names the files that speak of ruff and of other tools."""
    if asked == "always":
        return True, ""
    if asked == "never":
        return False, "`enforce: never` lets that pass"
    if said.get("other", "").strip():
        return False, f"the project formats with another tool ({', '.join(said['other'].split())})"
    if not said.get("ruff", "").strip():
        return False, "the project configures no formatter, so this does not block"
    return True, ""
