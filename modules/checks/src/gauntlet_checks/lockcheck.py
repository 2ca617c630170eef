"""Do the locks say what the manifests ask for? `python3 -m gauntlet_checks.lockcheck --plan PLAN --out REPORT`.

Pure comparison of files, without network: each format's own record of what it was made from is compared with the
manifest of now. With a base, packages that the change adds are listed.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gauntlet_checks.locks import node, python
from gauntlet_checks.locks.declared import declared
from gauntlet_checks.locks.facts import Checked, Problem, Tree, UnreadableError, added
from gauntlet_checks.plan import read_plan

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """`locks` are {"path", "kind", "manifests"}, `unlocked` the manifests that have none.

    `base` is the tree before the change, where it is known.
    """

    root: str
    locks: tuple[dict[str, Any], ...]
    base: str | None = None
    unlocked: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """What was compared: locks and packages by number, departures, packages that the change adds, and remarks."""

    locks: int = 0
    packages: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])
    added: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    compared_with_base: bool = False
    remarks: list[str] = field(default_factory=list[str])


def check(plan: Plan) -> Report:
    """Compare every lock of the plan."""
    tree, base = Tree(Path(plan.root)), Tree(Path(plan.base)) if plan.base else None
    report = Report(compared_with_base=base is not None)
    for lock in plan.locks:
        report.locks += 1
        try:
            checked = check_lock(tree, lock)
        except UnreadableError as error:
            report.problems.append(Problem("unreadable", error.path, 1, error.message))
            continue
        report.packages += sum(map(len, checked.packages.values()))
        report.problems += checked.problems
        report.remarks += [checked.remark] if checked.remark else []
        if base is not None:
            report.added += added(_before(base, lock), checked)
    if base is not None:
        for path in plan.unlocked:
            report.added += _newly_declared(base, tree, path)
    return report


def check_lock(tree: Tree, lock: dict[str, Any]) -> Checked:
    """One lock against its manifests.

    Raises:
        UnreadableError: one of the files is not in its own format.
    """
    path, kind, manifests = str(lock["path"]), lock["kind"], [str(manifest) for manifest in lock["manifests"]]
    manifest = manifests[0] if manifests else None
    if kind == "uv":
        return python.check_uv(tree, path, manifests)
    if kind == "pip":
        return python.check_pip(tree, path, manifest)
    checks = {
        "poetry": python.check_poetry, "pdm": python.check_pdm,
        "npm": node.check_npm, "pnpm": node.check_pnpm, "yarn": node.check_yarn,
    }  # fmt: skip
    if kind not in checks or manifest is None:
        return Checked(path, manifest, remark=f"{path}: nothing to compare a {kind} lock with")
    return checks[kind](tree, path, manifest)


def _before(base: Tree, lock: dict[str, Any]) -> Checked | None:
    if not base.has(str(lock["path"])):
        return None
    try:
        return check_lock(base, lock)
    except UnreadableError:
        return None


def _newly_declared(base: Tree, tree: Tree, path: str) -> list[dict[str, Any]]:
    before = _declared(base, path)
    return [
        {"name": name, "versions": [version] if version else [], "direct": True, "lock": path}
        for name, version in sorted(_declared(tree, path).items())
        if name not in before
    ]


def _declared(tree: Tree, path: str) -> dict[str, str]:
    try:
        return declared(tree, path)
    except UnreadableError:
        return {}  # whoever installs from it says so, and better


def main(arguments: list[str] | None = None) -> int:
    """Write the report; 1 where a lock departs from its manifest."""
    parser = argparse.ArgumentParser(prog="gauntlet_checks.lockcheck")
    parser.add_argument("--plan", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    report = check(Plan(**read_plan(options.plan)))
    Path(options.out).write_text(json.dumps({"schema": SCHEMA, **asdict(report)}), encoding="utf-8")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
