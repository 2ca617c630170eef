"""Recorded reports, and runs of any content for property tests (`from_type(Run)`)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st

from gauntlet_verdict import Confinement, Finding, FixCategory, Location, Run, Severity, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDED = Path(__file__).parents[2] / "data" / "reports"

# Everything that a tool may print: controls, lone surrogates, non-characters, markup, and what Python splits lines at.
_any_text = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.sampled_from(
        ["", "]]>", "<script>alert(1)</script>", "&#0;", "\udce9", "\ud83d\ude00", "\x00\x1b[31m", "\ufffe", "a\r\nb",
         "../../etc/passwd", "javascript:alert(1)", "C:\\x", "https://[", "\u2028", "{0} {", "'\"`$(x)", "é" * 30],
    ),
)  # fmt: skip
_numbers = st.floats(min_value=0, max_value=1e9, allow_nan=False)
_counts = st.dictionaries(_any_text, st.integers(0, 10**6), max_size=3)
_texts = st.dictionaries(_any_text, _any_text, max_size=3)
_from_one = st.none() | st.integers(1, 10**6)

_locations = st.builds(
    Location, path=_any_text, line=_from_one, column=_from_one, end_line=_from_one, end_column=_from_one
)
_findings = st.builds(
    Finding,
    rule=_any_text,
    severity=st.sampled_from(Severity),
    message=_any_text,
    location=st.none() | _locations,
    fix=st.sampled_from(FixCategory),
    hint=st.none() | _any_text,
    url=st.none() | _any_text,
    blocking=st.booleans(),
)


@st.composite
def _verdicts(draw: st.DrawFn) -> Verdict:
    status = draw(st.sampled_from(Status))
    findings = draw(st.lists(_findings, max_size=4))
    if status is Status.PASS:
        findings = [finding.model_copy(update={"blocking": False}) for finding in findings]
    if status is Status.FAIL:
        findings = [*findings, draw(_findings).model_copy(update={"blocking": True})]
    return Verdict(
        stage=draw(_any_text),
        status=status,
        reason=draw(_any_text) + ".",
        looked_at={**draw(_counts), "files": 1},
        findings=tuple(findings),
        metrics=draw(st.dictionaries(_any_text, _numbers, max_size=2)),
        duration_s=draw(_numbers),
        cached=draw(st.booleans()),
        tools=draw(_texts),
        confinement=draw(st.none() | st.just(Confinement(network="none", timeout_s=1.5))),
        rerun=draw(_any_text),
        log=draw(_any_text),
    )


_runs = st.builds(
    Run,
    tier=_any_text,
    started_at=st.datetimes(timezones=st.none() | st.timezones()),
    duration_s=_numbers,
    source=_texts,
    engine=_texts,
    gauntlet=_any_text,
    interrupted=st.booleans(),
    not_run=_texts,
    verdicts=st.lists(_verdicts(), max_size=3).map(tuple),
)
st.register_type_strategy(Finding, _findings)
st.register_type_strategy(Verdict, _verdicts())
st.register_type_strategy(Run, _runs)


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], bytes]:
    """The bytes of a report that a real tool wrote, by its path under tests/data/reports."""
    return lambda name: (RECORDED / name).read_bytes()


@pytest.fixture(scope="session")
def example() -> Run:
    """A run with a stage of each kind."""
    unused = Finding(
        rule="F401",
        severity=Severity.MEDIUM,
        message="`os` imported but unused",
        location=Location(path="app/a.py", line=3, column=8, end_line=3, end_column=10),
        fix=FixCategory.AUTOFIX,
        hint="`ruff check --fix` does it",
    )
    nowhere = Finding(rule="X1", severity=Severity.HIGH, message="no such thing\nand more")
    noted = Finding(rule="N801", severity=Severity.HIGH, message="a name", blocking=False)
    seen = {"files": 12}
    return Run(
        tier="fast",
        started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        duration_s=4.5,
        source={"commit": "abc"},
        gauntlet="0.1.0",
        interrupted=True,
        not_run={"test:unit": "interrupted"},
        verdicts=(
            Verdict(stage="format:python", status=Status.PASS, looked_at=seen, cached=True),
            Verdict(
                stage="lint:python",
                status=Status.FAIL,
                looked_at=seen,
                findings=(unused, nowhere, noted),
                tools={"ruff": "0.17.6"},
                rerun="gauntlet run lint:python",
            ),
            Verdict(
                stage="security:bandit", status=Status.WARN, reason="set to warn", looked_at=seen, findings=(nowhere,)
            ),
            Verdict(stage="test:integration", status=Status.SKIP, reason="no integration tests"),
            Verdict(
                stage="security:dependency-scan", status=Status.INCONCLUSIVE, reason="the advisories are 40 days old"
            ),
        ),
    )
