from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.config import Config, load
from gauntlet.errors import PlanError, UsageError
from gauntlet.plan import Plan, Selection, make_plan
from gauntlet.project import Project
from gauntlet.stage import Stage, StageContext, Tier

if TYPE_CHECKING:
    from gauntlet_verdict import Verdict


async def _never_run(_context: StageContext) -> Verdict:
    raise AssertionError


def a_stage(name: str, tier: Tier = Tier.FAST, needs: tuple[str, ...] = (), *, idle: str | None = None) -> Stage:
    return Stage(name, _never_run, tier, f"does {name}", needs=needs, applies=lambda _project: idle)


def by_id(*stages: Stage) -> dict[str, Stage]:
    return {stage.id: stage for stage in stages}


STAGES = by_id(
    a_stage("lint:python"),
    a_stage("lint:secrets"),
    a_stage("build:backend"),
    a_stage("test:unit", needs=("build:backend",)),
    a_stage("test:mutation", Tier.STANDARD, needs=("test:unit",)),
    a_stage("test:soak", Tier.FULL),
)


def ids(plan: Plan) -> list[str]:
    return [entry.stage.id for entry in plan.entries]


def test_a_tier_includes_the_lower_ones() -> None:
    counts = {tier: len(ids(make_plan(STAGES, Project(), Config(), Selection(tier)))) for tier in Tier}
    assert counts == {Tier.FAST: 4, Tier.STANDARD: 5, Tier.FULL: 6}


def test_every_stage_is_in_the_plan_or_left_out_with_a_reason() -> None:
    plan = make_plan(STAGES, Project(), Config(), Selection(Tier.FAST, skip=("lint:*",)))
    left = {item.stage.id: (item.why, item.reason) for item in plan.left_out}
    assert ids(plan) == ["build:backend", "test:unit"]
    assert left == {
        "lint:python": ("skip", "--skip lint:* was asked for"),
        "lint:secrets": ("skip", "--skip lint:* was asked for"),
        "test:mutation": ("tier", "it runs in the standard tier"),
        "test:soak": ("tier", "it runs in the full tier"),
    }


def test_a_stage_that_was_picked_runs_without_what_it_needs_and_in_whatever_tier() -> None:
    plan = make_plan(STAGES, Project(), Config(), Selection(None, only=("test:mutation",)))
    assert ids(plan) == ["test:mutation"]
    assert plan.entries[0].needs == ()


def test_a_stage_with_nothing_to_look_at_becomes_a_skip_with_detections_reason() -> None:
    stages = by_id(a_stage("lint:typescript", idle="there is no TypeScript"))
    plan = make_plan(stages, Project(), Config(), Selection())
    assert [(item.why, item.reason) for item in plan.skipped] == [("nothing", "there is no TypeScript")]


def test_configuration_can_leave_out_and_insist() -> None:
    stages = by_id(a_stage("a:off"), a_stage("a:on", idle="nothing found"))
    config = load("stages: {a:off: {enabled: false}, a:on: {enabled: true}}", stages=stages)
    plan = make_plan(stages, Project(), config, Selection())
    assert ids(plan) == ["a:on"]
    assert [item.why for item in plan.skipped] == ["disabled"]


def test_the_timeout_is_the_configured_one_else_the_stages_own() -> None:
    stages = by_id(a_stage("a:a"), a_stage("a:b"))
    config = load("stages: {a:a: {timeout: 7s}}", stages=stages)
    plan = make_plan(stages, Project(), config, Selection())
    assert [entry.settings.timeout_s for entry in plan.entries] == [7.0, 300.0]


@pytest.mark.parametrize("selection", [Selection(only=("lint:pythn",)), Selection(skip=("lint:pythn",))])
def test_an_unknown_stage_is_answered_with_the_nearest(selection: Selection) -> None:
    with pytest.raises(UsageError) as caught:
        make_plan(STAGES, Project(), Config(), selection)
    assert "did you mean 'lint:python'?" in caught.value.diagnostics()


def test_a_need_that_does_not_exist_is_an_error_with_the_nearest() -> None:
    with pytest.raises(PlanError, match=r"'a:a' needs the unknown stage 'a:c'"):
        make_plan(by_id(a_stage("a:a", needs=("a:c",)), a_stage("a:b")), Project(), Config(), Selection())


def test_a_cycle_is_an_error_that_shows_the_way_round() -> None:
    stages = by_id(a_stage("a:a", needs=("a:b",)), a_stage("a:b", needs=("a:c",)), a_stage("a:c", needs=("a:a",)))
    with pytest.raises(PlanError) as caught:
        make_plan(stages, Project(), Config(), Selection())
    path = caught.value.message.removeprefix("the stages' needs form a cycle: ").split(" needs ")
    assert path[0] == path[-1]
    assert all(after in stages[before].needs for before, after in pairwise(path))


@st.composite
def acyclic_stages(draw: st.DrawFn) -> dict[str, Stage]:
    names = [f"s:{number}" for number in range(draw(st.integers(1, 9)))]
    order = draw(st.permutations(names))
    stages = {
        name: a_stage(
            name,
            draw(st.sampled_from(list(Tier))),
            tuple(draw(st.lists(st.sampled_from(order[:rank]), unique=True, max_size=3))) if rank else (),
            idle=draw(st.sampled_from([None, None, "nothing here"])),
        )
        for rank, name in enumerate(order)
    }
    return {name: stages[name] for name in names}


@given(acyclic_stages(), st.sampled_from(list(Tier)), st.data())
def test_every_plan_is_complete_topological_and_deterministic(
    stages: dict[str, Stage], tier: Tier, data: st.DataObject
) -> None:
    skip = tuple(data.draw(st.lists(st.sampled_from(sorted(stages)), max_size=2)))
    selection = Selection(tier, skip=skip)
    plan = make_plan(stages, Project(), Config(), selection)
    planned = ids(plan)
    assert sorted(planned + [item.stage.id for item in plan.left_out]) == sorted(stages)
    for position, entry in enumerate(plan.entries):
        assert set(entry.needs) <= set(planned[:position])
        assert set(entry.needs) == set(entry.stage.needs) & set(planned)
    assert not set(planned) & set(skip)
    assert plan == make_plan(stages, Project(), Config(), selection)
