"""The plan as text or JSON: detection on the engine, decisions, and the reasons for both."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import anyio

from gauntlet.cli.checkout import Checkout, look_at
from gauntlet.cli.engine import check_engine, engine
from gauntlet.cli.language import read_language
from gauntlet.cli.source import source_of
from gauntlet.errors import unwrapped
from gauntlet.plan import Plan, Selection, make_plan
from gauntlet.project import Project, detect
from gauntlet.reports import report_folder
from gauntlet.stage import Tier

if TYPE_CHECKING:
    from gauntlet.cli.options import Options
    from gauntlet.language import Language


def show_plan(options: Options, tier: str, *, as_json: bool) -> int:
    """Print what a tier would run on the source."""
    check_engine(options.engine)
    checkout = look_at(options.source, options.base)
    language = read_language(checkout)
    selection = Selection(Tier(tier), options.only, options.skip)
    make_plan(language.stages, None, language.config, selection)
    for note in language.notes:
        print(f"note: {note}", file=sys.stderr)
    with unwrapped():
        project = anyio.run(_detected, checkout, language, options.engine)
    plan = make_plan(language.stages, project, language.config, selection)
    print(json.dumps(_data(plan, project), indent=2) if as_json else _text(plan, project))
    return 0


async def _detected(checkout: Checkout, language: Language, choice: str) -> Project:
    async with engine(choice, lambda line: print(line, file=sys.stderr)):
        source = source_of(checkout, language.config, report_folder(checkout.root, None))
        return await detect(source.tree)


def _text(plan: Plan, project: Project) -> str:
    width = max((len(item.stage.id) for item in (*plan.entries, *plan.left_out)), default=0)
    lines = ["runs"]
    for entry in plan.entries:
        after = f", after {', '.join(entry.needs)}" if entry.needs else ""
        lines.append(f"  {entry.stage.id:<{width}}  within {entry.settings.timeout_s:.0f} s{after}")
    if plan.left_out:
        lines.append("does not run")
        lines += [f"  {item.stage.id:<{width}}  {item.reason}" for item in plan.left_out]
    lines.append("because the source is")
    lines += [f"  {name}: {value}" for name, value in _facts(project).items()]
    lines += [f"  {name}: {why}" for name, why in project.reasons.items() if name not in _facts(project)]
    return "\n".join([*lines, *(f"  can't read {problem}" for problem in project.problems)])


def _facts(project: Project) -> dict[str, str]:
    kinds = ("unit", "specification", "integration", "other")
    tests = ", ".join(f"{len(found)} {kind}" for kind in kinds if (found := project.tests_of(kind)))
    facts = {
        "manager": f"{project.manager} ({project.reasons['manager']})",
        "layout": f"{project.layout}, {len(project.modules)} modules in {', '.join(project.source_roots) or 'no root'}",
        "tests": tests or "none",
        "services": ", ".join(project.services) or "none",
        "locks": ", ".join(lock.path for lock in project.locks) or "none",
    }
    return facts | ({"nested projects": ", ".join(project.nested)} if project.nested else {})


def _data(plan: Plan, project: Project) -> dict[str, object]:
    return {
        "tier": plan.selection.tier,
        "runs": [
            {"stage": entry.stage.id, "needs": entry.needs, "timeout_s": entry.settings.timeout_s}
            for entry in plan.entries
        ],
        "left_out": [
            {"stage": item.stage.id, "why": item.why, "reason": item.reason} for item in plan.left_out
        ],
        "project": _facts(project),
        "reasons": project.reasons,
        "problems": project.problems,
    }  # fmt: skip
