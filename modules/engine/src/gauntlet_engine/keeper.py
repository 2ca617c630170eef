"""The daemon's keeper: a small detached process that starts buildkitd, stops it when idle, and cleans up after it.

Run as a script (`python -I -S keeper.py SPEC`) on the standard library alone: it must start in a few milliseconds and
stay small, since it lives as long as the daemon. It holds an exclusive lock on `keeper.lock` for its whole life, so
"is there a daemon" is a question to the kernel, not to a pid file; the daemon dies with it (PR_SET_PDEATHSIG, and at
once: asked to end, it would wait for its clients), and the next keeper cleans up.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 2.0
_GRACE_SECONDS = 5.0
_MNT_DETACH = 2


@dataclass(frozen=True)
class KeeperSpec:
    """What the keeper is told, as JSON. Paths are absolute; `idle_seconds` 0 means never stop."""

    argv: list[str]
    env: dict[str, str]
    keeper_lock: str
    lease_lock: str
    record: str
    log: str
    socket: str
    buildkit_root: str
    runc: str
    runc_root: str
    temporary: str
    bridge: str
    subnet: str
    idle_seconds: float
    version: str


class _Keeper:
    def __init__(self, spec: KeeperSpec) -> None:
        self._spec = spec
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def run(self) -> None:
        lock = os.open(self._spec.keeper_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another keeper was faster
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        unclean = Path(self._spec.keeper_lock).with_suffix(".unclean")
        if unclean.exists():  # our predecessor was killed
            clean_up(self._spec)
        unclean.touch()
        daemon = self._start()
        try:
            self._watch(daemon)
        finally:
            _end(daemon)
            clean_up(self._spec)
            for path in (self._spec.record, self._spec.socket, unclean):
                Path(path).unlink(missing_ok=True)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b".")

    def _start(self) -> subprocess.Popen[bytes]:
        Path(self._spec.socket).unlink(missing_ok=True)
        Path(self._spec.temporary).mkdir(mode=0o700, parents=True, exist_ok=True)
        libc = ctypes.CDLL(None)
        with Path(self._spec.log).open("ab") as log:
            daemon = subprocess.Popen(
                self._spec.argv,
                env=self._spec.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509  one thread only
            )
        record = {
            "pid": daemon.pid,
            "keeper": os.getpid(),
            "socket": self._spec.socket,
            "started": time.time(),
            "version": self._spec.version,
        }
        part = Path(self._spec.record + ".new")
        part.write_text(json.dumps(record))
        part.replace(self._spec.record)
        return daemon

    def _watch(self, daemon: subprocess.Popen[bytes]) -> None:
        """Return when the daemon has ended, we were told to stop, or nobody used it for the idle time."""
        lease = os.open(self._spec.lease_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        ended = os.pidfd_open(daemon.pid)
        while not self._stopping and daemon.poll() is None:
            select.select([ended, self._wake_read], [], [], _POLL_SECONDS)
            if self._idle(lease):
                return  # with the lease locked: a client that comes now waits for our end, then starts anew

    def _idle(self, lease: int) -> bool:
        if not self._spec.idle_seconds:
            return False
        # Clients touch the file when they take and when they give back their shared lock.
        if time.time() - os.fstat(lease).st_mtime < self._spec.idle_seconds:
            return False
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if time.time() - os.fstat(lease).st_mtime >= self._spec.idle_seconds:
            return True
        fcntl.flock(lease, fcntl.LOCK_UN)
        return False


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:  # it waits for open sessions' end for ever
        daemon.kill()
        daemon.wait()


def clean_up(spec: KeeperSpec) -> None:
    """Remove what a daemon that was killed left behind: containers, mounts, network rules. Idempotent."""
    _delete_containers(spec)
    _detach_mounts(spec)
    _remove_bundles(spec)
    shutil.rmtree(spec.temporary, ignore_errors=True)
    if spec.bridge:
        _remove_network(spec)


def _delete_containers(spec: KeeperSpec) -> None:
    root = Path(spec.runc_root)
    for container in sorted(root.iterdir()) if root.is_dir() else ():
        _quietly(spec.runc, "--root", spec.runc_root, "delete", "--force", container.name)
        if container.is_dir():  # too broken for runc itself, such as one that was never finished
            shutil.rmtree(container, ignore_errors=True)


def _detach_mounts(spec: KeeperSpec) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for line in reversed(Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()):
        before, _, after = line.partition(" - ")
        target = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), before.split(" ")[4])
        under = target.startswith((spec.buildkit_root + "/", spec.temporary + "/"))
        if under or f"={spec.buildkit_root}/" in after:
            libc.umount2(os.fsencode(target), _MNT_DETACH)


def _remove_bundles(spec: KeeperSpec) -> None:
    # Never recursively: a root file system that is still mounted here is the content of a snapshot.
    for executor in Path(spec.buildkit_root).glob("runc-*/executor"):
        for hosts in executor.glob("hosts.*"):
            hosts.unlink(missing_ok=True)
        for bundle in executor.iterdir():
            if (bundle / "rootfs").is_dir() or (bundle / "config.json").is_file():
                with contextlib.suppress(OSError):
                    (bundle / "config.json").unlink(missing_ok=True)
                    (bundle / "rootfs").rmdir()
                    bundle.rmdir()


def _remove_network(spec: KeeperSpec) -> None:
    prefix = spec.subnet.rpartition(".")[0] + "."
    leases = Path("/var/lib/cni/networks/buildkit")
    for lease in leases.iterdir() if leases.is_dir() else ():
        if lease.name.startswith(prefix):
            lease.unlink(missing_ok=True)
    for table in ("nat", "filter"):
        _remove_rules(table, spec.bridge, prefix)
    if Path(f"/sys/class/net/{spec.bridge}").exists():
        _quietly("ip", "link", "delete", spec.bridge)


def _remove_rules(table: str, bridge: str, prefix: str) -> None:
    """Delete the rules that name our bridge or an address of our subnet, and the chains that only they use."""
    rules = [rule for rule in _output("iptables", "-w", "-t", table, "-S").splitlines() if rule.startswith("-A ")]
    ours = [rule for rule in rules if concerns(rule, bridge, prefix)]
    chains = {match[1] for rule in ours if (match := re.search(r"-j (CNI-[0-9a-f]{20,})", rule))}
    for rule in ours:
        _quietly("iptables", "-w", "-t", table, "-D", *split_rule(rule)[1:])
    for chain in chains:
        _quietly("iptables", "-w", "-t", table, "-F", chain)
        _quietly("iptables", "-w", "-t", table, "-X", chain)


def concerns(rule: str, bridge: str, prefix: str) -> bool:
    """Whether a firewall rule names the bridge, or an address that begins with `prefix` ("10.1.2.")."""
    return f" {bridge} " in f"{rule} " or f" {prefix}" in rule


def split_rule(rule: str) -> list[str]:
    """Split as iptables -S quotes: double quotes with backslash escapes."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', rule)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else plain for quoted, plain in found]


def _quietly(*argv: str) -> None:
    with contextlib.suppress(OSError):
        subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True)


def _output(*argv: str) -> str:
    try:
        return subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    except OSError:
        return ""


if __name__ == "__main__":
    _Keeper(KeeperSpec(**json.loads(Path(sys.argv[1]).read_text()))).run()
