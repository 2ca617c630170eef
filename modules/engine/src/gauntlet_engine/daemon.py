"""The daemon: found, started, kept alive while used, and stopped when idle."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.lowlevel
from anyio import to_thread

from gauntlet_buildkit import buildkitd
from gauntlet_engine import keeper
from gauntlet_engine.buildkit.client import connect
from gauntlet_engine.buildkit.errors import DaemonGone
from gauntlet_engine.daemon_config import network_mode, write_configuration
from gauntlet_engine.prerequisites import look

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping

    from gauntlet_engine.state import StateDirs

_START_SECONDS = 60.0
_LOG_LIMIT = 20 << 20  # bytes after which the daemon's log is set aside at the next start
_LOG_TAIL = 2000


@dataclass(frozen=True)
class RunningDaemon:
    """What the keeper wrote down: process ids, the address, and the start in seconds since the epoch."""

    pid: int
    keeper: int
    address: str
    started: float


@asynccontextmanager
async def running_daemon(
    state: StateDirs, environ: Mapping[str, str], *, log: Callable[[str], None] | None = None
) -> AsyncGenerator[str]:
    """Address of a responding daemon, held (not stopped as idle) until the block ends.

    BUILDKIT_HOST in `environ` names one that is not ours; else ours is found or started under `state`.

    Raises:
        DaemonGone: it cannot be started or does not answer; the message says what is missing and how to get it.
    """
    if address := environ.get("BUILDKIT_HOST"):
        await _answers(address)
        yield address
        return
    state.prepare()
    lease = await to_thread.run_sync(_take_lease, state, abandon_on_cancel=True)
    try:
        running = find_daemon(state)
        if running is None:
            running = await to_thread.run_sync(_start, state, environ, log, abandon_on_cancel=True)
        await _answers(running.address)
        yield running.address
    finally:
        os.utime(lease)
        os.close(lease)


def find_daemon(state: StateDirs) -> RunningDaemon | None:
    """The daemon that a keeper holds for this state now, or None. Starts nothing."""
    if not _keeper_alive(state):
        return None
    try:
        record = json.loads((state.root / "daemon.json").read_text())
        return RunningDaemon(record["pid"], record["keeper"], f"unix://{record['socket']}", record["started"])
    except (OSError, ValueError, KeyError):
        return None  # the keeper is on its way up, or down


def stop_daemon(state: StateDirs, *, timeout_s: float = 20.0) -> bool:
    """Stop our daemon, whoever uses it; returns whether there was one.

    Raises:
        DaemonGone: it is still there after `timeout_s` seconds.
    """
    running = find_daemon(state)
    if running is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.keeper, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while _keeper_alive(state):
        if time.monotonic() > deadline:
            raise DaemonGone(f"The daemon's keeper (process {running.keeper}) does not end.")
        time.sleep(0.02)
    return True


def _take_lease(state: StateDirs) -> int:
    """A shared lock that keeps the daemon from ending as idle; waits while it is just ending."""
    handle = os.open(state.root / "lease.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)
    os.utime(handle)
    return handle


def _keeper_alive(state: StateDirs) -> bool:
    try:
        handle = os.open(state.root / "keeper.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def _starting(state: StateDirs) -> Generator[None]:
    """One starter at a time."""
    handle = os.open(state.root / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _start(state: StateDirs, environ: Mapping[str, str], log: Callable[[str], None] | None) -> RunningDaemon:
    with _starting(state):
        deadline = time.monotonic() + _START_SECONDS
        if (running := find_daemon(state)) is not None and Path(running.address.removeprefix("unix://")).exists():
            return running
        while _keeper_alive(state):  # one that is going down, or was started outside this lock
            if (running := find_daemon(state)) is not None:
                return _listening(state, running, deadline)
            _pause(state, deadline)
        if log:
            log("starting the engine's daemon")
        _spawn_keeper(state, environ)
        while (running := find_daemon(state)) is None:
            if not _keeper_alive(state) and _exited(state, deadline):
                raise _died(state)
            _pause(state, deadline)
        return _listening(state, running, deadline)


def _spawn_keeper(state: StateDirs, environ: Mapping[str, str]) -> None:
    machine = look(environ)
    missing = machine.missing(network_mode(environ))
    if missing:
        raise DaemonGone(
            "The engine's daemon cannot start: " + "; ".join(f"{m.what} is missing ({m.why})" for m in missing) + ".",
            remedy="\n".join(dict.fromkeys(m.remedy for m in missing)),
        )
    try:
        program = buildkitd()
    except FileNotFoundError as error:
        raise DaemonGone(str(error)) from error
    spec = write_configuration(state, environ, machine, program)
    daemon_log = state.root / "buildkitd.log"
    if daemon_log.exists() and daemon_log.stat().st_size > _LOG_LIMIT:
        daemon_log.replace(daemon_log.with_suffix(".log.1"))
    (state.root / "daemon.json").unlink(missing_ok=True)
    with daemon_log.open("ab") as output:
        # The log's end before this start: an error message shows only what came after.
        (state.root / "log-offset").write_text(str(output.tell()))
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__, str(spec)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={"PATH": machine.path},
            start_new_session=True,
        )
    _keepers.append(process)


_keepers: list[subprocess.Popen[bytes]] = []
"""Kept so that an ended keeper is reaped, and its early end seen."""


def _exited(state: StateDirs, deadline: float) -> bool:
    """Whether the keeper that we spawned has ended without ever taking its lock."""
    _pause(state, deadline)
    return bool(_keepers) and _keepers[-1].poll() is not None and not _keeper_alive(state)


def _listening(state: StateDirs, running: RunningDaemon, deadline: float) -> RunningDaemon:
    socket = Path(running.address.removeprefix("unix://"))
    while not socket.exists():
        if not _keeper_alive(state):
            raise _died(state)
        _pause(state, deadline)
    return running


def _pause(state: StateDirs, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise DaemonGone(f"The daemon does not come up. Its log: {state.root / 'buildkitd.log'}")
    time.sleep(0.005)


def _died(state: StateDirs) -> DaemonGone:
    log = state.root / "buildkitd.log"
    text = ""
    with contextlib.suppress(OSError, ValueError), log.open("rb") as file:
        file.seek(int((state.root / "log-offset").read_text()))
        text = file.read()[-_LOG_TAIL:].decode(errors="replace")
    return DaemonGone(f"The daemon ended at its start. Its log ({log}) ends with:\n{text.strip()}")


async def _answers(address: str) -> None:
    """Raise DaemonGone unless a daemon speaks there."""
    async with connect(address, timeout_s=30):
        await anyio.lowlevel.checkpoint()
