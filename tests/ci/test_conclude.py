"""The one order in which doubt wins: timeout, no answer, unreadable, findings, doubt, nothing seen, warnings, pass."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet.conclude import Judgement, conclude, listed
from gauntlet.toolrun import Outcome
from gauntlet_verdict import Confinement, Finding, Severity, Status
from gauntlet_verdict.readers import ReportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet_verdict import Verdict

SEEN = {"files": 3}
BLOCKING = Finding(rule="r", severity=Severity.LOW, message="m")
NOTE = Finding(rule="n", severity=Severity.LOW, message="m", blocking=False)
INFORMATION = Finding(rule="i", severity=Severity.INFO, message="m", blocking=False)


def each(value: str) -> Callable[..., dict[str, str]]:
    def answer(*names: str) -> dict[str, str]:
        return dict.fromkeys(names, value)

    return answer


def silent(_: str) -> None:
    """Say nothing."""


def context() -> Any:
    """What `conclude` reads of a stage's context, without an engine behind it."""
    packs = SimpleNamespace(versions=each("1.0"), digests=each("sha256:1"))
    stage = SimpleNamespace(id="lint:it", tools=("tool", "uv"))
    return SimpleNamespace(stage=stage, packs=packs, image_facts={"digest": "sha256:2"}, say=silent)


def verdict(judgement: Judgement | Exception, **outcome: Any) -> Verdict:
    def judge(_: object) -> Judgement:
        if isinstance(judgement, Exception):
            raise judgement
        return judgement

    values: dict[str, Any] = {"argv": ("tool",), "complete": True, "duration_s": 2.0} | outcome
    return conclude(context(), Outcome(**values), judge)


@pytest.mark.parametrize(
    ("judgement", "status"),
    [
        (Judgement(SEEN), Status.PASS),
        (Judgement(SEEN, (INFORMATION,)), Status.PASS),
        (Judgement(SEEN, (NOTE,)), Status.WARN),
        (Judgement({}), Status.INCONCLUSIVE),
        (Judgement({"files": 0}, (NOTE,)), Status.INCONCLUSIVE),
        (Judgement(SEEN, doubt="d"), Status.INCONCLUSIVE),
        (Judgement(SEEN, (NOTE,), doubt="d"), Status.INCONCLUSIVE),
        (Judgement(SEEN, (BLOCKING,), doubt="d"), Status.FAIL),
        (Judgement({}, (BLOCKING,)), Status.FAIL),
        (Judgement({}, skip="nothing"), Status.SKIP),
    ],
)
def test_the_worst_news_wins(judgement: Judgement, status: Status) -> None:
    assert verdict(judgement).status is status


def test_a_run_that_was_not_complete_is_never_judged() -> None:
    unasked = AssertionError("its reports may not be believed")
    inconclusive = verdict(unasked, complete=False, why="it crashed", stderr="Traceback: boom")
    assert inconclusive.status is Status.INCONCLUSIVE
    assert "it crashed" in inconclusive.reason
    assert "boom" in inconclusive.reason
    assert verdict(unasked, complete=False, timed_out=True, why="late").status is Status.TIMEOUT


def test_a_report_that_cannot_be_read_is_inconclusive() -> None:
    found = verdict(ReportError("tool", "[0].line", "no number"))
    assert found.status is Status.INCONCLUSIVE
    assert "no number" in found.reason


def test_a_doubt_is_told_also_where_findings_block() -> None:
    assert verdict(Judgement(SEEN, (BLOCKING,), doubt="one file was not read")).reason == "one file was not read"


def test_a_verdict_names_what_it_rests_on() -> None:
    found = verdict(Judgement(SEEN, inputs={"advisories": "2026-01-01"}), confinement=Confinement(network="none"))
    assert found.tools == {"tool": "1.0"}
    assert found.inputs == {"lock:tool": "sha256:1", "advisories": "2026-01-01"}
    assert found.image == {"digest": "sha256:2"}
    assert found.confinement == Confinement(network="none")


def test_a_remembered_answer_claims_no_time_of_its_own() -> None:
    fresh, remembered = verdict(Judgement(SEEN)), verdict(Judgement(SEEN), cached=True)
    assert (fresh.cached, fresh.duration_s) == (False, 2.0)
    assert (remembered.cached, remembered.duration_s) == (True, 0.0)


def test_a_list_of_names_is_kept_short() -> None:
    assert listed(["a"]) == "a"
    assert listed(list("abcdef")) == "a, b, c and 3 more"
