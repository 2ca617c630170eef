from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

import anyio
import anyio.lowlevel
import pytest

from gauntlet.config import Config, load
from gauntlet.errors import InfrastructureError
from gauntlet.events import Event, Line, StageEnded, StageLeft, StageStarted
from gauntlet.plan import Entry, Selection, make_plan
from gauntlet.project import Project
from gauntlet.schedule import LOG_LIMIT, Limits, Schedule
from gauntlet.stage import Stage, StageContext, StageFunction, Tier
from gauntlet_verdict import Finding, Severity, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

Kind = TypeVar("Kind", bound=Event)
QUICK = Limits(jobs=4, first_wait_s=0.01)


@dataclass
class Seen:
    """Events as they came, and the schedule that they came from."""

    schedule: Schedule
    events: list[Event] = field(default_factory=list[Event])

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]


def passed(stage: str) -> Verdict:
    return Verdict(stage=stage, status=Status.PASS, looked_at={"files": 1})


def failed(stage: str) -> Verdict:
    finding = Finding(rule="r", severity=Severity.HIGH, message="m")
    return Verdict(stage=stage, status=Status.FAIL, looked_at={"files": 1}, findings=(finding,))


def a_stage(name: str, run: Callable[[StageContext], object], needs: tuple[str, ...] = (), **more: object) -> Stage:
    return Stage(name, cast("StageFunction", run), Tier.FAST, name, needs=needs, **more)  # pyright: ignore[reportArgumentType]


def scheduled(*stages: Stage, limits: Limits = QUICK, config: Config | None = None) -> Seen:
    plan = make_plan({stage.id: stage for stage in stages}, Project(), config or Config(), Selection())
    seen: list[Event] = []

    def context(entry: Entry, say: Callable[[str], None], keep: Callable[[str, str], None]) -> StageContext:
        # What these stages use of a context is what the schedule itself gives: stage, settings, `say` and `keep`.
        given = {"stage": entry.stage, "settings": entry.settings, "say": say, "keep": keep}
        rest = [name for name in StageContext.__dataclass_fields__ if name not in given]
        return StageContext(**given, **dict.fromkeys(rest))  # pyright: ignore[reportArgumentType]

    return Seen(Schedule(plan, context, limits, seen.append), seen)


async def finish(seen: Seen) -> dict[str, Verdict]:
    with anyio.fail_after(60):
        await seen.schedule.run()
    return seen.schedule.verdicts


async def test_a_stage_starts_only_after_everything_that_it_needs_has_ended() -> None:
    async def work(context: StageContext) -> Verdict:
        await anyio.sleep(random.uniform(0, 0.01))  # noqa: S311 - only to shuffle the order
        return passed(context.stage.id)

    needs = {"s:0": (), "s:1": ("s:0",), "s:2": ("s:0",), "s:3": ("s:1", "s:2"), "s:4": (), "s:5": ("s:3", "s:4")}
    for jobs in (1, 2, 6):
        seen = scheduled(*(a_stage(name, work, need) for name, need in needs.items()), limits=Limits(jobs=jobs))
        await finish(seen)
        ended: set[str] = set()
        for event in seen.events:
            if isinstance(event, StageStarted):
                assert set(needs[event.stage]) <= ended
            if isinstance(event, StageEnded):
                ended.add(event.stage)
        assert ended == set(needs)


async def test_no_more_stages_run_at_once_than_jobs_and_all_of_the_jobs_are_used() -> None:
    running = most = 0

    async def work(context: StageContext) -> Verdict:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.01)
        running -= 1
        return passed(context.stage.id)

    await finish(scheduled(*(a_stage(f"s:{n}", work) for n in range(9)), limits=Limits(jobs=3)))
    assert most == 3


async def test_a_stage_that_waits_for_its_needs_holds_no_job() -> None:
    async def work(context: StageContext) -> Verdict:
        await anyio.lowlevel.checkpoint()
        return passed(context.stage.id)

    # The waiting ones come first: with one job and a token held while waiting this would never end.
    stages = [a_stage("s:last", work, ("s:middle",)), a_stage("s:middle", work, ("s:first",)), a_stage("s:first", work)]
    assert set(await finish(scheduled(*stages, limits=Limits(jobs=1)))) == {"s:first", "s:middle", "s:last"}


async def test_an_infrastructure_error_is_retried_until_it_works() -> None:
    calls = 0

    async def flaky(context: StageContext) -> Verdict:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise InfrastructureError("the network went away")
        return passed(context.stage.id)

    seen = scheduled(a_stage("s:flaky", flaky))
    verdict = (await finish(seen))["s:flaky"]
    assert (verdict.status, verdict.attempts) == (Status.PASS, 3)
    assert [event.attempt for event in seen.of(StageStarted)] == [1, 2, 3]
    assert sum("the network went away" in line for line in seen.schedule.logs["s:flaky"]) == 2


