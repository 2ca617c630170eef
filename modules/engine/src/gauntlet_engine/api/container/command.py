"""From a container and a command to the op that runs it, through the exec shim."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gauntlet_engine.api.confinement import Confinement, read_confinement
from gauntlet_engine.api.container.attachments import attachments
from gauntlet_engine.api.pod import Pod, pod_members
from gauntlet_engine.api.shim import SHIM_TARGET, shim_mount
from gauntlet_engine.buildkit import META_MOUNT
from gauntlet_engine.graph import (
    Bind,
    Exec,
    FileChange,
    Mkfile,
    Mount,
    Output,
    SecretFile,
    Socket,
)
from gauntlet_engine.settings import CA_SECRET, SETTINGS_SECRET

if TYPE_CHECKING:
    from gauntlet_engine.api.container.state import ContainerState
    from gauntlet_engine.api.context import EngineSession

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HOST_SETTINGS = "/.gauntlet/host/settings.json"
_CA_BUNDLE = "/.gauntlet/host/ca.crt"
_SPEC_FOLDER = "/.gauntlet/spec"
_INLINE_SPEC_MAX = 100_000  # Linux takes 128 KiB in one argument
_VOLUMES_VARIABLE = "_GAUNTLET_VOLUMES"

ENGINE_SOCKET = "gauntlet.engine"
"""Id under which a session offers its own GraphQL endpoint to nested execs."""

ENGINE_TOKEN = "gauntlet.engine.token"  # noqa: S105  # the secret's id
"""Id under which it offers the token of that endpoint."""

_SOCKET_TARGET = "/.gauntlet/engine.sock"
_NESTED_PORT = 8080
_TOKEN_VARIABLE = "DAGGER_SESSION_TOKEN"  # noqa: S105  # the variable's name


@dataclass(frozen=True)
class Command:
    """What to run; args are final (entrypoint and expansion applied)."""

    args: tuple[str, ...]
    stdin: str = ""
    redirect_stdin: str = ""
    redirect_stdout: str = ""
    redirect_stderr: str = ""
    expect: str = "SUCCESS"
    nested: bool = False
    socket: str = ENGINE_SOCKET
    privileged: bool = False
    no_init: bool = False


async def exec_op(session: EngineSession, container: ContainerState, command: Command) -> Exec:
    """The op that runs `command` in `container`.

    Raises:
        ApiError: an owner, binding or confinement that makes no sense.
    """
    confinement, env = read_confinement(container.config.env)
    own = await attachments(session, container)
    pod = await pod_members(session, container.services)
    volumes = own.volumes + pod.volumes
    spec = _spec(container, command, confinement, pod)
    mounts: list[Mount] = [Bind(META_MOUNT, None, kept=True), shim_mount(session), *own.mounts]
    if confinement.network != "none":  # who reaches nobody has nobody's certificate to check
        mounts.append(SecretFile(_CA_BUNDLE, CA_SECRET, mode=0o444, optional=True))
        spec["caBundle"] = _CA_BUNDLE
    if confinement.network == "bridge":
        mounts.append(SecretFile(_HOST_SETTINGS, SETTINGS_SECRET, optional=True))
        spec["hostSettings"] = _HOST_SETTINGS
    mounts += pod.mounts
    if command.nested:
        mounts.append(Socket(_SOCKET_TARGET, command.socket, mode=0o666))
        spec["forward"] = [{"listen": _NESTED_PORT, "socket": _SOCKET_TARGET}]
        env = (*env, ("DAGGER_SESSION_PORT", str(_NESTED_PORT)))
    nested_env = ((_TOKEN_VARIABLE, ENGINE_TOKEN),) if command.nested and command.socket == ENGINE_SOCKET else ()
    if volumes:
        # BuildKit leaves the volume out of its cache key; the shim takes this variable away again.
        env = (*env, (_VOLUMES_VARIABLE, ";".join(volumes)))
    if not any(name == "PATH" for name, _ in env):
        env = (*env, ("PATH", _DEFAULT_PATH))
    argument, spec_mount = _spec_argument(container.platform, spec)
    return Exec(
        platform=container.platform,
        # An op's name is no part of its digest: a label tells progress events apart and changes nothing.
        name=f"{f'[{confinement.label}] ' if confinement.label else ''}exec {' '.join(command.args)}",
        args=(SHIM_TARGET, "exec", argument),
        env=env,
        cwd=container.config.workdir or "/",
        root=container.tree,
        mounts=(*mounts, *spec_mount),
        secret_env=(*secret_environment(container), *pod.secret_env, *nested_env),
        network=confinement.network,
        hosts=pod.hosts,
        privileged=command.privileged,
    )


def secret_environment(container: ContainerState) -> tuple[tuple[str, str], ...]:
    """(variable, handle) of a container's secret variables."""
    return tuple((variable.name, variable.secret.handle) for variable in container.secret_variables)


def _spec(container: ContainerState, command: Command, confinement: Confinement, pod: Pod) -> dict[str, Any]:
    """The shim's instructions; absent keys mean its defaults, so that equal execs stay equal over versions."""
    spec: dict[str, Any] = {
        "args": list(command.args),
        "user": container.config.user,
        "homeSet": container.config.variable("HOME") is not None,
        "stdin": command.stdin,
        "redirectStdin": command.redirect_stdin,
        "redirectStdout": command.redirect_stdout,
        "redirectStderr": command.redirect_stderr,
        "expect": command.expect,
        "noInit": command.no_init,
        "secretEnv": [
            *(variable.name for variable in container.secret_variables),
            *([_TOKEN_VARIABLE] if command.nested else []),
        ],
        "secretFiles": [*(mount.target for mount in container.secret_mounts), *pod.secret_files],
        "limits": confinement.limits,
        "services": pod.services,
    }
    return {key: value for key, value in spec.items() if value}


def _spec_argument(platform: str, spec: dict[str, Any]) -> tuple[str, tuple[Bind, ...]]:
    text = json.dumps(spec, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) <= _INLINE_SPEC_MAX:
        return text, ()
    folder = FileChange(
        platform=platform, name="exec specification", base=None, actions=(Mkfile("/spec.json", text.encode()),)
    )
    return f"@{_SPEC_FOLDER}/spec.json", (Bind(_SPEC_FOLDER, Output(folder), readonly=True),)
