"""The session that resolvers work in: the only way from the pure API objects to the daemon and the host."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.function_call import Calls
from gauntlet_engine.api.ids import ObjectIds
from gauntlet_engine.buildkit import EngineError, ExecFailed, NotFound, ResultRef, SolveFailed
from gauntlet_engine.graph import Output, marshal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gauntlet_engine.api.instances import Instances
    from gauntlet_engine.api.secret import SecretVault
    from gauntlet_engine.buildkit import Attachables, Build, Client, Stat
    from gauntlet_engine.images import Images

_EMPTY = ResultRef("")
_REMEMBERED = (ExecFailed, SolveFailed, NotFound)


@dataclass(eq=False)
class EngineSession:
    """One client session.

    Args:
        client: the daemon.
        build: the build that holds this session's results.
        attachables: what the daemon may ask the host for.
        images: resolver of image references.
        secrets: the values behind Secret objects.
        platform: the daemon's own, such as `linux/amd64`.
        workdir: host paths are relative to it.
        environ: the host's environment (for `~` and `env://` secrets).
        calls: the module calls that it serves, if it does.
        scratch: directory for files that the session needs on the host; gone with it.
        instances: services that run on their own.
        registries: (user, password) by registry.
        host_access: whether the client may name files, variables and commands of the host. One that runs in a
            container (a nested exec, a module's function) may not: what runs there is not trusted with the host.
    """

    client: Client
    build: Build
    attachables: Attachables
    images: Images
    secrets: SecretVault
    platform: str
    workdir: Path
    environ: Mapping[str, str]
    scratch: Path
    instances: Instances
    registries: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    host_access: bool = True
    calls: Calls = field(default_factory=Calls)
    ids: ObjectIds = field(default_factory=ObjectIds)
    _results: dict[Output, ResultRef | EngineError] = field(default_factory=dict[Output, ResultRef | EngineError])
    _listings: dict[tuple[Output, str], list[Stat]] = field(default_factory=dict[tuple[Output, str], "list[Stat]"])

    _counter: Iterator[int] = field(default_factory=count)

    def next_number(self) -> int:
        """Another one each time."""
        return next(self._counter)

    async def solve(self, output: Output | None) -> ResultRef:
        """The result of an output, run once a session: a failure is remembered as well, as Dagger does.

        Raises:
            SolveError, DaemonGone, SessionGone.
        """
        if output is None:
            return _EMPTY
        known = self._results.get(output)
        if isinstance(known, EngineError):
            raise known
        if known is not None:
            return known
        try:
            result = await self.build.solve(marshal(output))
        except _REMEMBERED as error:
            self._results[output] = error
            raise
        self._results[output] = result
        return result

    async def read_file(self, output: Output | None, path: str) -> bytes:
        """A file's bytes. Raises NotFound, SolveError."""
        return await self.build.read_file(await self.solve(output), path)

    async def stat(self, output: Output | None, path: str, *, follow: bool = True) -> Stat:
        """What is at `path`. Raises NotFound, SolveError."""
        return await self.build.stat(await self.solve(output), path, follow=follow)

    async def list_dir(self, output: Output | None, path: str) -> list[Stat]:
        """Children of a directory by name; trees never change, so each is read once. Raises NotFound, SolveError."""
        if output is None:
            return await self.build.read_dir(_EMPTY, path)
        known = self._listings.get((output, path))
        if known is None:
            known = await self.build.read_dir(await self.solve(output), path)
            self._listings[output, path] = known
        return known

    def require_host(self) -> None:
        """Raises ApiError where the client has no access to the host."""
        if not self.host_access:
            raise ApiError("this client runs in a container: it has no access to the host's files and variables")

    def host_path(self, path: str) -> str:
        """An absolute path of the host; `~` is the user's home. Raises ApiError without access to the host."""
        self.require_host()
        if path == "~" or path.startswith("~/"):
            path = self.environ.get("HOME", "/") + path[1:]
        return posixpath.normpath(posixpath.join(str(self.workdir), path))
