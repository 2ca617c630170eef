"""The services beside an exec: they live in its container's network, started and awaited by the exec shim."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gauntlet_engine.graph import Bind

if TYPE_CHECKING:
    from gauntlet_engine.api.container.state import ServiceBinding
    from gauntlet_engine.api.service import Service

_ROOTS = "/.gauntlet/svc"
_LOOPBACK = "127.0.0.1"
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Pod:
    """What an exec needs for its services: mounts, names to resolve, and the shim's instructions."""

    mounts: tuple[Bind, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    services: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def pod_members(bindings: tuple[ServiceBinding, ...]) -> Pod:
    """The pod of an exec with these bindings; a service that several names are bound to runs once.

    Services that services need are members too, and start first.
    """
    members: dict[Service, list[str]] = {}
    _collect(bindings, members)
    mounts: list[Bind] = []
    services: list[dict[str, Any]] = []
    names: list[str] = []
    for service, aliases in members.items():
        name = service.hostname()
        root = f"{_ROOTS}/{name}"
        mounts.append(Bind(root, service.container.tree))
        services.append(_instructions(service, name, root))
        names.extend((name, *aliases))
    hosts = tuple((name, _LOOPBACK) for name in dict.fromkeys(names))
    return Pod(tuple(mounts), hosts, services)


def _collect(bindings: tuple[ServiceBinding, ...], members: dict[Service, list[str]]) -> None:
    for binding in bindings:
        _collect(binding.service.container.services, members)
        members.setdefault(binding.service, []).append(binding.alias)


def _instructions(service: Service, name: str, root: str) -> dict[str, Any]:
    config = service.container.config
    env = config.env if config.variable("PATH") else (*config.env, ("PATH", _DEFAULT_PATH))
    return {
        "name": name,
        "root": root,
        "args": list(service.args),
        "env": [f"{key}={value}" for key, value in env],
        "cwd": config.workdir or "/",
        "user": config.user,
        "ports": [
            {"port": port.port, "protocol": port.protocol, "skipHealthcheck": port.experimental_skip_healthcheck}
            for port in service.ports()
        ],
    }
