"""Which stages run, in which order, and why each other one is left out; pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Literal

from gauntlet.config import nearest
from gauntlet.errors import PlanError, UsageError
from gauntlet.stage import Stage, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gauntlet.config import Config, StageSettings
    from gauntlet.project import Project

Why = Literal["tier", "only", "skip", "disabled", "nothing"]
_ORDER = (Tier.FAST, Tier.STANDARD, Tier.FULL)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for: a tier (None: any, as `gauntlet run STAGE`), and ids or patterns such as `lint:*`."""

    tier: Tier | None = Tier.FAST
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A stage that runs; `needs` are those of its needs that run too. The settings' timeout is filled in."""

    stage: Stage
    settings: StageSettings
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A stage that does not run; `nothing` (detection found nothing for it) and `disabled` become SKIP verdicts."""

    stage: Stage
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Entries in an order that satisfies their needs, and everything else with its reason."""

    selection: Selection
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def skipped(self) -> tuple[LeftOut, ...]:
        """Left-out stages that the run reports as SKIP: part of what was asked for, but with nothing to do."""
        return tuple(item for item in self.left_out if item.why in {"nothing", "disabled"})


def make_plan(stages: Mapping[str, Stage], project: Project | None, config: Config, selection: Selection) -> Plan:
    """Decide about every registered stage. Without a project nothing is left out for want of something to check.

    Raises:
        UsageError: `only` or `skip` matches no stage.
        PlanError: a need is unknown, or needs form a cycle.
    """
    ordered = _in_order(stages)
    # Without a tier the names are what `gauntlet run` was given, not an option's.
    only = _matching(selection.only, stages, "--only" if selection.tier is not None else "STAGE")
    skip = _matching(selection.skip, stages, "--skip")
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    for stage in ordered:
        settings = config.settings(stage.id)
        verdict = _left_out(stage, selection, only, skip) or _idle(stage, settings, project)
        if verdict is not None:
            left_out.append(verdict)
        else:
            entries.append(Entry(stage, _resolved(stage, settings)))
    planned = {entry.stage.id for entry in entries}
    return Plan(
        selection,
        tuple(
            Entry(entry.stage, entry.settings, tuple(need for need in entry.stage.needs if need in planned))
            for entry in entries
        ),
        tuple(left_out),
    )


def tiers_up_to(tier: Tier) -> tuple[Tier, ...]:
    """The tier and the lower ones that it includes."""
    return _ORDER[: _ORDER.index(tier) + 1]


def _in_order(stages: Mapping[str, Stage]) -> list[Stage]:
    """All stages, needs first, otherwise in order of registration."""
    for stage in stages.values():
        for need in stage.needs:
            if need not in stages:
                raise PlanError(f"stage {stage.id!r} needs the unknown stage {need!r}", nearest(need, stages))
    sorter = TopologicalSorter({stage.id: stage.needs for stage in stages.values()})
    try:
        sorter.prepare()
    except CycleError as error:
        path = " needs ".join(reversed(error.args[1]))
        raise PlanError(f"the stages' needs form a cycle: {path}", "remove one of these needs") from None
    rank = {name: number for number, name in enumerate(stages)}
    ordered: list[Stage] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=rank.__getitem__)
        ordered += [stages[name] for name in ready]
        sorter.done(*ready)
    return ordered


def _matching(patterns: Sequence[str], stages: Iterable[str], option: str) -> frozenset[str]:
    known = tuple(stages)
    found: set[str] = set()
    for pattern in patterns:
        names = [name for name in known if name == pattern or fnmatchcase(name, pattern)]
        if not names:
            hint = nearest(pattern, known) or "`gauntlet stages` lists them"
            raise UsageError(f"{option} {pattern}: there is no such stage", hint)
        found.update(names)
    return frozenset(found)


def _left_out(stage: Stage, selection: Selection, only: frozenset[str], skip: frozenset[str]) -> LeftOut | None:
    tier = selection.tier
    if tier is not None and stage.tier not in tiers_up_to(tier):
        return LeftOut(stage, "tier", f"it runs in the {stage.tier} tier")
    if only and stage.id not in only:
        return LeftOut(stage, "only", f"--only {' '.join(selection.only)} was asked for")
    if stage.id in skip:
        return LeftOut(stage, "skip", f"--skip {' '.join(selection.skip)} was asked for")
    return None


def _idle(stage: Stage, settings: StageSettings, project: Project | None) -> LeftOut | None:
    if settings.enabled is False:
        return LeftOut(stage, "disabled", "gauntlet.yaml has `enabled: false`")
    if project is None or stage.applies is None or settings.enabled:
        return None
    reason = stage.applies(project)
    return LeftOut(stage, "nothing", reason) if reason else None


def _resolved(stage: Stage, settings: StageSettings) -> StageSettings:
    if settings.timeout is not None:
        return settings
    return settings.model_copy(update={"timeout": stage.timeout_s})
