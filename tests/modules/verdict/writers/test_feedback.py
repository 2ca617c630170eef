from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import from_type

from gauntlet_verdict import Finding, FixCategory, Location, Run, Severity, Status, Verdict
from gauntlet_verdict.writers import feedback

if TYPE_CHECKING:
    from collections.abc import Sequence


def failing(stage: str, severities: Sequence[Severity], *, blocking: bool = True) -> Verdict:
    findings = tuple(
        Finding(
            rule=f"R{n}", severity=severity, message="m", location=Location(path="a.py", line=n + 1), blocking=blocking
        )
        for n, severity in enumerate(severities)
    )
    status = Status.FAIL if blocking else Status.PASS
    return Verdict(stage=stage, status=status, looked_at={"files": 1}, findings=findings, rerun=f"gauntlet run {stage}")


def with_verdicts(run: Run, *verdicts: Verdict) -> Run:
    return run.model_copy(update={"verdicts": verdicts})


def test_an_item_has_all_that_an_agent_needs(example: Run) -> None:
    items = json.loads(feedback.write(example))["items"]
    item = next(item for item in items if item["rule"] == "F401")
    assert item.pop("fingerprint")
    assert item == {
        "class": "lint",
        "stage": "lint:python",
        "rule": "F401",
        "severity": "medium",
        "blocking": True,
        "file": "app/a.py",
        "line": 3,
        "column": 8,
        "message": "`os` imported but unused",
        "fix_category": "autofix",
        "hint": "`ruff check --fix` does it",
        "url": None,
        "rerun": "gauntlet run lint:python",
    }


def test_the_head_says_how_the_run_ended_and_each_stage(example: Run) -> None:
    head = json.loads(feedback.write(example))
    assert (head["exit_code"], head["truncated"], head["total"]) == (1, 0, len(head["items"]))
    assert head["stages"]["security:dependency-scan"] == "INCONCLUSIVE"
    assert head["not_run"] == {"test:unit": "interrupted"}


def test_blocking_comes_first_then_severity_then_file_and_line(example: Run) -> None:
    run = with_verdicts(
        example,
        failing("a:x", [Severity.CRITICAL], blocking=False),
        failing("b:x", [Severity.LOW, Severity.HIGH, Severity.HIGH]),
    )
    order = [(item.blocking, item.severity, item.line) for item in feedback.feedback(run).items]
    assert order == [(True, "high", 2), (True, "high", 3), (True, "low", 1), (False, "critical", 1)]


@pytest.mark.parametrize(
    ("status", "kind", "fix"),
    [
        (Status.ERROR, "error", FixCategory.ENVIRONMENT),
        (Status.TIMEOUT, "timeout", FixCategory.EDIT),
        (Status.INCONCLUSIVE, "inconclusive", FixCategory.ENVIRONMENT),
    ],
)
def test_a_stage_without_a_conclusion_is_an_item_of_its_own_class(
    example: Run, status: Status, kind: str, fix: FixCategory
) -> None:
    verdict = Verdict(stage="a:b", status=status, reason="why", rerun="gauntlet run a:b", log="logs/a-b.log")
    (item,) = feedback.feedback(with_verdicts(example, verdict)).items
    assert (item.class_, item.blocking, item.message, item.fix_category, item.file) == (kind, True, "why", fix, None)
    assert item.hint == "the whole output is in logs/a-b.log"


def test_findings_of_a_stage_that_only_warns_do_not_block(example: Run) -> None:
    items = [item for item in feedback.feedback(example).items if item.stage == "security:bandit"]
    assert [item.blocking for item in items] == [False]


def test_a_flood_of_one_stage_does_not_crowd_out_the_others(example: Run) -> None:
    run = with_verdicts(example, failing("a:flood", [Severity.HIGH] * 500), failing("b:drop", [Severity.LOW] * 2))
    report = feedback.feedback(run, limit=10)
    assert [item.stage for item in report.items].count("b:drop") == 2
    assert (len(report.items), report.total, report.truncated) == (10, 502, 492)
    assert report.truncated_by_stage == {"a:flood": 492}


def test_what_does_not_block_gets_only_the_room_that_is_left(example: Run) -> None:
    run = with_verdicts(
        example, failing("a:b", [Severity.LOW] * 4), failing("c:d", [Severity.CRITICAL] * 9, blocking=False)
    )
    assert [item.blocking for item in feedback.feedback(run, limit=5).items] == [True] * 4 + [False]


@settings(deadline=None)
@given(run=from_type(Run), limit=st.integers(0, 5))
def test_kept_and_left_add_up_and_the_order_is_that_of_the_whole(run: Run, limit: int) -> None:
    whole, part = feedback.feedback(run), feedback.feedback(run, limit)
    assert len(part.items) + part.truncated == part.total == len(whole.items)
    assert len(part.items) == min(limit, part.total)
    assert sum(part.truncated_by_stage.values()) == part.truncated
    rest = iter(whole.items)
    assert all(item in rest for item in part.items)
