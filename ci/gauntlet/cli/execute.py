"""A run on this host: from options to reports and an exit code, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio

from gauntlet.base_image import base_images
from gauntlet.cli.checkout import Checkout, look_at
from gauntlet.cli.display import display_for
from gauntlet.cli.engine import check_engine, engine
from gauntlet.cli.engine_log import EngineLog, engine_log
from gauntlet.cli.language import read_language
from gauntlet.cli.live_output import relay
from gauntlet.cli.source import source_of
from gauntlet.errors import GauntletError, unwrapped
from gauntlet.events import Note, Progress
from gauntlet.judge import one_line
from gauntlet.plan import Selection, make_plan
from gauntlet.reports import forget, prepare, report_folder, usage_failed, write
from gauntlet.run import Report, Request, Runner, run_without_plan
from gauntlet.stage import Tier

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from gauntlet.cli.options import Options
    from gauntlet.language import Language
    from gauntlet.plain import Display

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = "the run was interrupted"


def execute(options: Options, tier: str | None) -> int:
    """Run a tier, or with `tier` None the stages of `options.only`, and return the exit code.

    Raises:
        GauntletError: nothing could run; `exit-code` in the report folder says so too.
    """
    began = datetime.now(UTC)
    check_engine(options.engine)
    checkout = look_at(options.source, options.base)
    folder = report_folder(checkout.root, options.report_dir)
    prepare(folder)
    forget(folder)
    request = Request(_selection(options, tier), options.jobs, options.fail_fast)
    run = HostRun(options, checkout, folder, request, began)
    try:
        with _signals_as_interrupts():
            language = run.read()
            with engine_log() as run.log, display_for(options.format) as display:
                report = anyio.run(run.run, language, display)
            display.result(report.run, folder)
    except KeyboardInterrupt:
        # Ctrl-C outside the event loop: in an import, while git runs, while the event loop winds up.
        report = run.report or run.without_plan(_INTERRUPTED, interrupted=True)
        print(f"gauntlet: interrupted; reports: {folder}", file=sys.stderr)
    except GauntletError as error:
        if error.exit_code == 2:  # noqa: PLR2004 - usage or configuration
            usage_failed(folder)
        else:
            run.without_plan(error.message)
        raise
    except Exception as error:
        if run.report is None:
            run.without_plan(f"a bug in gauntlet: {one_line(error)}")
        raise
    return report.run.exit_code


@dataclass(slots=True)
class HostRun:
    """One run with its host's part: engine, signals, reports. `report` is set as soon as it is on disk."""

    options: Options
    checkout: Checkout
    folder: Path
    request: Request
    began: datetime
    report: Report | None = None
    stages: dict[str, Any] = field(default_factory=dict[str, Any])
    log: EngineLog = field(default_factory=EngineLog)
    _runner: Runner | None = None

    def read(self) -> Language:
        """The language in force; what can be wrong with the request is found out before an engine starts."""
        language = read_language(self.checkout)
        plan = make_plan(language.stages, None, language.config, self.request.selection)
        self.stages = {entry.stage.id: entry.stage for entry in plan.entries}
        return language

    async def run(self, language: Language, display: Display) -> Report:
        """Run under the signals' eyes; an interrupted run has a report like any other."""
        with unwrapped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, tasks.cancel_scope, display)
                try:
                    await self._on_engine(language, display)
                except Exception as error:
                    if self.report is None:
                        raise
                    # The run is over and reported; an engine that winds up badly doesn't change what it found.
                    display(Note(f"the engine did not end cleanly: {one_line(error)}"))
                tasks.cancel_scope.cancel()
        if self.report is None:
            self.report = self.without_plan(_INTERRUPTED, interrupted=True)
        return self.report

    def without_plan(self, why: str, *, interrupted: bool = False) -> Report:
        """Write and return the report of a run that never got as far as a plan."""
        return self._written(run_without_plan(self.request, self.stages, self.began, why, interrupted=interrupted))

    def _written(self, report: Report) -> Report:
        logged = replace(report, logs={**report.logs, "engine": self.log.text} if self.log.text else report.logs)
        write(logged, self.folder)
        return logged

    async def _on_engine(self, language: Language, display: Display) -> None:
        for note in language.notes:
            display(Note(note))

        def progress(line: str) -> None:
            self.log.line(line)
            display(Progress(line))

        async with engine(self.options.engine, progress) as found, anyio.create_task_group() as tasks:
            if found.events is not None and display.live:
                tasks.start_soon(relay, found.events(), display)
            self._runner = Runner(
                source=source_of(self.checkout, language.config, self.folder),
                config=language.config,
                stages=language.stages,
                request=self.request,
                images=base_images(language.config, embedded=found.embedded),
                engine=found.facts,
                tell=display,
            )
            report = await self._runner.run()
            # On disk before the engine winds up: nothing that happens from here on can lose them.
            self.report = self._written(report)
            tasks.cancel_scope.cancel()

    async def _watch(self, scope: anyio.CancelScope, display: Display) -> None:
        """First signal: end the run and report. Second: don't wait for the engine either. Third: just go."""
        received = 0
        with anyio.open_signal_receiver(*_SIGNALS) as signals:
            async for number in signals:
                received += 1
                display(Note(f"{signal.Signals(number).name}: stopping"))
                if received == 1 and self._runner is not None:
                    self._runner.stop(_INTERRUPTED)
                elif received <= 2:  # noqa: PLR2004 - as said above
                    scope.cancel()
                else:
                    os._exit(3)


@contextmanager
def _signals_as_interrupts() -> Generator[None]:
    """Outside the event loop SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does by itself."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _selection(options: Options, tier: str | None) -> Selection:
    return Selection(Tier(tier) if tier else None, options.only, options.skip)
