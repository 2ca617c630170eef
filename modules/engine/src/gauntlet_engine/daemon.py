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

import anyio
from anyio import from_thread, to_thread

from gauntlet_buildkit import VERSION, buildkitd
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
_PAUSE = 0.005
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class RunningDaemon:
    """What the keeper wrote down: process ids, the address, the start in seconds since the epoch, and the release."""

    pid: int
    keeper: int
    address: str
    started: float
    version: str


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
    held = holding_daemon(state, environ, log=log, checkpoint=from_thread.check_cancelled)
    running = await to_thread.run_sync(held.__enter__)
    try:
        await _answers(running.address, state)
        yield running.address
    finally:
        held.__exit__(None, None, None)


@contextlib.contextmanager
def holding_daemon(
    state: StateDirs,
    environ: Mapping[str, str],
    *,
    log: Callable[[str], None] | None = None,
    checkpoint: Callable[[], None] = lambda: None,
) -> Generator[RunningDaemon]:
    """Our own daemon, found or started, and not stopped as idle until the block ends; blocks meanwhile.

    Args:
        state: where it lives.
        environ: the caller's environment.
        log: is told when it has to be started.
        checkpoint: called every few milliseconds of waiting; may raise to give up.

    Raises:
        DaemonGone: as `running_daemon`.
    """
    state.prepare()
    lease = _take_lease(state, checkpoint)
    try:
        running = find_daemon(state)
        if running is not None and running.version != VERSION:
            running = _replaced(state, lease, running, checkpoint)
        yield running or _Start(state, environ, log, checkpoint).run()
    finally:
        os.utime(lease)
        os.close(lease)


def _replaced(
    state: StateDirs, lease: int, running: RunningDaemon, checkpoint: Callable[[], None]
) -> RunningDaemon | None:
    """None once a daemon of another release is stopped; that daemon itself where another run is using it."""
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return running
    stop_daemon(state)
    _lock(lease, fcntl.LOCK_SH, checkpoint)
    return None


def find_daemon(state: StateDirs) -> RunningDaemon | None:
    """The daemon that a keeper holds for this state now, or None. Starts nothing."""
    if not _keeper_alive(state):
        return None
    try:
        record = json.loads((state.root / "daemon.json").read_text())
        address = f"unix://{record['socket']}"
        return RunningDaemon(record["pid"], record["keeper"], address, record["started"], record.get("version", ""))
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


def _take_lease(state: StateDirs, checkpoint: Callable[[], None]) -> int:
    """A shared lock that keeps the daemon from ending as idle; waits while it is just ending."""
    handle = os.open(state.root / "lease.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(handle, fcntl.LOCK_SH, checkpoint)
        os.utime(handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _lock(handle: int, kind: int, checkpoint: Callable[[], None]) -> None:
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            checkpoint()
            time.sleep(_PAUSE)
        else:
            return


def _keeper_alive(state: StateDirs) -> bool:
    try:
        handle = os.open(state.root / "keeper.lock", os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


class _Start:
    """One attempt to have a daemon, by one starter at a time."""

    def __init__(
        self,
        state: StateDirs,
        environ: Mapping[str, str],
        log: Callable[[str], None] | None,
        checkpoint: Callable[[], None],
    ) -> None:
        self._state = state
        self._environ = environ
        self._log = log
        self._checkpoint = checkpoint
        self._deadline = time.monotonic() + _START_SECONDS

    def run(self) -> RunningDaemon:
        handle = os.open(self._state.root / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(handle, fcntl.LOCK_EX, self._checkpoint)
            return self._found() or self._started()
        finally:
            os.close(handle)

    def _found(self) -> RunningDaemon | None:
        """One that another starter has just brought up; None once there is none any more."""
        while _keeper_alive(self._state):
            running = find_daemon(self._state)
            if running is not None:
                return self._listening(running)
            self._pause()
        return None

    def _started(self) -> RunningDaemon:
        if self._log:
            self._log("starting the engine's daemon")
        keeper_process = self._spawn()
        while (running := find_daemon(self._state)) is None:
            if keeper_process.poll() is not None:
                raise self._died()
            self._pause()
        return self._listening(running)

    def _spawn(self) -> subprocess.Popen[bytes]:
        machine = look(self._environ)
        missing = machine.missing(network_mode(self._environ))
        if missing:
            lacks = "; ".join(f"{lack.what} is missing ({lack.why})" for lack in missing)
            remedy = "\n".join(dict.fromkeys(lack.remedy for lack in missing))
            raise DaemonGone(f"The engine's daemon cannot start: {lacks}.", remedy=remedy)
        try:
            program = buildkitd()
        except FileNotFoundError as error:
            raise DaemonGone(str(error)) from error
        spec = write_configuration(self._state, self._environ, machine, program)
        daemon_log = self._state.root / "buildkitd.log"
        if daemon_log.exists() and daemon_log.stat().st_size > _LOG_LIMIT:
            daemon_log.replace(daemon_log.with_suffix(".log.1"))
        (self._state.root / "daemon.json").unlink(missing_ok=True)
        with daemon_log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, str(spec)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"PATH": machine.path},
                start_new_session=True,
            )

    def _listening(self, running: RunningDaemon) -> RunningDaemon:
        socket = Path(running.address.removeprefix("unix://"))
        while not socket.exists():
            if not _keeper_alive(self._state):
                raise self._died()
            self._pause()
        return running

    def _pause(self) -> None:
        self._checkpoint()
        if time.monotonic() > self._deadline:
            raise DaemonGone(f"The daemon does not come up. Its log: {self._state.root / 'buildkitd.log'}")
        time.sleep(_PAUSE)

    def _died(self) -> DaemonGone:
        return _ended(self._state)


def _ended(state: StateDirs) -> DaemonGone:
    log = state.root / "buildkitd.log"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL))
        text = file.read().decode(errors="replace")
    return DaemonGone(f"The daemon ended at its start. Its log ({log}) ends with:\n{text.strip()}")


async def _answers(address: str, state: StateDirs | None = None) -> None:
    """Raise DaemonGone unless a daemon speaks there; one of ours may still be on its way up, or down."""
    deadline = anyio.current_time() + _ANSWER_SECONDS
    while True:
        try:
            async with connect(address, timeout_s=min(0.5, _ANSWER_SECONDS)):
                return
        except DaemonGone:
            if state is not None and not _keeper_alive(state):
                raise _ended(state) from None
            if anyio.current_time() > deadline:
                raise
