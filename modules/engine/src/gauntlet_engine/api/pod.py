"""The services beside an exec: they live in its container's network, started and awaited by the exec shim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gauntlet_engine.api.container.attachments import attachments
from gauntlet_engine.graph import Bind, SecretFile

if TYPE_CHECKING:
    from gauntlet_engine.api.container.state import ServiceBinding
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.service import Service
    from gauntlet_engine.graph import Mount

_ROOTS = "/.gauntlet/svc"
_LOOPBACK = "127.0.0.1"
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Pod:
    """What an exec needs for its services.

    Args:
        mounts: their roots, and what is mounted in these.
        volumes: cache volumes among the mounts, as `target=volume`.
        secret_env: (variable, handle): their secrets under names that no command uses.
        secret_files: where their secrets are files; the shim scrubs what is in them.
        hosts: names to resolve.
        services: the shim's instructions.
    """

    mounts: tuple[Mount, ...] = ()
    volumes: tuple[str, ...] = ()
    secret_env: tuple[tuple[str, str], ...] = ()
    secret_files: tuple[str, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    services: tuple[dict[str, Any], ...] = ()


async def pod_members(session: EngineSession, bindings: tuple[ServiceBinding, ...]) -> Pod:
    """The pod of an exec with these bindings; a service that several names are bound to runs once.

    Services that services need are members too. One that was started on its own is only found under its names.
    """
    members: dict[Service, list[str]] = {}
    elsewhere: list[tuple[str, str]] = list(session.instances.named())
    _collect(session, bindings, members, elsewhere)
    mounts: list[Mount] = []
    volumes: list[str] = []
    secret_env: list[tuple[str, str]] = []
    services: list[dict[str, Any]] = []
    names: list[str] = []
    for number, (service, aliases) in enumerate(members.items()):
        name = service.hostname()
        root = f"{_ROOTS}/{name}"
        inside = (await attachments(session, service.container)).below(root)
        mounts += [Bind(root, service.container.tree), *inside.mounts]
        volumes += inside.volumes
        secrets = {secret.name: f"_GAUNTLET_SVC{number}_{secret.name}" for secret in service.container.secret_variables}
        secret_env += [(secrets[secret.name], secret.secret.handle) for secret in service.container.secret_variables]
        services.append(_instructions(service, name, root, secrets))
        names += [name, *aliases]
    return Pod(
        mounts=tuple(mounts),
        volumes=tuple(volumes),
        secret_env=tuple(secret_env),
        secret_files=tuple(mount.target for mount in mounts if isinstance(mount, SecretFile)),
        hosts=(*((name, _LOOPBACK) for name in dict.fromkeys(names)), *elsewhere),
        services=tuple(services),
    )


def _collect(
    session: EngineSession,
    bindings: tuple[ServiceBinding, ...],
    members: dict[Service, list[str]],
    elsewhere: list[tuple[str, str]],
) -> None:
    for binding in bindings:
        instance = session.instances.find(binding.service)
        if instance is not None:
            elsewhere.extend((name, instance.address) for name in (binding.alias, binding.service.hostname()))
            continue
        _collect(session, binding.service.container.services, members, elsewhere)
        members.setdefault(binding.service, []).append(binding.alias)


def _instructions(service: Service, name: str, root: str, secrets: dict[str, str]) -> dict[str, Any]:
    config = service.container.config
    env = config.env if config.variable("PATH") else (*config.env, ("PATH", _DEFAULT_PATH))
    instructions: dict[str, Any] = {
        "name": name,
        "root": root,
        "args": list(service.args),
        "env": [f"{key}={value}" for key, value in env],
        "cwd": config.workdir or "/",
        "user": config.user,
        "secretEnv": secrets,
        "ports": [
            {"port": port.port, "protocol": port.protocol, "skipHealthcheck": port.experimental_skip_healthcheck}
            for port in service.ports()
        ],
    }
    return {key: value for key, value in instructions.items() if value}
