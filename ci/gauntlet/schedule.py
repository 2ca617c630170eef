"""The plan's graph, run under one limiter: infrastructure errors are retried, findings never."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import anyio

from gauntlet.errors import InfrastructureError
from gauntlet.events import Line, Listener, StageEnded, StageLeft, StageStarted, ignore
from gauntlet.judge import finished, one_line, output_of
from gauntlet.stage import running
from gauntlet_verdict import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenacity import AsyncRetrying

    from gauntlet.plan import Entry, Plan
    from gauntlet.stage import StageContext

Say = Callable[[str], None]
Keep = Callable[[str, str], None]
MakeContext = Callable[["Entry", Say, Keep], "StageContext"]

ATTEMPTS = 3
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
# A stage's timeout bounds its tool. Before that it may build packs and install dependencies from a cold cache; a stage
# that hangs in its own Python is ended after this allowance.
SETUP_ALLOWANCE_S = 900.0
# A log is for reading: beyond this many characters only its head is kept.
LOG_LIMIT = 2_000_000
_LOST = frozenset({Status.FAIL, Status.ERROR, Status.TIMEOUT})


@dataclass(frozen=True, slots=True)
class Limits:
    """How a schedule runs: jobs at once, stop at the first failure, and the times of retries and of setup (seconds)."""

    jobs: int
    fail_fast: bool = False
    attempts: int = ATTEMPTS
    first_wait_s: float = FIRST_WAIT_S
    setup_allowance_s: float = SETUP_ALLOWANCE_S


def default_jobs() -> int:
    """The processors that this process may use."""
    return max(1, len(os.sched_getaffinity(0)))


def in_order(entries: Iterable[Entry], *, fail_fast: bool = False) -> list[Entry]:
    """The order to start in.

    What rather waits or surely runs (no cache may answer) comes first, then what may take longest: a long stage that
    starts last keeps the others' processors idle; where everything is cached, only the one that runs anyway has
    something to wait for. With `fail_fast` the quickest come first: who stops at the first failure wants it soon.
    """
    if fail_fast:
        return sorted(entries, key=lambda entry: entry.stage.timeout_s)
    return sorted(entries, key=lambda entry: (not _is_sure(entry), -entry.stage.timeout_s))


def _is_sure(entry: Entry) -> bool:
    return entry.stage.waits or entry.stage.cache == "never"


@dataclass(slots=True)
class Schedule:
    """One execution of a plan. After `run` has returned, every entry has a verdict or a reason in `not_run`.

    `stop` may be called at any time, from the same event loop: it cancels what runs, and `interrupted` is then true.
    """

    plan: Plan
    make_context: MakeContext
    limits: Limits
    tell: Listener = ignore
    verdicts: dict[str, Verdict] = field(default_factory=dict[str, Verdict])
    not_run: dict[str, str] = field(default_factory=dict[str, str])
    logs: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    evidence: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    interrupted: bool = False
    _started: dict[str, float] = field(default_factory=dict[str, float])
    _ended: dict[str, anyio.Event] = field(default_factory=dict[str, anyio.Event])
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _why: str = ""
    _sizes: dict[str, int] = field(default_factory=dict[str, int])

    async def run(self) -> None:
        """Run every entry; no exception of a stage leaves this method."""
        limiter = anyio.CapacityLimiter(self.limits.jobs)
        self._ended = {entry.stage.id: anyio.Event() for entry in self.plan.entries}
        with self._scope:
            async with anyio.create_task_group() as tasks:
                for entry in in_order(self.plan.entries, fail_fast=self.limits.fail_fast):
                    tasks.start_soon(self._in_turn, entry, limiter)
        for entry in self.plan.entries:
            if entry.stage.id not in self.verdicts:
                self._leave_out(entry.stage.id)

    def stop(self, why: str = "the run was interrupted") -> None:
        """Cancel everything that has not ended."""
        self.interrupted = True
        self._cancel(why)

    def _cancel(self, why: str) -> None:
        self._why = self._why or why
        self._scope.cancel()

    def _leave_out(self, stage_id: str) -> None:
        began = self._started.get(stage_id)
        after = f" after {time.monotonic() - began:.1f} s" if began is not None else ""
        self.not_run[stage_id] = f"{'stopped' if after else 'not started'}{after}: {self._why}"
        self.tell(StageLeft(stage_id, self.not_run[stage_id]))

    async def _in_turn(self, entry: Entry, limiter: anyio.CapacityLimiter) -> None:
        # Needs first, then a token: a stage that waits for another must not hold one of the jobs.
        for need in entry.needs:
            await self._ended[need].wait()
        async with limiter:
            self._started[entry.stage.id] = time.monotonic()
            verdict = await self._verdict_of(entry)
            self.verdicts[entry.stage.id] = verdict
            self.tell(StageEnded(entry.stage.id, verdict))
            self._ended[entry.stage.id].set()
            if self.limits.fail_fast and verdict.status in _LOST:
                # Still holding the job, so that no other stage takes it and starts in between.
                self._cancel(f"{entry.stage.id} ended with {verdict.status} and --fail-fast was asked for")

    async def _verdict_of(self, entry: Entry) -> Verdict:
        """The stage's verdict, or the one that its timeout or exception makes."""
        stage, began, attempts = entry.stage, time.monotonic(), 0
        allowed = entry.settings.timeout_s + self.limits.setup_allowance_s
        verdict: Verdict | None = None
        try:
            with anyio.move_on_after(allowed):
                async for attempt in _retrying(self.limits):
                    with attempt:
                        attempts = attempt.retry_state.attempt_number
                        self.tell(StageStarted(stage.id, attempts))
                        verdict = await self._call(entry)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stage raises becomes its verdict
            verdict = self._error(entry, error)
        if verdict is None:
            reason = f"no answer within {allowed:.0f} s: {entry.settings.timeout_s:.0f} s and the time for setting up"
            verdict = Verdict(stage=stage.id, status=Status.TIMEOUT, reason=reason)
        return finished(verdict, entry, duration_s=time.monotonic() - began, attempts=max(1, attempts))

    async def _call(self, entry: Entry) -> Verdict:
        running.set(entry.stage.id)
        kept = self.evidence[entry.stage.id] = {}  # a retry's, not what an attempt that failed had kept
        context = self.make_context(entry, lambda text: self._say(entry, text), kept.__setitem__)
        try:
            verdict = cast("object", await entry.stage.run(context))
        except Exception as error:
            if is_infrastructure(error):
                self._say(entry, f"the machine failed, not the change: {one_line(error)}")
            raise
        if not isinstance(verdict, Verdict):
            raise TypeError(f"stage {entry.stage.id} returned {type(verdict).__name__}, not a Verdict")
        return verdict

    def _error(self, entry: Entry, error: BaseException) -> Verdict:
        self._say(entry, "".join(traceback.format_exception(error)))
        for name in ("stdout", "stderr"):
            if said := output_of(error, name):
                self._say(entry, f"--- {name} of the failed command ---\n{said}")
        return Verdict(stage=entry.stage.id, status=Status.ERROR, reason=one_line(error))

    def _say(self, entry: Entry, text: str) -> None:
        """Keep and tell lines of a stage's log."""
        stage_id = entry.stage.id
        log = self.logs.setdefault(stage_id, [])
        for line in text.splitlines() or [""]:
            size = self._sizes.get(stage_id, 0)
            if size <= LOG_LIMIT:
                cut = size + len(line) > LOG_LIMIT
                log.append("… the log ends here: it is longer than is kept" if cut else line)
                self._sizes[stage_id] = size + len(line) + 1
            self.tell(Line(stage_id, line))


def _retrying(limits: Limits) -> AsyncRetrying:
    import tenacity  # noqa: PLC0415 - dagger has imported it by then; a plan alone needs none of it

    return tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(limits.attempts),
        wait=tenacity.wait_exponential(multiplier=limits.first_wait_s, max=LONGEST_WAIT_S),
        retry=tenacity.retry_if_exception(is_infrastructure),
        sleep=anyio.sleep,
        reraise=True,
    )


def is_infrastructure(error: BaseException) -> bool:
    """May a retry help? Our typed error, a connection that broke, and a failed query that no process caused."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(is_infrastructure(item) for item in group.exceptions)
    if isinstance(error, InfrastructureError):
        return True
    import dagger  # noqa: PLC0415 - loaded long before; a test of the schedule alone pays for it only here

    if isinstance(error, dagger.ExecError):
        return False
    return isinstance(error, (dagger.TransportError, dagger.ClientConnectionError, dagger.QueryError))
