"""A stage: data plus one function, and the registry that the `@stage` decorator fills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from gauntlet.once import Once
from gauntlet.options import StageOptions

if TYPE_CHECKING:
    import dagger

    from gauntlet.config import Config, StageSettings
    from gauntlet.environment import Environment
    from gauntlet.project import Project
    from gauntlet.tools import ToolPacks
    from gauntlet_verdict import Verdict

StageFunction = Callable[["StageContext"], Awaitable["Verdict"]]
Preparation = Callable[["StageContext"], Awaitable[None]]
# pure: any complete result may be served from cache; session: only a PASS is; never: it always runs.
CachePolicy = Literal["pure", "session", "never"]


class Tier(StrEnum):
    """When a stage runs: after every edit, on every merge request, every night."""

    FAST = "fast"
    STANDARD = "standard"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Stage:
    """A registered stage.

    `id` is `family:subject`. `needs` are ids of stages that must have ended first. `tools` names the packs in
    runner-image/ that it mounts. `applies` answers, from the detected project, None when the stage has something to
    look at and otherwise the reason why it has not (it is then planned as SKIP). `timeout_s` bounds the tool's exec.
    `options` is the model of the stage's own keys in gauntlet.yaml. `origin` is a custom stage's file, else empty.
    `waits`: it mostly waits for a server, so it starts before the others. `prepare` begins with the run, beside all
    else and before the base image need be there: what the stage would otherwise wait for in its turn. It says nothing
    and may fail, since the stage itself asks for the same again.
    """

    id: str
    run: StageFunction
    tier: Tier
    summary: str
    needs: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    cache: CachePolicy = "pure"
    controls: tuple[str, ...] = ()
    applies: Callable[[Project], str | None] | None = None
    timeout_s: float = 300.0
    options: type[StageOptions] = StageOptions
    origin: str = ""
    waits: bool = False
    prepare: Preparation | None = None


@dataclass(frozen=True, slots=True)
class StageContext:
    """Everything a stage may use. It sees the project only as Dagger directories, never as a host path.

    `source` is the change's tree (without .git), `history` the directory that has .git (None where there is none),
    `base` the tree of the change's base, `changed` the paths that differ from it (None: unknown). `image` is the
    runner base as a container; `services_image` the Debian bookworm one for PostgreSQL and Redis. `say` sends a
    line to the stage's log and the board, `keep` puts a file (a name without folders, and its text) among the reports
    as the stage's evidence. `settings` are this stage's, `config` the whole gauntlet.yaml.
    """

    stage: Stage
    source: dagger.Directory
    history: dagger.Directory | None
    base: dagger.Directory | None
    changed: frozenset[str] | None
    project: Project
    settings: StageSettings
    config: Config
    packs: ToolPacks
    image: dagger.Container
    services_image: dagger.Container
    say: Callable[[str], None]
    keep: Callable[[str, str], None]
    image_facts: dict[str, str] = field(default_factory=dict[str, str])
    environment: Once[Environment] = field(default_factory=Once[Any])
    """The project's own environment, asked for by `gauntlet.environment.install`; one for all stages of a run."""


# The id of the stage that the current task works for; what it starts may say so, e.g. to the engine's progress.
running: ContextVar[str] = ContextVar("running", default="")


class DuplicateStageError(Exception):
    """Two stages were registered under one id."""


_registry: dict[str, Stage] = {}
_target: ContextVar[dict[str, Stage]] = ContextVar("target", default=_registry)


@contextmanager
def collected() -> Generator[dict[str, Stage]]:
    """Stages registered inside the block go into the yielded dict alone: custom stages stay apart from ours."""
    stages: dict[str, Stage] = {}
    token = _target.set(stages)
    try:
        yield stages
    finally:
        _target.reset(token)


def stage(
    *,
    id: str,  # noqa: A002 - the field's word
    tier: Tier,
    summary: str,
    needs: tuple[str, ...] = (),
    tools: tuple[str, ...] = (),
    cache: CachePolicy = "pure",
    controls: tuple[str, ...] = (),
    applies: Callable[[Project], str | None] | None = None,
    timeout_s: float = 300.0,
    waits: bool = False,
    prepare: Preparation | None = None,
    options: type[StageOptions] = StageOptions,
) -> Callable[[StageFunction], StageFunction]:
    """Register a stage; the function itself is returned unchanged.

    Raises:
        DuplicateStageError: the id is taken by another function.
    """

    def register(function: StageFunction) -> StageFunction:
        registry = _target.get()
        known = registry.get(id)
        if known is not None and known.run is not function:
            raise DuplicateStageError(f"stage {id!r} is registered twice; give one of them another id")
        registry[id] = Stage(
            id=id, run=function, tier=tier, summary=summary, needs=needs, tools=tools, cache=cache,
            controls=controls, applies=applies, timeout_s=timeout_s, waits=waits,
            prepare=prepare, options=options,
        )  # fmt: skip
        return function

    return register


def registered() -> dict[str, Stage]:
    """All of our own stages known so far, by id, in order of registration."""
    return dict(_registry)
