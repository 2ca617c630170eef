"""One build: a gateway through which ops are solved, and their results read, as often as asked."""

from __future__ import annotations

import json
import posixpath
import secrets
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio

from gauntlet_buildkit.api import control_pb2, gateway_pb2, ops_pb2
from gauntlet_engine.buildkit.container import open_container
from gauntlet_engine.buildkit.errors import DaemonGone, EngineError, ExecFailed, NotFound, SolveFailed
from gauntlet_engine.buildkit.faults import RpcFault, plain_error, solve_fault
from gauntlet_engine.buildkit.lifeline import Lifeline, background
from gauntlet_engine.buildkit.meta import META_MOUNT, read_meta
from gauntlet_engine.buildkit.platform import parse_platform
from gauntlet_engine.buildkit.progress import read_status
from gauntlet_engine.buildkit.stat import Stat, to_stat
from gauntlet_engine.buildkit.wire import PathRequest, StatList

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from gauntlet_engine.buildkit.channel import Readable, Writable
    from gauntlet_engine.buildkit.client import Client
    from gauntlet_engine.buildkit.container import GatewayContainer
    from gauntlet_engine.buildkit.progress import Event
    from gauntlet_engine.buildkit.session import Session

R = TypeVar("R", bound="Readable")

_RANGE = 8 << 20  # bytes of one ReadFile; the daemon refuses to send more than 16 MiB at once
_BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge/"
_CONTROL_SOLVE = "/moby.buildkit.v1.Control/Solve"
_CONFIG = "containerimage.config"


@dataclass(frozen=True)
class ResultRef:
    """A solved result; valid while its build is open. An empty id is an empty file system (scratch)."""

    id: str


@dataclass(frozen=True)
class ResolvedImage:
    """An image reference made exact: `ref` with the digest appended, its digest and its OCI config."""

    ref: str
    digest: str
    config: dict[str, Any]


