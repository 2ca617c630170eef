"""`feedback.json`: what an agent has to mend next, the most urgent first, as `schema/feedback-1.schema.json` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from gauntlet_verdict.model import FixCategory, Frozen, Severity, Status
from gauntlet_verdict.text import clipped
from gauntlet_verdict.writers.interface import json_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gauntlet_verdict.model import Finding, Run, Verdict

LIMIT = 200  # items; more than an agent mends before it runs again
_MESSAGE_LIMIT = 2000  # characters
_RANK = {severity: rank for rank, severity in enumerate(Severity)}
# What a stage without a conclusion asks for. A time limit is first of all a hang in the change.
_UNDECIDED = {
    Status.ERROR: FixCategory.ENVIRONMENT,
    Status.TIMEOUT: FixCategory.EDIT,
    Status.INCONCLUSIVE: FixCategory.ENVIRONMENT,
}


class Item(Frozen):
    """One thing to do.

    `class` is the family of the stage (lint, format, build, test, security, ...) for a finding in the change, and
    `error`, `timeout` or `inconclusive` for a stage that reached no conclusion about it. `file` is a POSIX path
    relative to the source's root, `line` and `column` count from 1. `rerun` runs just this stage again.
    """

    class_: str = Field(alias="class")
    stage: str
    rule: str
    severity: Severity
    blocking: bool
    file: str | None
    line: int | None
    column: int | None
    message: str
    fix_category: FixCategory
    hint: str | None
    url: str | None
    fingerprint: str
    rerun: str


class Feedback(Frozen):
    """The report: items in the order to take them, and how many, by stage, there was no room for.

    `exit_code` is that of the run; `not_run` gives the reason for each planned stage that did not run.
    """

    schema_version: str = "1"
    tier: str
    exit_code: int
    interrupted: bool
    stages: dict[str, Status]
    not_run: dict[str, str]
    total: int
    truncated: int
    truncated_by_stage: dict[str, int]
    items: tuple[Item, ...]


def write(run: Run, limit: int = LIMIT) -> bytes:
    """Write the report with at most `limit` items."""
    return json_bytes(feedback(run, limit).model_dump(mode="json", by_alias=True))


def feedback(run: Run, limit: int = LIMIT) -> Feedback:
    """The items of a run: blocking before not, then by severity, stage without conclusion first, file and line."""
    items = sorted((item for verdict in run.verdicts for item in _items(verdict)), key=_order)
    kept = _fair_part(items, limit)
    left = [item for index, item in enumerate(items) if index not in kept]
    by_stage: dict[str, int] = {}
    for item in left:
        by_stage[item.stage] = by_stage.get(item.stage, 0) + 1
    return Feedback(
        tier=run.tier,
        exit_code=run.exit_code,
        interrupted=run.interrupted,
        stages={verdict.stage: verdict.status for verdict in run.verdicts},
        not_run=run.not_run,
        total=len(items),
        truncated=len(left),
        truncated_by_stage=by_stage,
        items=tuple(item for index, item in enumerate(items) if index in kept),
    )


def _items(verdict: Verdict) -> Iterable[Item]:
    if verdict.status in _UNDECIDED:
        yield _undecided(verdict)
    for finding in verdict.findings:
        yield _item(verdict, finding)


def _undecided(verdict: Verdict) -> Item:
    kind = verdict.status.value.lower()
    return Item.model_validate(
        {
            "class": kind,
            "stage": verdict.stage,
            "rule": f"gauntlet:{kind}",
            "severity": Severity.HIGH,
            "blocking": True,
            "file": None,
            "line": None,
            "column": None,
            "message": clipped(verdict.reason, _MESSAGE_LIMIT),
            "fix_category": _UNDECIDED[verdict.status],
            "hint": f"the whole output is in {verdict.log}" if verdict.log else None,
            "url": None,
            "fingerprint": "",
            "rerun": verdict.rerun,
        }
    )


def _item(verdict: Verdict, finding: Finding) -> Item:
    where = finding.location
    return Item.model_validate(
        {
            "class": verdict.stage.partition(":")[0],
            "stage": verdict.stage,
            "rule": finding.rule,
            "severity": finding.severity,
            # A stage that is set to warn lets its findings through.
            "blocking": finding.blocking and verdict.status not in {Status.PASS, Status.WARN, Status.SKIP},
            "file": where.path if where else None,
            "line": where.line if where else None,
            "column": where.column if where else None,
            "message": clipped(finding.message, _MESSAGE_LIMIT),
            "fix_category": finding.fix,
            "hint": finding.hint,
            "url": finding.url,
            "fingerprint": finding.fingerprint,
            "rerun": verdict.rerun,
        }
    )


def _order(item: Item) -> tuple[bool, int, str, int, int, str, str, str]:
    return (
        not item.blocking,
        _RANK[item.severity],
        item.file or "",
        item.line or 0,
        item.column or 0,
        item.stage,
        item.rule,
        item.message,
    )


def _fair_part(items: list[Item], limit: int) -> frozenset[int]:
    """Which items to keep: by turns the best left of each stage, so that none crowds the others out.

    Blocking ones come first: what does not block gets only the room that they leave.
    """
    kept: list[int] = []
    for blocking in (True, False):
        queues: dict[str, list[int]] = {}
        for index, item in enumerate(items):
            if item.blocking is blocking:
                queues.setdefault(item.stage, []).append(index)
        depth = 0
        while queues and len(kept) < limit:
            queues = {stage: queue for stage, queue in queues.items() if depth < len(queue)}
            kept.extend(queue[depth] for queue in queues.values())
            depth += 1
    return frozenset(kept[: max(limit, 0)])
