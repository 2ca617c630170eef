"""Processes that outlive one op: services started through the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


class GatewayProcess:
    """A started process. A non-zero exit ends its whole container (BuildKit's rule)."""

    async def wait(self) -> int:
        """Exit code, once it ends."""
        raise NotImplementedError

    async def signal(self, name: str) -> None:
        """Send a signal by its short name: TERM, INT, KILL."""
        raise NotImplementedError

    def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """(1 or 2, bytes) pieces of stdout and stderr as they come; ends with the process."""
        raise NotImplementedError


class GatewayContainer:
    """Made by `Build.container`."""

    async def start(
        self,
        args: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: str = "",
    ) -> GatewayProcess:
        """Start a process; raises SolveFailed where the runtime cannot."""
        raise NotImplementedError