class Build:
    """Made by `Client.build`. Concurrent calls are fine; identical concurrent solves run once, in the daemon.

    A call whose task is cancelled cancels its solve in the daemon, which kills the process it was running.
    Every method raises DaemonGone when the daemon went away and SessionGone when our session did.
    """

    def __init__(self, client: Client, session: Session) -> None:
        self.ref = secrets.token_hex(13)
        """Our id of the build, as progress events know it."""
        self.session = session
        self._client = client
        self._lifeline = Lifeline()
        self._ended = anyio.Event()
        self._response: dict[str, str] | None = None

    async def solve(self, definition: ops_pb2.Definition, *, ignore_cache: Collection[str] = ()) -> ResultRef:
        """Run what is not cached of `definition` and return its last op's result.

        Args:
            definition: as `gauntlet_engine.graph.marshal` makes it.
            ignore_cache: digests of ops in it to run again although a result is cached. It makes another vertex of
                each, once a build: a second call with the same digests in this build gets the first one's result.

        Raises:
            ExecFailed: a process under the exec shim (an op with META_MOUNT) exited with a code not expected.
            SolveFailed, SolveCancelled: everything else.
        """
        if ignore_cache:
            definition = _ignoring_cache(definition, ignore_cache)
        request = gateway_pb2.SolveRequest(
            Definition=definition, allowResultReturn=True, allowResultArrayRef=True, Evaluate=True
        )
        try:
            answer = await self._bridge("Solve", request, gateway_pb2.SolveResponse)
        except RpcFault as fault:
            raise await self._solve_error(fault) from None
        return ResultRef(answer.result.ref.id)

    async def read_file(self, ref: ResultRef, path: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file, symlinks followed inside the result; any size (read in ranges).

        Raises:
            NotFound: no such path. SolveFailed: it is not a regular file.
        """
        if not ref.id:
            raise NotFound(f"{path}: no such file or directory")
        pieces: list[bytes] = []
        left = length
        while left is None or left > 0:
            wanted = _RANGE if left is None else min(left, _RANGE)
            part = gateway_pb2.ReadFileRequest(Range=gateway_pb2.FileRange(Offset=offset, Length=wanted))
            request = PathRequest(ref.id, path, part.SerializeToString())
            piece = (await self._call("ReadFile", request, gateway_pb2.ReadFileResponse)).Data
            pieces.append(piece)
            if len(piece) < wanted:
                break
            offset += wanted
            left = None if left is None else left - wanted
        return b"".join(pieces)

    async def stat(self, ref: ResultRef, path: str, *, follow: bool = True) -> Stat:
        """What is at `path`. Parents' symlinks are always followed, `path`'s own only with `follow`.

        Raises:
            NotFound: no such path.
        """
        path = posixpath.normpath("/" + path.lstrip("/"))
        if not ref.id and path != "/":
            raise NotFound(f"{path}: no such file or directory")
        if not ref.id:
            return Stat("/", "dir", 0o40755, 0, 0, 0, 0, "")
        if not follow and path != "/":
            parent, name = posixpath.split(path)
            for entry in await self.read_dir(ref, parent, include=_literal(name)):
                if entry.path == name:
                    return entry
            raise NotFound(f"{path}: no such file or directory")
        answer = await self._call("StatFile", PathRequest(ref.id, path), StatList)
        return to_stat(answer.stats[0], path)

    async def read_dir(self, ref: ResultRef, path: str, *, include: str = "") -> list[Stat]:
        """Direct children sorted by name, symlinks unfollowed; `include` is one pattern of names (`*.py`).

        Raises:
            NotFound: no such directory. SolveFailed: it is a file.
        """
        if not ref.id:
            if posixpath.normpath("/" + path.lstrip("/")) == "/":
                return []
            raise NotFound(f"{path}: no such file or directory")
        pattern = gateway_pb2.ReadDirRequest(IncludePattern=include).SerializeToString()
        answer = await self._call("ReadDir", PathRequest(ref.id, path, pattern), StatList)
        return sorted((to_stat(entry, entry.path) for entry in answer.stats), key=lambda entry: entry.path)

    async def resolve_image(
        self, ref: str, *, platform: str = "", store: str = "", mode: Literal["default", "pull", "local"] = "default"
    ) -> ResolvedImage:
        """Ask the registry (or, with `store`, our content store of that id) for an image's digest and config.

        Args:
            ref: a normalised reference, such as `docker.io/library/debian:trixie`.
            platform: such as `linux/amd64` or `linux/arm64/v8`; empty for the daemon's own.
            store: id of an OCI layout that the session serves (`Attachables.add_store`).
            mode: `pull` always asks the registry, `local` prefers what the daemon has.

        Raises:
            NotFound: the registry has no such image. SolveFailed: it does not answer, or refuses.
        """
        if store:
            attrs = {"oci.store": store, "oci.session": self.session.id}
            source = ops_pb2.SourceOp(identifier=f"oci-layout://{ref}", attrs=attrs)
        else:
            source = ops_pb2.SourceOp(identifier=f"docker-image://{ref}", attrs={"image.resolvemode": mode})
        request = gateway_pb2.ResolveSourceMetaRequest(
            Source=source,
            Platform=parse_platform(platform) if platform else None,
            ResolveMode=mode,
            Image=gateway_pb2.ResolveSourceImageRequest(),
        )
        answer = await self._call("ResolveSourceMeta", request, gateway_pb2.ResolveSourceMetaResponse)
        digest = answer.Image.Digest
        exact = ref if "@" in ref else f"{ref}@{digest}"
        return ResolvedImage(exact, digest, json.loads(answer.Image.Config or b"{}"))

    async def dockerfile(
        self,
        context: ops_pb2.Definition,
        dockerfile: ops_pb2.Definition,
        options: Mapping[str, str],
    ) -> tuple[ops_pb2.Definition, dict[str, Any]]:
        """Build a Dockerfile with the daemon's built-in frontend `dockerfile.v0`.

        Args:
            context: result whose root is the build context.
            dockerfile: result that holds the Dockerfile (may be the same).
            options: the frontend's own: `filename`, `target`, `build-arg:NAME`, `platform`, `no-cache`, …

        Returns:
            The LLB that the frontend made (append ops to it) and the image config.

        Raises:
            SolveFailed: also for a failing RUN, whose message has the command and its exit code.
        """
        request = gateway_pb2.SolveRequest(
            Frontend="dockerfile.v0",
            FrontendOpt=dict(options),
            FrontendInputs={"context": context, "dockerfile": dockerfile},
            allowResultReturn=True,
            allowResultArrayRef=True,
            Evaluate=True,
        )
        try:
            answer = await self._bridge("Solve", request, gateway_pb2.SolveResponse)
        except RpcFault as fault:
            raise await self._solve_error(fault) from None
        definition = getattr(answer.result.ref, "def")
        return definition, json.loads(answer.result.metadata.get(_CONFIG, b"{}"))

    def container(
        self,
        root: ResultRef,
        *,
        mounts: Sequence[tuple[str, ResultRef, bool]] = (),
        messages: Sequence[ops_pb2.Mount] = (),
        network: Literal["bridge", "none", "host"] = "bridge",
        hostname: str = "",
        extra_hosts: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[GatewayContainer]:
        """A container for long-running processes (`Service.start`), alive until the block ends.

        Args:
            root: root file system; a writable copy of it.
            mounts: (destination, result, read-only) each.
            messages: mounts of other kinds as the daemon takes them (`graph.gateway_mounts`).
            network: `bridge` gives it an address of its own.
            hostname: its own name.
            extra_hosts: name → IP address lines of its /etc/hosts.
        """
        request = gateway_pb2.NewContainerRequest(
            ContainerID=secrets.token_hex(13),
            Mounts=[
                ops_pb2.Mount(dest=dest, resultID=ref.id, input=-1, output=-1 if readonly else 0, readonly=readonly)
                for dest, ref, readonly in (("/", root, False), *mounts)
            ]
            + list(messages),
            Network={"bridge": ops_pb2.UNSET, "none": ops_pb2.NONE, "host": ops_pb2.HOST}[network],
            extraHosts=[ops_pb2.HostIP(Host=name, IP=ip) for name, ip in (extra_hosts or {}).items()],
            hostname=hostname,
        )
        return open_container(self, request)

    async def events(self) -> AsyncIterator[Event]:
        """Progress of this build from its start; ends with it. More than one may listen."""
        async for event in read_status(self._client.channel, self.ref):
            yield event

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What addresses a gateway call to this build."""
        return (("buildkit-controlapi-buildid", self.ref),)

    @property
    def client(self) -> Client:
        """The daemon that runs this build."""
        return self._client

    async def guarded(self, method: str, request: Writable, response: type[R]) -> R:
        """One gateway call that ends when the build, our session or the daemon does; raises RpcFault too."""
        return await self._bridge(method, request, response)

    async def _bridge(self, method: str, request: Writable, response: type[R]) -> R:
        async def call() -> R:
            return await self._client.channel.unary(_BRIDGE + method, request, response, metadata=self.metadata)

        return await self._lifeline.run(lambda: self.session.lifeline.run(call))

    async def _call(self, method: str, request: Writable, response: type[R]) -> R:
        try:
            return await self._bridge(method, request, response)
        except RpcFault as fault:
            raise await self._client.error(fault) from None

    async def _solve_error(self, fault: RpcFault) -> EngineError:
        if fault.code == "UNAVAILABLE" and not await self._client.alive():
            return DaemonGone(f"The BuildKit daemon at {self._client.address} went away: {fault.message}")
        details = solve_fault(fault)
        if details.exit_code is None or details.op is None or not details.op.HasField("exec"):
            return plain_error(fault)
        meta = await read_meta(self, details)
        if meta is None:
            return SolveFailed(fault.message, vertex=details.vertex)
        return ExecFailed(
            f"exit code: {meta.exit_code}",
            vertex=details.vertex,
            exit_code=meta.exit_code,
            stdout=meta.stdout,
            stderr=meta.stderr,
            args=tuple(details.op.exec.meta.args),
        )

    async def hold(self, entitlements: Sequence[str], exporters: Sequence[control_pb2.Exporter]) -> None:
        """Keep the build open in the daemon; its early end cuts all calls."""
        request = control_pb2.SolveRequest(
            Ref=self.ref,
            Session=self.session.id,
            Internal=True,
            Entitlements=list(entitlements),
            Exporters=list(exporters),
        )
        try:
            answer = await self._client.channel.unary(
                "/moby.buildkit.v1.Control/Solve", request, control_pb2.SolveResponse
            )
        except RpcFault as fault:
            self._lifeline.cut(await self._client.error(fault))
        else:
            self._response = dict(answer.ExporterResponse)
            self._lifeline.cut(SolveFailed("This build has ended."))
        self._ended.set()

    async def opened(self) -> None:
        """Return once the daemon answers for this build."""
        while True:
            try:
                await self._bridge("Ping", gateway_pb2.PingRequest(), gateway_pb2.PongResponse)
            except RpcFault as fault:
                # "no such job" is also what Ping says while `hold` is on its way to a real error.
                if fault.code not in {"NOT_FOUND", "UNKNOWN"} or "no such job" not in fault.message:
                    raise await self._client.error(fault) from None
                await anyio.sleep(0.01)
            else:
                return

    async def export(self, result: gateway_pb2.Result) -> Mapping[str, str]:
        """End the build with `result`, which its exporters then take; returns what they answer."""
        await self._call("Return", gateway_pb2.ReturnRequest(result=result), gateway_pb2.ReturnResponse)
        await self._ended.wait()
        if self._response is None:
            raise self._lifeline.error or SolveFailed("The export ended without an answer.")
        return self._response

    async def finish(self) -> None:
        """End the build in the daemon where it is still open; its results are released."""
        request = gateway_pb2.ReturnRequest(result=gateway_pb2.Result())
        with anyio.move_on_after(5), suppress(RpcFault, EngineError):
            await self._bridge("Return", request, gateway_pb2.ReturnResponse)
            await self._ended.wait()


def _ignoring_cache(definition: ops_pb2.Definition, digests: Collection[str]) -> ops_pb2.Definition:
    changed = ops_pb2.Definition()
    changed.CopyFrom(definition)
    for digest in digests:
        changed.metadata[digest].ignore_cache = True
    return changed


def _literal(name: str) -> str:
    return "".join(f"\\{c}" if c in "*?[]\\!#" else c for c in name)


@asynccontextmanager
async def open_build(
    client: Client,
    session: Session,
    entitlements: Sequence[str] = (),
    exporters: Sequence[control_pb2.Exporter] = (),
) -> AsyncGenerator[Build]:
    """A build held open in the background until the block ends. With exporters, end it by `Build.export`."""
    build = Build(client, session)
    async with background() as tasks:
        tasks.start_soon(build.hold, entitlements, exporters)
        await build.opened()
        yield build
        await build.finish()


__all__ = ["META_MOUNT", "Build", "ResolvedImage", "ResultRef", "Stat", "open_build"]
