"""Running a process in a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gauntlet_buildkit.api import ops_pb2
from gauntlet_engine.graph.op import EMPTY_INPUT, NO_OUTPUT, Inputs, Op, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Sharing = Literal["SHARED", "PRIVATE", "LOCKED"]
Network = Literal["bridge", "none", "host"]


@dataclass(frozen=True, slots=True)
class Bind:
    """A tree mounted at `target`.

    Args:
        target: absolute path in the container.
        source: None for an empty tree.
        selector: the part of `source` to mount, a directory or a file.
        readonly: nothing can write there, and the mount has no output.
        kept: what the process writes there is an output of the op; otherwise it is thrown away.
    """

    target: str
    source: Output | None
    selector: str = "/"
    readonly: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Cache:
    """A persistent volume: not part of the result. Its name is no part of BuildKit's cache key."""

    target: str
    volume: str
    sharing: Sharing = "SHARED"
    source: Output | None = None
    selector: str = "/"


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """Memory; `size` in bytes, 0 for the kernel's default."""

    target: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A secret as a file; absent when `optional` and the session has no such secret."""

    target: str
    secret: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o400
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Socket:
    """A unix socket of the host, by the id under which the session offers it."""

    target: str
    socket: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o600
    optional: bool = False


Mount = Bind | Cache | Tmpfs | SecretFile | Socket

_SHARING = {"SHARED": ops_pb2.SHARED, "PRIVATE": ops_pb2.PRIVATE, "LOCKED": ops_pb2.LOCKED}
_NETWORK = {"bridge": ops_pb2.UNSET, "none": ops_pb2.NONE, "host": ops_pb2.HOST}


@dataclass(frozen=True, eq=False)
class Exec(Op):
    """A process. Output 0 is the root; the kept mounts follow in their order (`output_of`).

    Args:
        args: program and arguments.
        env: (name, value) pairs; order is kept.
        cwd: working directory, made where missing.
        root: the container's root file system; always kept.
        mounts: everything else; a later mount over a target hides an earlier one.
        secret_env: (variable, secret id) pairs.
        network: `bridge` is the daemon's default.
        hosts: (name, address) lines for /etc/hosts; the address is no part of BuildKit's cache key.
        hostname: of the container, empty for the daemon's default.
        privileged: all capabilities; the daemon must allow `security.insecure`.
    """

    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str
    root: Output | None
    mounts: tuple[Mount, ...] = ()
    secret_env: tuple[tuple[str, str], ...] = ()
    network: Network = "bridge"
    hosts: tuple[tuple[str, str], ...] = ()
    hostname: str = ""
    privileged: bool = False

    def output_of(self, target: str) -> Output:
        """What the kept mount at `target` holds afterwards.

        Raises:
            KeyError: no mount is kept there.
        """
        kept = [mount.target for mount in self.mounts if isinstance(mount, Bind) and mount.kept]
        if target not in kept:
            raise KeyError(target)
        return Output(self, kept.index(target) + 1)

    @property
    def root_output(self) -> Output:
        """The root file system afterwards."""
        return Output(self, 0)

    def encode(self, message: ops_pb2.Op, inputs: Inputs) -> None:
        """Fill in the process and its mounts, the root first."""
        meta = message.exec.meta
        meta.args.extend(self.args)
        meta.env.extend(f"{name}={value}" for name, value in self.env)
        meta.cwd = self.cwd
        meta.hostname = self.hostname
        # Mount points that BuildKit makes for our mounts must not stay behind in the result.
        meta.removeMountStubsRecursive = True
        for name, address in self.hosts:
            meta.extraHosts.add(Host=name, IP=address)
        message.exec.network = _NETWORK[self.network]
        if self.privileged:
            message.exec.security = ops_pb2.INSECURE
        for variable, secret in self.secret_env:
            message.exec.secretenv.add(name=variable, ID=secret)
        message.exec.mounts.add(input=inputs.add(self.root), dest="/", output=0)
        outputs = 1
        for mount in self.mounts:
            encoded = _encode_mount(mount, inputs.add)
            if isinstance(mount, Bind) and mount.kept:
                encoded.output = outputs
                outputs += 1
            message.exec.mounts.append(encoded)


def gateway_mounts(op: Exec, results: Mapping[Output, str]) -> list[ops_pb2.Mount]:
    """The mounts of `op`, without its root, for a process that runs outside the graph.

    Args:
        op: what describes the process.
        results: ids of the results that its mounts read.
    """
    messages: list[ops_pb2.Mount] = []
    for mount in op.mounts:
        message = _encode_mount(mount, lambda _: EMPTY_INPUT)
        if isinstance(mount, Bind | Cache) and mount.source is not None:
            message.resultID = results[mount.source]
        if isinstance(mount, Bind) and not mount.readonly:
            message.output = 0  # a copy to write to
        messages.append(message)
    return messages


def _encode_mount(mount: Mount, add: Callable[[Output | None], int]) -> ops_pb2.Mount:
    match mount:
        case Bind():
            message = ops_pb2.Mount(
                input=add(mount.source), selector=_selector(mount.selector), readonly=mount.readonly
            )
        case Cache():
            message = ops_pb2.Mount(
                mountType=ops_pb2.CACHE, input=add(mount.source), selector=_selector(mount.selector)
            )
            message.cacheOpt.ID = mount.volume
            message.cacheOpt.sharing = _SHARING[mount.sharing]
        case Tmpfs():
            message = ops_pb2.Mount(mountType=ops_pb2.TMPFS, input=EMPTY_INPUT)
            message.TmpfsOpt.size = mount.size
        case SecretFile():
            message = ops_pb2.Mount(mountType=ops_pb2.SECRET, input=EMPTY_INPUT)
            message.secretOpt.CopyFrom(
                ops_pb2.SecretOpt(
                    ID=mount.secret, uid=mount.uid, gid=mount.gid, mode=mount.mode, optional=mount.optional
                )
            )
        case Socket():
            message = ops_pb2.Mount(mountType=ops_pb2.SSH, input=EMPTY_INPUT)
            message.SSHOpt.CopyFrom(
                ops_pb2.SSHOpt(ID=mount.socket, uid=mount.uid, gid=mount.gid, mode=mount.mode, optional=mount.optional)
            )
    message.dest = mount.target
    message.output = NO_OUTPUT
    return message


def _selector(path: str) -> str:
    return "" if path == "/" else path
