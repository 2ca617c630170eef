"""FAST with an empty engine state, against the longest chain of what it has to wait for in that same run.

The chain is the base image's bootstrap and then the longest path through BuildKit's own record of the run: each op that
was executed, with its duration and its inputs. What is on top of it is ours: queueing, start-up, reports.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from benchmarks.figure import Figure
from benchmarks.session import connected
from gauntlet.base_image import base_images
from gauntlet.cli.checkout import look_at
from gauntlet.cli.language import read_language
from gauntlet.cli.source import source_of
from gauntlet.plan import Selection
from gauntlet.run import Request, Runner
from gauntlet.stage import Tier
from gauntlet_engine.buildkit.progress import VertexCompleted, VertexStarted
from gauntlet_engine.daemon import stop_daemon
from gauntlet_engine.state import StateDirs, state_dirs

if TYPE_CHECKING:
    from gauntlet_engine.buildkit import Event

SHOWN = 12


@dataclass
class Record:
    """What the daemon and the bootstrap said, with times in seconds."""

    began: dict[str, VertexStarted] = field(default_factory=dict[str, VertexStarted])
    took: dict[str, float] = field(default_factory=dict[str, float])
    said: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def take(self, event: Event) -> None:
        if isinstance(event, VertexStarted):
            self.began[event.digest] = event
        elif isinstance(event, VertexCompleted) and not event.cached:
            self.took[event.digest] = max(self.took.get(event.digest, 0.0), event.duration_s)

    def bootstraps(self) -> dict[str, float]:
        """Seconds of each base image's bootstrap."""
        started: dict[str, float] = {}
        took: dict[str, float] = {}
        for moment, line in self.said:
            words = line.split()
            if words[:1] == ["bootstrapping"]:
                started[words[1]] = moment
            elif words[1:3] == ["is", "ready:"]:
                took[words[0]] = moment - started[words[0]]
        return took

    def chain(self) -> list[tuple[float, str]]:
        """The longest path: (seconds, op) from the first to the last."""
        best: dict[str, tuple[float, str]] = {}

        def length(digest: str) -> float:
            if digest not in best:
                inputs = self.began[digest].inputs if digest in self.began else ()
                before = max(((length(other), other) for other in inputs), default=(0.0, ""))
                best[digest] = (before[0] + self.took.get(digest, 0.0), before[1])
            return best[digest][0]

        at = max(self.began, key=length)
        path: list[tuple[float, str]] = []
        while at:
            if at in self.began:
                path.append((self.took.get(at, 0.0), self.began[at].name))
            at = best[at][1]
        return path[::-1]


def measure() -> list[Figure]:
    record = Record()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = state_dirs({"GAUNTLET_ENGINE_STATE": folder})
        try:
            began = time.perf_counter()
            anyio.run(_cold, state, record, Path(folder, "reports"))
            ours = time.perf_counter() - began
        finally:
            stop_daemon(state)
    bootstraps, chain = record.bootstraps(), record.chain()
    for name, took in bootstraps.items():
        print(f"      {took:7.1f} s  bootstrap of {name}")
    for took, name in chain:
        print(f"      {took:7.1f} s  {_line(name)}")
    print("      of everything that ran, the longest:")
    for digest, took in sorted(record.took.items(), key=lambda item: -item[1])[:SHOWN]:
        print(f"      {took:7.1f} s  {_line(record.began[digest].name)}")
    longest = max(bootstraps.values(), default=0.0) + sum(took for took, _ in chain)
    return [Figure("cold FAST", ours, longest, "the longest chain in it", 1.5)]


def _line(name: str) -> str:
    return " ".join(name.split())[:90]


async def _cold(state: StateDirs, record: Record, reports: Path) -> None:
    checkout = look_at("examples/orders", None)
    language = read_language(checkout)

    def log(line: str) -> None:
        record.said.append((time.perf_counter(), line))

    async with connected(state, log) as handle, anyio.create_task_group() as tasks:

        async def listen() -> None:
            async for event in handle.events():
                record.take(event)

        tasks.start_soon(listen)
        runner = Runner(
            source=source_of(checkout, language.config, reports),
            config=language.config,
            stages=language.stages,
            request=Request(Selection(Tier.FAST)),
            images=base_images(language.config, embedded=True),
            engine={"kind": "embedded"},
        )
        report = await runner.run()
        assert not any(verdict.status == "ERROR" for verdict in report.run.verdicts), report.run.verdicts
        tasks.cancel_scope.cancel()
