"""One real engine for all stage tests, and `examine`: run one stage on a handful of files, as `gauntlet` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from anyio.from_thread import start_blocking_portal
from dagger import dag

from gauntlet.base_image import base_images
from gauntlet.cli.engine import engine as connected
from gauntlet.config import load
from gauntlet.plan import Selection
from gauntlet.run import Request, Runner, Source
from gauntlet.stage import Tier, registered
from gauntlet.stages import load_stages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import dagger
    from anyio.from_thread import BlockingPortal

    from gauntlet_verdict import Verdict


class Examine(Protocol):
    """`base` are the files of the change's base; `config` is the text of gauntlet.yaml."""

    def __call__(
        self, stage: str, files: Mapping[str, str], *, base: Mapping[str, str] | None = None, config: str = ""
    ) -> Verdict: ...


@pytest.fixture(scope="session")
def engine() -> Iterator[BlockingPortal]:
    """The embedded engine, connected, on an event loop of its own."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(connected("embedded", print)):
        yield portal


@pytest.fixture
def examine(engine: BlockingPortal) -> Examine:
    def run(
        stage: str, files: Mapping[str, str], *, base: Mapping[str, str] | None = None, config: str = ""
    ) -> Verdict:
        return engine.call(_examine, stage, files, base, config)

    return run


async def _examine(stage: str, files: Mapping[str, str], base: Mapping[str, str] | None, config: str) -> Verdict:
    load_stages()
    settings = load(config or None, stages=registered())
    runner = Runner(
        source=Source(tree(files), base=None if base is None else tree(base)),
        config=settings,
        stages={stage: registered()[stage]},
        request=Request(Selection(tier=Tier.FAST)),
        images=base_images(settings, embedded=True),
        engine={},
    )
    (verdict,) = (await runner.run()).run.verdicts
    return verdict


def tree(files: Mapping[str, str]) -> dagger.Directory:
    directory = dag.directory()
    for path, text in files.items():
        directory = directory.with_new_file(path, text)
    return directory
