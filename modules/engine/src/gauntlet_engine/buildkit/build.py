"""One build: a gateway through which ops are solved, and their results read, as often as asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from gauntlet_buildkit.api import ops_pb2

    from gauntlet_engine.buildkit.container import GatewayContainer
    from gauntlet_engine.buildkit.progress import Event


META_MOUNT = "/.gauntlet/meta"
"""Where the exec shim writes `stdout`, `stderr`, `combined` and `exit-code`; read here when an exec fails."""


@dataclass(frozen=True)
class ResultRef:
    """A solved result; valid while its build is open. An empty id is an empty file system (scratch)."""

    id: str


@dataclass(frozen=True)
class Stat:
    """A path inside a result.

    `path` is its base name in `read_dir`, the cleaned path in `stat`. `mode` holds POSIX bits (st_mode, with
    the file type), `size` bytes, `mtime_ns` nanoseconds since the epoch, `linkname` a symlink's target.
    """

    path: str
    kind: Literal["file", "dir", "symlink", "device", "fifo", "socket"]
    mode: int
    size: int
    uid: int
    gid: int
    mtime_ns: int
    linkname: str

    @property
    def permissions(self) -> int:
        """Mode without the file type: rwx, setuid, setgid, sticky."""
        return self.mode & 0o7777


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

    ref: str
    """Our id of the build, as progress events know it."""

    async def solve(self, definition: ops_pb2.Definition, *, ignore_cache: Collection[str] = ()) -> ResultRef:
        """Run what is not cached of `definition` and return its last op's result.

        Args:
            definition: as `gauntlet_engine.graph.marshal` makes it.
            ignore_cache: digests of ops in it to run again although a result is cached. It makes another vertex of
                each, once a build: a second call with the same digests in this build gets the first one's result.

        Raises:
            ExecFailed, SolveFailed, SolveCancelled.
        """
        raise NotImplementedError

    async def read_file(self, ref: ResultRef, path: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file, symlinks followed inside the result; any size (read in ranges).

        Raises:
            NotFound: no such path. SolveFailed: it is a directory.
        """
        raise NotImplementedError

    async def stat(self, ref: ResultRef, path: str, *, follow: bool = True) -> Stat:
        """What is at `path`. Parents' symlinks are always followed, `path`'s own only with `follow`.

        Raises:
            NotFound: no such path.
        """
        raise NotImplementedError

    async def read_dir(self, ref: ResultRef, path: str, *, include: str = "") -> list[Stat]:
        """Direct children sorted by name, symlinks unfollowed; `include` is one pattern of names (`*.py`).

        Raises:
            NotFound: no such directory. SolveFailed: it is a file.
        """
        raise NotImplementedError

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
        raise NotImplementedError

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
        raise NotImplementedError

    def container(
        self,
        root: ResultRef,
        *,
        mounts: Sequence[tuple[str, ResultRef, bool]] = (),
        network: Literal["bridge", "none", "host"] = "bridge",
        hostname: str = "",
        extra_hosts: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[GatewayContainer]:
        """A container for long-running processes (`Service.start`), alive until the block ends.

        Args:
            root: root file system; a writable copy of it.
            mounts: (destination, result, read-only) each.
            network: `bridge` gives it an address of its own.
            hostname: its own name.
            extra_hosts: name → IP address lines of its /etc/hosts.
        """
        raise NotImplementedError

    def events(self) -> AsyncIterator[Event]:
        """Progress of this build from now on; ends with it. More than one may listen."""
        raise NotImplementedError