async def test_evidence_is_that_of_the_attempt_that_answered() -> None:
    calls = 0

    async def flaky(context: StageContext) -> Verdict:
        nonlocal calls
        calls += 1
        context.keep(f"{calls}.xml", "text")
        if calls < 2:
            raise InfrastructureError("the network went away")
        return passed(context.stage.id)

    seen = scheduled(a_stage("s:flaky", flaky))
    await finish(seen)
    assert seen.schedule.evidence == {"s:flaky": {"2.xml": "text"}}


async def test_an_infrastructure_error_that_stays_is_an_error_after_three_attempts() -> None:
    async def broken(_context: StageContext) -> Verdict:
        raise InfrastructureError("no space left")

    verdict = (await finish(scheduled(a_stage("s:broken", broken))))["s:broken"]
    assert (verdict.status, verdict.attempts) == (Status.ERROR, 3)
    assert "no space left" in verdict.reason


async def test_infrastructure_errors_of_a_stages_own_task_group_are_retried_too() -> None:
    calls = 0

    async def child() -> None:
        raise InfrastructureError("gone")

    async def flaky(context: StageContext) -> Verdict:
        nonlocal calls
        calls += 1
        if calls == 1:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(child)
        return passed(context.stage.id)

    assert (await finish(scheduled(a_stage("s:group", flaky))))["s:group"].attempts == 2


async def test_findings_are_never_retried() -> None:
    calls = 0

    async def red(context: StageContext) -> Verdict:
        nonlocal calls
        calls += 1
        return failed(context.stage.id)

    verdict = (await finish(scheduled(a_stage("s:red", red))))["s:red"]
    assert (verdict.status, verdict.attempts, calls) == (Status.FAIL, 1, 1)


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(1), RecursionError(), AssertionError("x" * 5000)])
async def test_an_exception_is_that_stages_error_with_its_traceback_and_nobody_elses(error: BaseException) -> None:
    async def raises(_context: StageContext) -> Verdict:
        raise error

    async def fine(context: StageContext) -> Verdict:
        await anyio.sleep(0.02)
        return passed(context.stage.id)

    seen = scheduled(a_stage("s:raises", raises), a_stage("s:fine", fine), a_stage("s:after", fine, ("s:raises",)))
    verdicts = await finish(seen)
    assert {name: verdict.status for name, verdict in verdicts.items()} == {
        "s:raises": Status.ERROR,
        "s:fine": Status.PASS,
        "s:after": Status.PASS,
    }
    assert type(error).__name__ in verdicts["s:raises"].reason
    assert len(verdicts["s:raises"].reason) <= 400
    assert any("in raises" in line for line in seen.schedule.logs["s:raises"])


async def test_what_is_no_verdict_is_an_error() -> None:
    async def wrong(_context: StageContext) -> str:
        return "PASS"

    verdict = (await finish(scheduled(a_stage("s:wrong", wrong))))["s:wrong"]
    assert (verdict.status, "not a Verdict" in verdict.reason) == (Status.ERROR, True)


async def test_a_stage_that_hangs_is_a_timeout() -> None:
    async def hangs(_context: StageContext) -> Verdict:
        await anyio.sleep_forever()
        raise AssertionError

    limits = Limits(jobs=2, setup_allowance_s=0.05)
    seen = scheduled(a_stage("s:hangs", hangs, timeout_s=0.05), limits=limits)
    verdict = (await finish(seen))["s:hangs"]
    assert verdict.status is Status.TIMEOUT
    assert 0.1 <= verdict.duration_s < 5


async def test_fail_fast_leaves_out_the_rest_with_a_reason() -> None:
    async def red(context: StageContext) -> Verdict:
        await anyio.sleep(0.02)
        return failed(context.stage.id)

    async def slow(_context: StageContext) -> Verdict:
        await anyio.sleep_forever()
        raise AssertionError

    limits = Limits(jobs=2, fail_fast=True)
    seen = scheduled(a_stage("s:red", red), a_stage("s:slow", slow), a_stage("s:next", slow), limits=limits)
    assert set(await finish(seen)) == {"s:red"}
    assert not seen.schedule.interrupted
    why = "s:red ended with FAIL and --fail-fast was asked for"
    assert seen.schedule.not_run["s:next"] == f"not started: {why}"
    assert seen.schedule.not_run["s:slow"].startswith("stopped after 0.")
    assert {event.stage for event in seen.of(StageLeft)} == {"s:slow", "s:next"}


