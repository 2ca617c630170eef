"""A directory that many stages mount: its id is asked for once a session, not once a mount."""

from __future__ import annotations

import anyio
import dagger


class SharedDirectory(dagger.Directory):
    """A `dagger.Directory` that remembers its id for as long as the client's session lives.

    dagger-io turns every directory argument into an id with a query of its own, each time that it is used.
    """

    def __init__(self, directory: dagger.Directory) -> None:
        super().__init__(directory._ctx)  # noqa: SLF001 - what dagger-io's own constructors pass on
        self._lock = anyio.Lock()
        self._known: tuple[object, str] | None = None

    @classmethod
    def _graphql_name(cls) -> str:
        return "Directory"

    async def id(self) -> str:
        """The directory's id in this session."""
        session = self._ctx.conn.session
        async with self._lock:
            if self._known is None or self._known[0] is not session:
                self._known = (session, await super().id())
            return self._known[1]
