"""One run: detect, plan, schedule, and the `Run` that comes of it. The same on every host and in every engine."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import anyio

from gauntlet.errors import EngineError, unwrapped
from gauntlet.events import Listener, Note, Planned, ignore
from gauntlet.judge import one_line, skipped
from gauntlet.once import Once
from gauntlet.plan import Entry, Plan, Selection, make_plan
from gauntlet.project import Project, detect
from gauntlet.schedule import Limits, Schedule, default_jobs
from gauntlet.stage import StageContext
from gauntlet_verdict import Run, Verdict
from gauntlet_verdict.store import log_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import dagger

    from gauntlet.base_image import BaseImages
    from gauntlet.config import Config
    from gauntlet.environment import Environment
    from gauntlet.stage import Stage
    from gauntlet.tools import ToolPacks


@dataclass(frozen=True, slots=True)
class Source:
    """What is examined, as directories; `facts` say where it is from (commit, base, path) and go into the report."""

    tree: dagger.Directory
    history: dagger.Directory | None = None
    base: dagger.Directory | None = None
    changed: frozenset[str] | None = None
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: the selection, jobs at once (None: one a processor), and whether to stop at a failure."""

    selection: Selection
    jobs: int | None = None
    fail_fast: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A run and its stages' logs, by stage id."""

    run: Run
    logs: Mapping[str, str]


@dataclass(slots=True)
class Runner:
    """Everything that a run needs. `stop` may be called at any time from the event loop, e.g. on Ctrl-C."""

    source: Source
    config: Config
    stages: Mapping[str, Stage]
    request: Request
    images: BaseImages
    engine: Mapping[str, str]
    tell: Listener = ignore
    _schedule: Schedule | None = None
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _stopped: str = ""

    async def run(self) -> Report:
        """Run what was asked for.

        Raises:
            GauntletError: the source can't be examined or the request makes no sense; nothing has run then.
        """
        began, clock = datetime.now(UTC), time.monotonic()
        plan: Plan | None = None
        with self._scope:
            project, image = await self._looked_at()
            for problem in project.problems:
                self.tell(Note(f"a manifest can't be read: {problem}"))
            plan = make_plan(self.stages, project, self.config, self.request.selection)
            self.tell(Planned(plan))
            self._schedule = self._scheduled(plan, project, image)
        if self._schedule is not None:
            if self._stopped:
                self._schedule.stop(self._stopped)
            await self._schedule.run()
        run = self._result(plan, began, time.monotonic() - clock)
        logs = self._schedule.logs if self._schedule else {}
        return Report(run, {stage_id: "".join(f"{line}\n" for line in lines) for stage_id, lines in logs.items()})

    def stop(self, why: str = "the run was interrupted") -> None:
        """End it: what has a verdict keeps it, everything else is reported as not run."""
        self._stopped = why
        self._scope.cancel()
        if self._schedule is not None:
            self._schedule.stop(why)

    async def _looked_at(self) -> tuple[Project, dict[str, str]]:
        """The project, and the facts of the base image, asked for at the same time."""
        found: list[Project] = []
        facts: dict[str, str] = {}

        async def look() -> None:
            found.append(await detect(self.source.tree))

        async def resolve() -> None:
            facts.update(await self.images.resolved())

        import dagger  # noqa: PLC0415 - loaded by whoever made the directories

        try:
            with unwrapped():
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(look)
                    tasks.start_soon(resolve)
        except dagger.DaggerError as error:
            raise EngineError(f"the engine can't read the source or the base image: {one_line(error)}") from error
        return found[0], facts

    def _scheduled(self, plan: Plan, project: Project, image: dict[str, str]) -> Schedule:
        from gauntlet.tools import ToolPacks  # noqa: PLC0415 - imports dagger, which a plan does without

        packs = ToolPacks(self.images.runner)
        limits = Limits(jobs=self.request.jobs or self.config.jobs or default_jobs(), fail_fast=self.request.fail_fast)
        return Schedule(plan, self._contexts(project, packs, image), limits, self.tell)

    def _contexts(
        self, project: Project, packs: ToolPacks, image: dict[str, str]
    ) -> Callable[[Entry, Callable[[str], None]], StageContext]:
        environment: Once[Environment] = Once()

        def make(entry: Entry, say: Callable[[str], None]) -> StageContext:
            return StageContext(
                stage=entry.stage,
                source=self.source.tree,
                history=self.source.history,
                base=self.source.base,
                changed=self.source.changed,
                project=project,
                settings=entry.settings,
                config=self.config,
                packs=packs,
                image=self.images.runner,
                services_image=self.images.services,
                say=say,
                image_facts=image,
                environment=environment,
            )

        return make

    def _result(self, plan: Plan | None, began: datetime, duration_s: float) -> Run:
        schedule = self._schedule
        verdicts = schedule.verdicts if schedule else {}
        return Run(
            tier=tier_name(self.request.selection),
            started_at=began,
            duration_s=round(duration_s, 3),
            source=dict(self.source.facts),
            engine=dict(self.engine),
            gauntlet=version("gauntlet-ci"),
            interrupted=bool(self._stopped) or plan is None,
            not_run=self._not_run(plan),
            verdicts=_in_plan_order(plan, verdicts, schedule.logs if schedule else {}),
        )

    def _not_run(self, plan: Plan | None) -> dict[str, str]:
        """Of what the tier has: stages without a verdict, and why."""
        if plan is None:
            return dict.fromkeys(self.stages, f"not started: {self._stopped or 'the run ended before its plan'}")
        left = {item.stage.id: item.reason for item in plan.left_out if item.why in {"only", "skip"}}
        return left | (self._schedule.not_run if self._schedule else {})


def run_without_plan(
    request: Request, stages: Iterable[str], began: datetime, why: str, *, interrupted: bool = False
) -> Report:
    """The report of a run that ended before it could make a plan: interrupted, or the engine did not answer."""
    duration_s = (datetime.now(UTC) - began).total_seconds()
    run = Run(
        tier=tier_name(request.selection), started_at=began, duration_s=round(duration_s, 3),
        gauntlet=version("gauntlet-ci"), interrupted=interrupted,
        not_run=dict.fromkeys(stages, f"not started: {why}"),
    )  # fmt: skip
    return Report(run, {})


def tier_name(selection: Selection) -> str:
    """The tier's name; `selection` where stages were picked from any tier."""
    return str(selection.tier or "selection")


def _in_plan_order(
    plan: Plan | None, verdicts: Mapping[str, Verdict], logs: Mapping[str, list[str]]
) -> tuple[Verdict, ...]:
    if plan is None:
        return ()
    ran = [verdicts[entry.stage.id] for entry in plan.entries if entry.stage.id in verdicts]
    logged = [
        verdict.model_copy(update={"log": log_name(verdict.stage)}) if verdict.stage in logs else verdict
        for verdict in ran
    ]
    return (*logged, *(skipped(item) for item in plan.skipped))
