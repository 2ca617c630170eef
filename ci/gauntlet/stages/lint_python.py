"""lint:python: ruff with the project's own rules, or with a few that find bugs where it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from gauntlet.conclude import Judgement, conclude, listed
from gauntlet.options import StageOptions
from gauntlet.stage import StageContext, Tier, stage
from gauntlet.toolrun import Report, run_tool
from gauntlet_verdict.readers import ruff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet.project import Project
    from gauntlet_verdict import Verdict

# What is wrong rather than ugly: syntax, names, mutable defaults, comparisons and loops that don't do what they say.
BUG_RULES = (
    "E722", "E9", "F", "PLE", "B002", "B003", "B005", "B006", "B012", "B015", "B016", "B018", "B020", "B021", "B023",
    "B025", "B029", "B030", "B031", "B032", "B035", "RUF006",
)  # fmt: skip
NEWEST_MINOR = 14
SOURCES = ("**/*.py", "**/*.pyi", "**/*.ipynb", "**/pyproject.toml", "**/ruff.toml", "**/.ruff.toml")
# A link that leads nowhere or out of the tree is no file of the project.
WITHOUT_STRAY_LINKS = (
    "find . -type l ! -exec sh -c "
    '\'test -e "$1" && case "$(readlink -f "$1")" in "$PWD"/*) ;; *) false ;; esac\' - {} \\; -delete'
)
# The count comes from ruff itself: a project's own `exclude` may leave it nothing to look at.
COUNT = "ruff check --no-cache --no-respect-gitignore --show-files . > /outcome/files"
CHECK = "ruff check --no-cache --no-respect-gitignore --no-fix --output-format json --output-file /outcome/ruff.json ."
RUFF_ENV = {"PATH": "/opt/ruff/bin:/usr/local/bin:/usr/bin:/bin"}
EXCLUDED = "the project's ruff configuration excludes every Python file"


class LintOptions(StageOptions):
    """Options of lint:python."""

    select: tuple[str, ...] = BUG_RULES
    """ruff's rules where the project configures none of its own."""
    exclude: tuple[str, ...] = ()
    """Patterns of files to leave out, beside those that the project's ruff configuration leaves out."""


def has_python(project: Project) -> str | None:
    """The reason to skip where there is no Python."""
    return None if project.python_files else "no Python files here"


@stage(
    id="lint:python",
    tier=Tier.FAST,
    summary="ruff: bugs, unused names and whatever else the project's ruff configuration asks for",
    tools=("ruff",),
    controls=("ISO27001:A.8.28",),
    applies=has_python,
    timeout_s=120,
    options=LintOptions,
)
async def lint_python(context: StageContext) -> Verdict:
    """Run ruff on every Python file; what does not parse is a finding."""
    options = context.settings.read(LintOptions)
    container = (
        context.packs.mount(context.image, "ruff")
        # ruff takes the configuration that is nearest above a file: this one only where the project has none.
        .with_new_file("/ruff.toml", default_configuration(options.select, context.project.requires_python))
        .with_mounted_directory("/src", context.source.filter(include=list(SOURCES), exclude=list(options.exclude)))
    )
    outcome = await run_tool(
        container,
        ["sh", "-c", f"{WITHOUT_STRAY_LINKS} && {COUNT} && exec {CHECK}"],
        timeout_s=context.settings.timeout_s,
        cache=context.stage.cache,
        ok=(0, 1),
        reports={
            "ruff": Report("/outcome/ruff.json", "json"),
            "files": Report("/outcome/files", "text", required=False),
        },
        env=RUFF_ENV,
    )
    return conclude(context, outcome, judge)


def judge(reports: Mapping[str, str]) -> Judgement:
    """What ruff's report and its own list of files say."""
    report = ruff.read(reports["ruff"])
    unread = [skipped.what for skipped in report.unwanted]
    files = python_files(reports.get("files", ""))
    return Judgement(
        looked_at={"files": files - len(unread)},
        findings=report.findings,
        doubt=unreadable(unread),
        remark="" if files else EXCLUDED,
    )


def unreadable(paths: list[str]) -> str:
    """The doubt about files that ruff could not read, mostly because they are not UTF-8."""
    if not paths:
        return ""
    return f"ruff could not read {listed(paths)} (not UTF-8?); name what should be left out in this stage's `exclude`"


def python_files(listed_by_ruff: str) -> int:
    """How many Python files ruff's list names: it also lists every pyproject.toml."""
    return sum(line.endswith((".py", ".pyi", ".ipynb")) for line in listed_by_ruff.splitlines())


def default_configuration(select: tuple[str, ...], requires_python: str | None) -> str:
    """A ruff.toml for projects without one."""
    rules = ", ".join(f'"{rule}"' for rule in select)
    return (
        f'target-version = "py3{oldest_minor(requires_python)}"\n[lint]\nselect = [{rules}]\n'
        # A package's __init__ imports in order to pass on.
        '[lint.per-file-ignores]\n"__init__.py" = ["F401", "F403"]\n'
    )


def oldest_minor(requires_python: str | None) -> int:
    """The oldest Python 3 minor version that the project supports; the newest that ruff knows where it does not say.

    A version that is too old would make ruff call newer syntax an error; one that is too new only misses that.
    """
    try:
        wanted = SpecifierSet(requires_python or "")
    except InvalidSpecifier:
        return NEWEST_MINOR
    if not wanted:
        return NEWEST_MINOR
    minors = range(7, NEWEST_MINOR + 1)
    return next((minor for minor in minors if wanted.contains(f"3.{minor}.99")), NEWEST_MINOR)