async def test_without_fail_fast_everything_runs_to_its_end() -> None:
    async def red(context: StageContext) -> Verdict:
        return failed(context.stage.id)

    verdicts = await finish(scheduled(*(a_stage(f"s:{n}", red) for n in range(5)), limits=Limits(jobs=1)))
    assert len(verdicts) == 5


async def test_stopping_keeps_the_verdicts_there_are_and_explains_the_others() -> None:
    cleaned: list[str] = []

    async def fine(context: StageContext) -> Verdict:
        return passed(context.stage.id)

    async def slow(context: StageContext) -> Verdict:
        try:
            await anyio.sleep_forever()
        finally:
            cleaned.append(context.stage.id)
        raise AssertionError

    seen = scheduled(a_stage("s:fine", fine), a_stage("s:slow", slow))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(seen.schedule.run)
        await anyio.sleep(0.05)
        seen.schedule.stop("the run was interrupted")
    assert seen.schedule.interrupted
    assert set(seen.schedule.verdicts) == {"s:fine"}
    assert seen.schedule.not_run["s:slow"].endswith("the run was interrupted")
    assert cleaned == ["s:slow"]


async def test_a_verdict_is_completed_with_what_the_stage_left_out() -> None:
    async def fine(_context: StageContext) -> Verdict:
        await anyio.sleep(0.01)
        return passed("wrong:id")

    stage = a_stage("s:fine", fine, controls=("ISO27001:A.8.28",))
    verdict = (await finish(scheduled(stage)))["s:fine"]
    assert (verdict.stage, verdict.rerun, verdict.controls) == ("s:fine", "gauntlet run s:fine", ("ISO27001:A.8.28",))
    assert verdict.duration_s > 0


@pytest.mark.parametrize(("block", "status"), [("warn", Status.WARN), ("false", Status.PASS), ("true", Status.FAIL)])
async def test_configuration_decides_whether_findings_block(block: str, status: Status) -> None:
    async def red(context: StageContext) -> Verdict:
        return failed(context.stage.id)

    stage = a_stage("s:red", red)
    config = load(f"stages: {{s:red: {{block: {block}}}}}", stages={"s:red": stage})
    verdict = (await finish(scheduled(stage, config=config)))["s:red"]
    assert verdict.status is status
    assert len(verdict.findings) == 1
    assert verdict.findings[0].blocking is (block == "true")
    if block != "true":
        assert f"`block: {block}` in gauntlet.yaml" in verdict.reason


async def test_block_warn_does_not_make_a_stage_that_could_not_look_pass() -> None:
    async def blind(context: StageContext) -> Verdict:
        return Verdict(stage=context.stage.id, status=Status.INCONCLUSIVE, reason="no advisories")

    stage = a_stage("s:blind", blind)
    config = load("stages: {s:blind: {block: false}}", stages={"s:blind": stage})
    assert (await finish(scheduled(stage, config=config)))["s:blind"].status is Status.INCONCLUSIVE


async def test_a_log_that_never_ends_is_cut_and_still_told_to_the_board() -> None:
    async def loud(context: StageContext) -> Verdict:
        for _ in range(60):
            context.say("x" * 100_000)
        return passed(context.stage.id)

    seen = scheduled(a_stage("s:loud", loud))
    await finish(seen)
    log = seen.schedule.logs["s:loud"]
    assert sum(map(len, log)) <= LOG_LIMIT + 200
    assert log[-1].startswith("… the log ends here")
    assert len(seen.of(Line)) == 60


async def test_what_surely_runs_starts_first_then_what_may_take_longest() -> None:
    order: list[str] = []

    async def run(context: StageContext) -> Verdict:
        order.append(context.stage.id)
        await anyio.lowlevel.checkpoint()
        return passed(context.stage.id)

    await scheduled(
        a_stage("short", run, timeout_s=60),
        a_stage("long", run, timeout_s=600),
        a_stage("asks", run, timeout_s=60, cache="never"),
        a_stage("middle", run),
        limits=Limits(jobs=1),
    ).schedule.run()
    assert order == ["asks", "long", "middle", "short"]


async def test_the_longest_starts_first_and_with_fail_fast_the_quickest() -> None:
    async def work(context: StageContext) -> Verdict:
        await anyio.lowlevel.checkpoint()
        return passed(context.stage.id)

    for fail_fast, order in ((False, ["s:waits", "s:long", "s:quick"]), (True, ["s:quick", "s:waits", "s:long"])):
        stages = [
            a_stage("s:quick", work, timeout_s=10.0),
            a_stage("s:long", work, timeout_s=600.0),
            a_stage("s:waits", work, timeout_s=60.0, waits=True),
        ]
        seen = scheduled(*stages, limits=Limits(jobs=1, fail_fast=fail_fast))
        await finish(seen)
        assert [event.stage for event in seen.of(StageStarted)] == order
