from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gauntlet_verdict import Finding, Location, Run, Severity, Status, Verdict, fingerprint_of

FINDING = Finding(rule="R1", severity=Severity.HIGH, message="wrong")


def run_of(*verdicts: Verdict, interrupted: bool = False) -> Run:
    return Run(
        tier="fast",
        started_at=datetime(2026, 1, 2, tzinfo=UTC),
        duration_s=1.0,
        gauntlet="0",
        interrupted=interrupted,
        verdicts=verdicts,
    )


def verdict_of(status: Status, **more: object) -> Verdict:
    findings = (FINDING,) if status is Status.FAIL else ()
    values = {"stage": "a:b", "status": status, "reason": "so", "looked_at": {"files": 1}, "findings": findings}
    return Verdict.model_validate(values | more)


@pytest.mark.parametrize("status", [Status.PASS, Status.WARN])
def test_a_stage_that_looked_at_nothing_can_not_be_good(status: Status) -> None:
    with pytest.raises(ValidationError, match="looked at nothing"):
        verdict_of(status, looked_at={"files": 0})


def test_a_pass_has_no_blocking_finding() -> None:
    with pytest.raises(ValidationError, match="PASS with 1 blocking"):
        verdict_of(Status.PASS, findings=(FINDING,))


def test_a_fail_has_a_blocking_finding() -> None:
    with pytest.raises(ValidationError, match="FAIL without a blocking"):
        verdict_of(Status.FAIL, findings=())


@pytest.mark.parametrize("status", [Status.SKIP, Status.WARN, Status.INCONCLUSIVE, Status.ERROR, Status.TIMEOUT])
def test_a_status_other_than_pass_and_fail_says_why(status: Status) -> None:
    with pytest.raises(ValidationError, match="needs a reason"):
        verdict_of(status, reason="")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_metric_is_a_number_that_json_can_hold(value: float) -> None:
    with pytest.raises(ValidationError):
        verdict_of(Status.PASS, metrics={"line_rate": value})


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([Status.PASS, Status.WARN, Status.SKIP], 0),
        ([Status.PASS, Status.FAIL, Status.ERROR], 1),
        ([Status.PASS, Status.INCONCLUSIVE], 3),
        ([Status.PASS, Status.TIMEOUT], 3),
        ([Status.SKIP], 3),
        ([], 3),
    ],
)
def test_the_exit_code_is_zero_only_with_evidence(statuses: list[Status], code: int) -> None:
    assert run_of(*(verdict_of(status) for status in statuses)).exit_code == code


def test_an_interrupted_run_is_never_green() -> None:
    assert run_of(verdict_of(Status.PASS), interrupted=True).exit_code == 3


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_any_text_has_a_fingerprint(path: str, message: str) -> None:
    finding = Finding(rule="R", severity=Severity.LOW, message=message, location=Location(path=path))
    assert finding.fingerprint == fingerprint_of("R", path, message)
    assert len(finding.fingerprint) == 32


def test_a_fingerprint_does_not_depend_on_the_line() -> None:
    here, there = (
        Finding(rule="R", severity=Severity.LOW, message="m", location=Location(path="a.py", line=line))
        for line in (3, 30)
    )
    assert here.fingerprint == there.fingerprint
