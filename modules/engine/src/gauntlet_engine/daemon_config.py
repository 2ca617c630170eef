"""How our daemon is set up: its buildkitd.toml, environment and command line."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_buildkit import VERSION
from gauntlet_engine.buildkit.errors import DaemonGone
from gauntlet_engine.keeper import KeeperSpec
from gauntlet_engine.state import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet_engine.prerequisites import Machine
    from gauntlet_engine.state import StateDirs

IDLE_SECONDS = 15 * 60.0
_SHARE_OF_DISK = 0.3
_LEAST_CACHE = 10 << 30
_KEPT_FREE = 2 << 30
_PASSED_ON = (
    "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
    "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy", "XDG_RUNTIME_DIR", "USER", "LOGNAME",
)  # fmt: skip


@dataclass(frozen=True)
class Network:
    """Of the containers: a bridge and its /24, or the host's (both empty)."""

    bridge: str = ""
    subnet: str = ""


def choose_network(root: Path, taken: list[ipaddress.IPv4Network]) -> Network:
    """A bridge name and /24 of 10.0.0.0/8 that belong to this state directory and collide with no route.

    Args:
        root: the state directory; the same one gets the same answer while the routes allow.
        taken: networks that the host already routes.
    """
    digest = hashlib.sha256(os.fsencode(root)).digest()
    start = int.from_bytes(digest[:2])
    for step in range(1 << 16):
        second, third = divmod((start + step) & 0xFFFF, 256)
        candidate = ipaddress.IPv4Network(f"10.{second}.{third}.0/24")
        if not any(candidate.overlaps(network) for network in taken):
            return Network(f"gnt{digest.hex()[:10]}", str(candidate))
    raise DaemonGone("Every /24 of 10.0.0.0/8 is routed on this machine: no address range is left for containers.")


def routed_networks(table: str, own_bridge: str) -> list[ipaddress.IPv4Network]:
    """Networks of /proc/net/route, without the default route and without those through `own_bridge`."""
    networks: list[ipaddress.IPv4Network] = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[0] != own_bridge:  # noqa: PLR2004  the mask is the eighth column
            address, mask = (int.from_bytes(bytes.fromhex(fields[i]), "little") for i in (1, 7))
            if mask:
                networks.append(ipaddress.IPv4Network((address & mask, mask.bit_count())))
    return networks


def buildkitd_toml(*, root: Path, socket: Path, machine: Machine, runc: Path, network: Network, cache: int) -> str:
    """The daemon's configuration. `cache` is the size in bytes down to which it collects garbage."""
    lines = [
        f"root = {json.dumps(str(root))}",
        'insecure-entitlements = ["security.insecure"]',
        "[grpc]",
        f"address = [{json.dumps(f'unix://{socket}')}]",
        # The default is one path for all daemons of the machine.
        "[otel]",
        f"socketPath = {json.dumps(str(socket.with_name('otel.sock')))}",
        "[history]",
        "maxEntries = 0",
        "[worker.containerd]",
        "enabled = false",
        "[worker.oci]",
        "enabled = true",
        f"rootless = {'false' if machine.root else 'true'}",
        f"binary = {json.dumps(str(runc))}",
        f"networkMode = {json.dumps('bridge' if network.bridge else 'host')}",
        "gc = true",
    ]
    if network.bridge:
        lines += [
            f"cniBinaryPath = {json.dumps(machine.cni)}",
            f"bridgeName = {json.dumps(network.bridge)}",
            f"bridgeSubnet = {json.dumps(network.subnet)}",
        ]
    lines += [
        "[[worker.oci.gcpolicy]]",
        "all = true",
        f"maxUsedSpace = {cache}",
        f"minFreeSpace = {_KEPT_FREE}",
        "reservedSpace = 0",
    ]
    return "\n".join(lines) + "\n"


_SPARE_TASKS = 64
# The shim's specification is an argument in the bundle's config.json, a JSON text in a JSON text: its quotes have one
# backslash there, and quotes of what people wrote into it have more.
_LIMITING = r"""#!/bin/sh
previous=
for word in "$@"; do
  if [ "$previous" = --bundle ] && [ -f "$word/config.json" ]; then
    wanted=$(grep -o '[^\\]\\"processes\\":[0-9]\{1,9\}' "$word/config.json" | head -n 1)
    if [ -n "$wanted" ]; then
      limit="\"pids\":{\"limit\":$((${wanted##*:} + SPARE))}"
      sed -i "s/\"resources\":{}/\"resources\":{$limit}/;t;s/\"resources\":{/&$limit,/" "$word/config.json"
    fi
  fi
  previous=$word
done
"""


