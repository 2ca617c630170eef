"""Services: containers whose command others talk to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gauntlet_engine.api.container.command import Command, exec_op
from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.ids import ObjectIds

if TYPE_CHECKING:
    from gauntlet_engine.api.container import Container
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.values import Port
    from gauntlet_engine.graph import Exec


@dataclass(frozen=True)
class Service:
    """A command of a container as a service. Nothing runs until it is started, or an exec that is bound to it runs."""

    container: Container
    args: tuple[str, ...]
    nested: bool = False
    privileged: bool = False
    no_init: bool = False
    chosen_hostname: str = ""

    def hostname(self) -> str:
        """The name under which bound containers find it: the chosen one, or one made of what it is."""
        if self.chosen_hostname:
            return self.chosen_hostname
        identity = ObjectIds().id_of(self).partition("@")[2]
        return hashlib.sha256(identity.encode()).hexdigest()[:13]

    def with_hostname(self, hostname: str) -> Service:
        """Under another name."""
        return replace(self, chosen_hostname=hostname)

    def ports(self) -> list[Port]:
        """Ports that it is waited for."""
        return self.container.exposed_ports()

    def endpoint(self, port: int | None = None, scheme: str = "") -> str:
        """`HOST:PORT` or `SCHEME://HOST:PORT`; the first exposed port where none is named."""
        if port is None:
            exposed = self.ports()
            if not exposed:
                raise ApiError("no ports exposed")
            port = exposed[0].port
        address = f"{self.hostname()}:{port}"
        return f"{scheme}://{address}" if scheme else address

    async def start(self, session: EngineSession) -> str:
        """Run it on its own until stopped or the session ends; execs that are bound to it share this instance.

        Raises:
            ServiceFailed: it ended before it listened on its ports.
        """
        await session.instances.start(session, self, await self._op(session))
        return session.ids.id_of(self)

    async def stop(self, session: EngineSession, kill: bool = False) -> str:
        """End the instance that `start` made; fine where there is none."""
        await session.instances.stop(self, kill=kill)
        return session.ids.id_of(self)

    async def _op(self, session: EngineSession) -> Exec:
        command = Command(self.args, nested=self.nested, privileged=self.privileged, no_init=self.no_init)
        return await exec_op(session, self.container, command)

    async def sync(self, session: EngineSession) -> str:
        """Run everything that its container is made of."""
        await self.container.sync(session)
        return session.ids.id_of(self)
