"""Which engine: our embedded one, a Dagger engine, or a BuildKit daemon somewhere."""

from __future__ import annotations

import os
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gauntlet.cli.quick_client import in_process, quicken
from gauntlet.errors import EngineError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from typing import TextIO

    from gauntlet.cli.quick_client import Answering
    from gauntlet_engine.buildkit import Event
    from gauntlet_engine.session import EngineHandle

_LAST_LINES = 8
_SCHEMES = ("tcp://", "unix://", "docker-container://", "kube-pod://", "podman-container://", "ssh://")


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine of a run; `embedded` decides which base images there are, `facts` go into the report.

    `events` is the embedded engine's progress; another engine keeps its own to itself.
    """

    embedded: bool
    facts: dict[str, str]
    events: Callable[[], AsyncIterator[Event]] | None = None


def check_engine(choice: str) -> None:
    """Refuse what is no engine.

    Raises:
        UsageError: neither a known word nor an address, or a socket that does not exist.
    """
    if choice not in {"embedded", "dagger"} and not choice.startswith(_SCHEMES):
        raise UsageError(f"--engine {choice}: no such engine", "use embedded, dagger, tcp://HOST:PORT or unix:///PATH")
    if choice.startswith("unix://") and not Path(choice.removeprefix("unix://")).exists():
        # A daemon that is just being restarted is worth waiting for; a socket that never was is not.
        raise UsageError(f"--engine {choice}: there is no such socket", "start the daemon, or check the path")


@asynccontextmanager
async def engine(choice: str, log: Callable[[str], None]) -> AsyncGenerator[Engine]:
    """Connect the Dagger client of this process to an engine for the length of the block.

    `log` is told in a line what takes long: starting a daemon, making a base image.

    Raises:
        EngineError: it can't be started or reached.
    """
    check_engine(choice)
    if choice == "dagger":
        # Its CLI tells much, and waits for ever where nobody takes it: dagger-io's own pipe has no reader.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            async with _connected(None, cast("TextIO", said)):
                yield Engine(embedded=False, facts={"kind": "dagger", "client": _client_version()})
        return
    async with AsyncExitStack() as stack:
        session = await _session(stack, None if choice == "embedded" else choice, log)
        os.environ["DAGGER_SESSION_PORT"] = str(session.port)
        os.environ["DAGGER_SESSION_TOKEN"] = session.token
        facts = {"kind": "embedded", "address": session.address, "client": _client_version()}
        await stack.enter_async_context(_connected(session.answer))
        yield Engine(embedded=True, facts=facts, events=session.events)


async def _session(stack: AsyncExitStack, address: str | None, log: Callable[[str], None]) -> EngineHandle:
    """A session of the embedded engine that ends with `stack`."""
    try:
        from gauntlet_engine.buildkit.errors import EngineError as TheirError  # noqa: PLC0415 - an extra, and slow
        from gauntlet_engine.session import open_session  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "gauntlet_engine":
            raise
        raise EngineError(
            "the embedded engine is not installed", "install gauntlet-ci[embedded], or use --engine dagger"
        ) from None
    try:
        return await stack.enter_async_context(open_session(address=address, log=log))
    except TheirError as error:
        message, _, remedy = error.diagnostics().partition("\n")
        raise EngineError(message, remedy or "`gauntlet doctor` says what is missing") from error


@asynccontextmanager
async def _connected(answer: Answering | None, said: TextIO | None = None) -> AsyncGenerator[None]:
    """The client's connection: to the session in this process that gives these answers, or to what it finds itself.

    `said` is a file for what a CLI that it starts has to say.
    """
    import dagger  # noqa: PLC0415 - slow to import

    quicken()
    async with AsyncExitStack() as stack:
        try:
            with in_process(answer) if answer else nullcontext():
                await stack.enter_async_context(dagger.connection(dagger.Config(log_output=said)))
        except dagger.DaggerError as error:
            last = _last_words(said) if said is not None else ""
            raise EngineError(f"{error}{last}", "`gauntlet doctor` says what is missing") from error
        yield


def _last_words(said: TextIO) -> str:
    said.seek(0)
    lines = [line.rstrip() for line in said if line.strip()][-_LAST_LINES:]
    return "".join(f"\n{line}" for line in lines)


def _client_version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - only for the report

    return f"dagger-io {version('dagger-io')}"
