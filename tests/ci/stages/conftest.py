"""One real engine for all stage tests, and `examine`: run one stage on a handful of files, as `gauntlet` runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import pytest
from dagger import dag

from gauntlet.base_image import base_images
from gauntlet.config import load
from gauntlet.plan import Selection
from gauntlet.run import Request, Runner, Source
from gauntlet.stage import Tier, registered
from gauntlet.stages import load_stages

if TYPE_CHECKING:
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from gauntlet_verdict import Verdict


Files = Mapping[str, str] | Mapping[str, bytes] | Mapping[str, str | bytes]


class Examine(Protocol):
    """Run one stage on files by path.

    `base` are the files of the change's base, `links` symbolic links by path, `config` the text of gauntlet.yaml.
    """

    def __call__(
        self,
        stage: str,
        files: Files,
        *,
        base: Files | None = None,
        links: Mapping[str, str] | None = None,
        config: str = "",
    ) -> Verdict: ...


@pytest.fixture
def examine(engine: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Examine:
    def folder(files: Files, links: Mapping[str, str]) -> Path:
        root = tmp_path_factory.mktemp("source")
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        for path, target in links.items():
            (root / path).symlink_to(target)
        return root

    def run(
        stage: str,
        files: Files,
        *,
        base: Files | None = None,
        links: Mapping[str, str] | None = None,
        config: str = "",
    ) -> Verdict:
        before = None if base is None else folder(base, {})
        return engine.call(_examine, stage, folder(files, links or {}), before, config)

    return run


async def _examine(stage: str, source: Path, base: Path | None, config: str) -> Verdict:
    load_stages()
    settings = load(config or None, stages=registered())
    runner = Runner(
        source=Source(
            dag.host().directory(str(source)), base=None if base is None else dag.host().directory(str(base))
        ),
        config=settings,
        stages={stage: registered()[stage]},
        request=Request(Selection(tier=Tier.FAST)),
        images=base_images(settings, embedded=True),
        engine={},
    )
    (verdict,) = (await runner.run()).run.verdicts
    return verdict
