"""One process under supervision: its output bounded, its descendants found and killed, its end described."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT_BYTES = 1 << 20  # of the head and of the tail of each stream
LIVE_BYTES = 4 << 20  # what is passed on as live log; the rest of a flood is only in the kept head and tail
TERM_GRACE_S = 2.0
DRAIN_S = 5.0
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the process: seconds, bytes; None leaves one unset."""

    timeout_s: float | None = None
    address_space_bytes: int | None = None
    file_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Exactly one of `exit_code` and `signal` is set, or neither where it never started (`why` says so). Sizes are bytes,
    durations seconds.
    """

    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    why: str = ""
    duration_s: float = 0.0
    max_rss_bytes: int = 0
    stdout: str = ""
    stderr: str = ""


@dataclass(slots=True)
class Bounded:
    """A byte stream of which the first and the last `KEPT_BYTES` are kept."""

    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    dropped: int = 0

    def add(self, data: bytes) -> None:
        """Append `data`, dropping from the middle what does not fit."""
        room = KEPT_BYTES - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > 2 * KEPT_BYTES:
            self._trim()

    def text(self) -> str:
        """What was kept, as text; bytes that are no UTF-8 become U+FFFD."""
        self._trim()
        gap = f"\n[... {self.dropped} bytes left out ...]\n".encode() if self.dropped else b""
        return bytes(self.head + gap + self.tail).decode("utf-8", "replace")

    def _trim(self) -> None:
        excess = len(self.tail) - KEPT_BYTES
        if excess > 0:
            del self.tail[:excess]
            self.dropped += excess


def supervise(
    argv: Sequence[str], *, cwd: str, env: Mapping[str, str], limits: Limits, live_fd: int | None = None
) -> Ended:
    """Run `argv` to its end and leave nothing of it behind.

    The process gets a session of its own. Whatever escapes from that session is re-parented to us (subreaper) and
    killed as well, so that nothing can rewrite a report after it was read. `live_fd` receives both streams as they
    come.
    """
    _become_subreaper()
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
            preexec_fn=lambda: _apply(limits),  # noqa: PLW1509 - no thread exists yet
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Ended(why=f"{argv[0]} could not be started: {error}", duration_s=time.monotonic() - started)
    stdout, stderr = Bounded(), Bounded()
    pumps = [_pump(process.stdout, stdout, live_fd), _pump(process.stderr, stderr, live_fd)]
    deadline = _Deadline(process.pid, limits.timeout_s)
    status, usage = _reap_until(process.pid)
    deadline.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)  # reaped by us: Popen must not wait for it
    kill_descendants()
    for pump in pumps:
        pump.join(DRAIN_S)
    code = process.returncode
    return Ended(
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        timed_out=deadline.passed,
        duration_s=time.monotonic() - started,
        max_rss_bytes=usage.ru_maxrss * 1024,
        stdout=stdout.text(),
        stderr=stderr.text(),
    )


def kill_descendants() -> None:
    """Kill and reap every process below this one, also those that fork while we look."""
    deadline = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline:
        found = descendants(os.getpid())
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        reaped = _reap_finished()
        if not found and not reaped:
            return
        time.sleep(0.01)


def descendants(root: int) -> list[int]:
    """Process ids of the living descendants of `root`, from /proc; zombies are left out."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent_of(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _parent_of(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_bytes()
    except OSError:  # it ended meanwhile
        return None
    # The program's name stands in parentheses and may itself hold spaces and parentheses (proc(5)).
    state, parent = stat[stat.rindex(b")") + 2 :].split()[:2]
    return None if state == b"Z" else int(parent)


class _Deadline:
    """SIGTERM to the session when the time is over, SIGKILL to all that is left a little later."""

    def __init__(self, pid: int, timeout_s: float | None) -> None:
        self.passed = False
        self._ended = threading.Event()
        if timeout_s is not None:
            threading.Thread(target=self._watch, args=(pid, timeout_s), daemon=True).start()

    def cancel(self) -> None:
        self._ended.set()

    def _watch(self, pid: int, timeout_s: float) -> None:
        if self._ended.wait(timeout_s):
            return
        self.passed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
        if self._ended.wait(TERM_GRACE_S):
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _apply(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.address_space_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.address_space_bytes, limits.address_space_bytes))
    if limits.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))


def _become_subreaper() -> None:
    # Where there is no prctl (a sandbox, another kernel) the session's process group is still killed.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _pump(stream: IO[bytes] | None, kept: Bounded, live_fd: int | None) -> threading.Thread:
    def copy() -> None:
        assert stream is not None  # noqa: S101 - both are pipes
        live_left = LIVE_BYTES if live_fd is not None else 0
        while data := os.read(stream.fileno(), 1 << 16):
            kept.add(data)
            if live_fd is not None and live_left > 0:
                with contextlib.suppress(OSError):
                    os.write(live_fd, data)
                live_left -= len(data)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def _reap_until(pid: int) -> tuple[int, resource.struct_rusage]:
    while True:
        reaped, status, usage = os.wait4(-1, 0)
        if reaped == pid:
            return status, usage


def _reap_finished() -> bool:
    """Reap what has ended; True where a child is still there."""
    try:
        while True:
            pid, _, _ = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return True
    except ChildProcessError:
        return False
