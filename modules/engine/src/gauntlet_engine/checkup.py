"""What the engine needs from a machine, looked at without changing anything."""

from __future__ import annotations

import os
import platform
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_buildkit import VERSION, buildkitd, exec_shim
from gauntlet_engine.bootstrap import RECIPES
from gauntlet_engine.buildkit.client import connect
from gauntlet_engine.buildkit.errors import EngineError
from gauntlet_engine.daemon import find_daemon
from gauntlet_engine.daemon_config import network_mode
from gauntlet_engine.prerequisites import look
from gauntlet_engine.settings import read_host_settings
from gauntlet_engine.state import state_dirs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet_engine.prerequisites import Machine
    from gauntlet_engine.state import StateDirs

OK, WARN, FAIL = "ok", "warn", "fail"
_NEEDED_KERNEL = (5, 11)  # unprivileged overlayfs mounts; as root 5.3 (pidfd) would do
_NEEDED_BYTES = 5 << 30


@dataclass(frozen=True)
class Check:
    """One thing looked at: `level` is ok, warn or fail; `remedy` is empty where there is nothing to do."""

    name: str
    level: str
    finding: str
    remedy: str = ""


async def check_machine(environ: Mapping[str, str]) -> list[Check]:
    """All checks, in the order in which they matter. The daemon is asked if it runs, never started."""
    machine = look(environ)
    state = state_dirs(environ)
    remote = environ.get("BUILDKIT_HOST")
    if remote:
        return [_state(state), *_disk(state), _certificates(environ), await _daemon(remote, state)]
    return [
        _kernel(),
        _cgroup(),
        _user(machine),
        _programs(),
        *_prerequisites(machine, environ),
        _bootstrap(machine, state),
        _state(state),
        *_disk(state),
        _certificates(environ),
        await _daemon("", state),
    ]


def _kernel() -> Check:
    release = platform.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
    if platform.system() != "Linux":
        return Check("kernel", FAIL, f"{platform.system()} {release}: containers need Linux", "set BUILDKIT_HOST")
    if numbers < _NEEDED_KERNEL:
        return Check("kernel", WARN, f"Linux {release} is older than 5.11", "upgrade it, or set BUILDKIT_HOST")
    return Check("kernel", OK, f"Linux {release}, {platform.machine()}")


def _cgroup() -> Check:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return Check("cgroup", OK, "version 2")
    if Path("/sys/fs/cgroup/unified").exists() or Path("/sys/fs/cgroup/memory").exists():
        return Check("cgroup", OK, "version 1 or hybrid (use runc, not crun)")
    return Check(
        "cgroup", FAIL, "no cgroup file system at /sys/fs/cgroup", "mount it: mount -t cgroup2 none /sys/fs/cgroup"
    )


def _user(machine: Machine) -> Check:
    if machine.root:
        return Check("user", OK, "root: bridge networking")
    closed = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if closed.exists() and closed.read_text().strip() == "0":
        remedy = "sysctl kernel.unprivileged_userns_clone=1 (or run as root)"
        return Check("user", FAIL, "not root, and unprivileged user namespaces are off", remedy)
    limits = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if limits.exists() and limits.read_text().strip() == "1":
        remedy = "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for rootlesskit"
        return Check("user", WARN, "not root, and AppArmor restricts user namespaces", remedy)
    return Check("user", OK, f"user {os.geteuid()}: rootless")


def _programs() -> Check:
    try:
        buildkitd()
        exec_shim()
    except FileNotFoundError as error:
        return Check("buildkit", FAIL, str(error), "reinstall the gauntlet-buildkit wheel")
    return Check("buildkit", OK, VERSION)


def _prerequisites(machine: Machine, environ: Mapping[str, str]) -> list[Check]:
    try:
        mode = network_mode(environ)
    except EngineError as error:
        return [Check("network", FAIL, error.message, "unset GAUNTLET_ENGINE_NETWORK")]
    missing = machine.missing(mode)
    checks = [Check("programs", FAIL, f"{lack.what} is missing: {lack.why}", lack.remedy) for lack in missing]
    if not missing:
        found = ", ".join(filter(None, (machine.runc, machine.cni, machine.iptables, machine.rootlesskit)))
        checks.append(Check("programs", OK, found))
    network = "an address of its own for each container" if mode == "bridge" else "the host's own"
    checks.append(Check("network", OK if mode == "bridge" else WARN, f"{mode}: {network}"))
    return checks


def _bootstrap(machine: Machine, state: StateDirs) -> Check:
    ready = [name for name, recipe in RECIPES.items() if (state.root / "images" / recipe.key).is_dir()]
    if ready:
        return Check("base images", OK, f"ready: {', '.join(ready)}")
    if shutil.which("mmdebstrap", path=machine.path):
        return Check("base images", OK, "made at the first run (mmdebstrap)")
    return Check(
        "base images", WARN, "mmdebstrap is missing: gauntlet/base:… cannot be made", "apt-get install mmdebstrap"
    )


def _state(state: StateDirs) -> Check:
    folder = next(folder for folder in (state.root, *state.root.parents) if folder.exists())
    if not os.access(folder, os.W_OK):
        return Check("state", FAIL, f"{folder} is not writable", "set GAUNTLET_ENGINE_STATE")
    return Check("state", OK, str(state.root))


def _disk(state: StateDirs) -> list[Check]:
    folder = next(folder for folder in (state.root, *state.root.parents) if folder.exists())
    usage = shutil.disk_usage(folder)
    text = f"{usage.free / 1e9:.0f} of {usage.total / 1e9:.0f} GB free"
    if usage.free < _NEEDED_BYTES:
        return [Check("disk", WARN, text, "gauntlet-engine prune, or GAUNTLET_ENGINE_STATE on another disk")]
    return [Check("disk", OK, text)]


def _certificates(environ: Mapping[str, str]) -> Check:
    settings = read_host_settings(environ)
    names = ", ".join(sorted(settings.environment)) or "none"
    if not settings.ca_bundle:
        return Check("trust", OK, f"each image's own certificates; package settings: {names}")
    try:
        context = ssl.create_default_context(cadata=settings.ca_bundle.decode("ascii", errors="replace"))
    except ssl.SSLError as error:
        return Check("trust", WARN, f"the host's certificates cannot be read: {error}", "check SSL_CERT_FILE")
    count = context.cert_store_stats()["x509"]
    return Check("trust", OK, f"the host's {count} certificates; package settings: {names}")


async def _daemon(remote: str, state: StateDirs) -> Check:
    running = None if remote else find_daemon(state)
    address = remote or (running.address if running else "")
    if not address:
        return Check("daemon", OK, "not running; the next run starts it")
    try:
        async with connect(address, timeout_s=5) as client:
            info = await client.info()
    except EngineError as error:
        remedy = "check BUILDKIT_HOST" if remote else f"gauntlet-engine stop; its log is {state.root}/buildkitd.log"
        return Check("daemon", FAIL, error.message, remedy)
    return Check("daemon", OK, f"BuildKit {info.version} at {address}")