def daemon_environment(environ: Mapping[str, str], path: str, temporary: Path) -> dict[str, str]:
    """Only what a daemon needs: it outlives the caller, whose variables may hold credentials."""
    return {
        **{name: environ[name] for name in _PASSED_ON if name in environ},
        "PATH": path,
        "TMPDIR": str(temporary),
        # Its default cuts a step's live log at 2 MiB and 200 KiB/s.
        "BUILDKIT_STEP_LOG_MAX_SIZE": "-1",
        "BUILDKIT_STEP_LOG_MAX_SPEED": "-1",
    }


def network_mode(environ: Mapping[str, str]) -> str:
    """`bridge` unless GAUNTLET_ENGINE_NETWORK says `host`; raises DaemonGone for another value."""
    mode = environ.get("GAUNTLET_ENGINE_NETWORK") or ("bridge" if os.geteuid() == 0 else "host")
    if mode not in {"bridge", "host"}:
        raise DaemonGone(f"GAUNTLET_ENGINE_NETWORK is {mode!r}; it may be bridge or host.")
    return mode


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(environ.get(name) or default)
    except ValueError:
        raise DaemonGone(f"{name} is not a number: {environ[name]!r}.") from None


def write_configuration(state: StateDirs, environ: Mapping[str, str], machine: Machine, buildkitd: Path) -> Path:
    """Write buildkitd.toml and the runc wrapper into the state, and return the keeper's specification."""
    root = state.root / "buildkit"
    socket = state.run / "buildkitd.sock"
    runc_root = state.root / "runc"
    temporary = state.run / "tmp"
    network = Network()
    if network_mode(environ) == "bridge":
        own = choose_network(state.root, []).bridge
        network = choose_network(state.root, routed_networks(Path("/proc/net/route").read_text(), own))
    wrapper = state.root / "runc-wrapper"
    replace_file(wrapper, runc_wrapper(machine, runc_root).encode())
    wrapper.chmod(0o700)
    size = shutil.disk_usage(state.root).total
    cache = int(_number(environ, "GAUNTLET_ENGINE_CACHE_BYTES", max(_LEAST_CACHE, size * _SHARE_OF_DISK)))
    configuration = state.root / "buildkitd.toml"
    toml = buildkitd_toml(root=root, socket=socket, machine=machine, runc=wrapper, network=network, cache=cache)
    replace_file(configuration, toml.encode())
    argv = [str(buildkitd), "--config", str(configuration)]
    if not machine.root:
        rootless = (machine.rootlesskit, "--net=host", "--copy-up=/etc", "--copy-up=/run")
        argv = [*rootless, f"--state-dir={state.run / 'rootlesskit'}", *argv]
    spec = KeeperSpec(
        argv=argv,
        env=daemon_environment(environ, machine.path, temporary),
        keeper_lock=str(state.root / "keeper.lock"),
        lease_lock=str(state.root / "lease.lock"),
        record=str(state.root / "daemon.json"),
        log=str(state.root / "buildkitd.log"),
        socket=str(socket),
        buildkit_root=str(root),
        runc=machine.runc,
        runc_root=str(runc_root),
        temporary=str(temporary),
        bridge=network.bridge,
        subnet=network.subnet,
        version=VERSION,
        idle_seconds=_number(environ, "GAUNTLET_ENGINE_IDLE_SECONDS", IDLE_SECONDS),
    )
    path = state.root / "keeper.json"
    replace_file(path, json.dumps(vars(spec)).encode())
    return path


def runc_wrapper(machine: Machine, runc_root: Path) -> str:
    """What BuildKit calls for runc: it keeps to a runc root of our own, and limits a container's processes.

    Another program's containers are never ours to list or delete. The exec shim counts processes too, but inside of
    the container: when a fork bomb has all processors, it gets none. BuildKit can't limit them, so the limit that the
    shim was given is put into the bundle for the kernel to keep. The kernel counts threads as well, hence the spare.
    """
    run = f'exec {_quoted(machine.runc)} --root {_quoted(runc_root)} "$@"\n'
    if not machine.root:
        return f"#!/bin/sh\n{run}"  # a user's own daemon has no cgroups to write to
    spare = _SPARE_TASKS + (os.cpu_count() or 1) ** 2
    return _LIMITING.replace("SPARE", str(spare)) + run


def _quoted(path: str | Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"
