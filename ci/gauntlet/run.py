"""One run: detect, plan, schedule, and the `Run` that comes of it. The same on every host and in every engine."""

from __future__ import annotations

import logging
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
from gauntlet_verdict.store import evidence_digests, log_name

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import dagger

    from gauntlet.base_image import BaseImages
    from gauntlet.config import Config
    from gauntlet.environment import Environment
    from gauntlet.schedule import Keep, MakeContext, Say
    from gauntlet.stage import Preparation, Stage
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
    """A run, and by stage id its stages' logs and what they keep as evidence (texts by name)."""

    run: Run
    logs: Mapping[str, str]
    evidence: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, dict[str, str]])


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
        plan, project = None, Project()
        with self._scope:
            project = await self._looked_at()
            for problem in project.problems:
                self.tell(Note(f"a manifest can't be read: {problem}"))
            plan = make_plan(self.stages, project, self.config, self.request.selection)
            self.tell(Planned(plan))
        if plan is not None:
            with unwrapped():
                await self._execute(plan, project)
        run = self._result(plan, began, time.monotonic() - clock)
        if self._schedule is None:
            return Report(run, {})
        logs = {stage_id: "".join(f"{line}\n" for line in lines) for stage_id, lines in self._schedule.logs.items()}
        return Report(run, logs, self._schedule.evidence)

    def stop(self, why: str = "the run was interrupted") -> None:
        """End it: what has a verdict keeps it, everything else is reported as not run."""
        self._stopped = why
        self._scope.cancel()
        if self._schedule is not None:
            self._schedule.stop(why)

    async def _execute(self, plan: Plan, project: Project) -> None:
        """The plan's stages, once the base image is known; what they prepare for themselves need not wait for it."""
        from gauntlet.tools import ToolPacks  # noqa: PLC0415 - imports dagger, which a plan does without

        image: dict[str, str] = {}
        contexts = self._contexts(project, ToolPacks(self.images.runner), image)
        limits = Limits(jobs=self.request.jobs or self.config.jobs or default_jobs(), fail_fast=self.request.fail_fast)
        schedule = self._schedule = Schedule(plan, contexts, limits, self.tell)
        async with anyio.create_task_group() as tasks:
            for entry in plan.entries:
                if entry.stage.prepare is not None:
                    tasks.start_soon(_prepare, entry.stage.prepare, contexts(entry, _unheard, _unkept))
            with self._scope:
                image.update(await self._image_facts())
            if self._stopped:
                schedule.stop(self._stopped)
            await schedule.run()
            tasks.cancel_scope.cancel()

    async def _looked_at(self) -> Project:
        import dagger  # noqa: PLC0415 - loaded by whoever made the directories

        try:
            with unwrapped():
                return await detect(self.source.tree)
        except dagger.DaggerError as error:
            raise EngineError(f"the engine can't read the source: {one_line(error)}") from error

    async def _image_facts(self) -> dict[str, str]:
        import dagger  # noqa: PLC0415 - loaded by whoever made the directories

        try:
            return await self.images.resolved()
        except dagger.DaggerError as error:
            raise EngineError(f"the engine can't read the base image: {one_line(error)}") from error

    def _contexts(self, project: Project, packs: ToolPacks, image: dict[str, str]) -> MakeContext:
        environment: Once[Environment] = Once()

        def make(entry: Entry, say: Say, keep: Keep) -> StageContext:
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
                keep=keep,
                image_facts=image,
                environment=environment,
            )

        return make

    def _result(self, plan: Plan | None, began: datetime, duration_s: float) -> Run:
        schedule = self._schedule
        return Run(
            tier=tier_name(self.request.selection),
            started_at=began,
            duration_s=round(duration_s, 3),
            source=dict(self.source.facts),
            engine=dict(self.engine),
            gauntlet=version("gauntlet-ci"),
            interrupted=bool(self._stopped) or plan is None,
            not_run=self._not_run(plan),
            verdicts=_in_plan_order(plan, schedule) if plan and schedule else (),
        )

    def _not_run(self, plan: Plan | None) -> dict[str, str]:
        """Of what the tier has: stages without a verdict, and why."""
        if plan is None:
            return dict.fromkeys(self.stages, f"not started: {self._stopped or 'the run ended before its plan'}")
        left = {item.stage.id: item.reason for item in plan.left_out if item.why in {"only", "skip"}}
        return left | (self._schedule.not_run if self._schedule else {})


async def _prepare(prepare: Preparation, context: StageContext) -> None:
    try:
        await prepare(context)
    except Exception as error:  # noqa: BLE001 - the stage will meet it again, and say it
        logger.debug("%s: its preparation failed: %s", context.stage.id, error)


def _unheard(_: str) -> None: ...


def _unkept(_: str, __: str) -> None: ...


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


def _in_plan_order(plan: Plan, schedule: Schedule) -> tuple[Verdict, ...]:
    ran = [schedule.verdicts[entry.stage.id] for entry in plan.entries if entry.stage.id in schedule.verdicts]
    filed = [
        verdict.model_copy(
            update={
                "log": log_name(verdict.stage) if verdict.stage in schedule.logs else "",
                "evidence": evidence_digests(verdict.stage, schedule.evidence.get(verdict.stage, {})),
            }
        )
        for verdict in ran
    ]
    return (*filed, *(skipped(item) for item in plan.skipped))
