"""The root of every query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gauntlet_engine.api.cache_volume import CacheVolume
from gauntlet_engine.api.container import Container
from gauntlet_engine.api.directory import Directory
from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.function_call import Error, NoCallError
from gauntlet_engine.api.host import Host
from gauntlet_engine.api.module import Module
from gauntlet_engine.api.type_def import Function, SourceMap, TypeDef

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.file import File
    from gauntlet_engine.api.function_call import FunctionCall
    from gauntlet_engine.api.secret import Secret
    from gauntlet_engine.graph.process import Sharing

DAGGER_VERSION = "v0.21.8"
"""The Dagger release whose behaviour we follow; SDKs ask for it to judge whether they fit."""


@dataclass(frozen=True)
class Query:
    """Dagger's Query."""

    def container(self, session: EngineSession, platform: str | None = None) -> Container:
        """An empty container."""
        return Container(platform or session.platform)

    def directory(self, session: EngineSession) -> Directory:
        """An empty directory."""
        return Directory(session.platform)

    def file(self, session: EngineSession, name: str, contents: str, permissions: int = 0o644) -> File:
        """A file of that text."""
        if "/" in name:
            raise ApiError(f'file name "{name}" must not contain a directory')
        return Directory(session.platform).with_new_file(name, contents, permissions).file(name)

    def host(self) -> Host:
        """The client's machine."""
        return Host()

    def cache_volume(
        self, key: str, source: Directory | None = None, sharing: Sharing = "SHARED", owner: str = ""
    ) -> CacheVolume:
        """A cache volume."""
        return CacheVolume(key, sharing, source, owner)

    def set_secret(self, session: EngineSession, name: str, plaintext: str) -> Secret:
        """A secret by name; the name again replaces its value."""
        return session.secrets.set(name, plaintext)

    def secret(self, session: EngineSession, uri: str, cache_key: str | None = None) -> Secret:
        """A secret that the host provides."""
        session.require_host()
        return session.secrets.open(uri, cache_key)

    def node(self, session: EngineSession, id: str) -> Any:  # noqa: A002  # Dagger's name
        """Any object by its id."""
        return session.ids.load(id)

    def module(self) -> Module:
        """An empty declaration, for an SDK to fill."""
        return Module()

    def type_def(self) -> TypeDef:
        """An empty type, for an SDK to fill."""
        return TypeDef()

    def function(self, name: str, return_type: TypeDef) -> Function:
        """A function that returns that type."""
        return Function(name, return_type)

    def source_map(self, filename: str, line: int, column: int) -> SourceMap:
        """A place in a module's source."""
        return SourceMap(filename, line, column)

    def error(self, message: str) -> Error:
        """An error for a function to return."""
        return Error(message)

    async def current_function_call(self, session: EngineSession) -> FunctionCall:
        """The call that this session is there for.

        Raises:
            ApiError: it is there for none.
        """
        try:
            return await session.calls.current()
        except NoCallError as error:
            raise ApiError(str(error)) from None

    def version(self) -> str:
        """The Dagger release that we follow."""
        return DAGGER_VERSION

    def default_platform(self, session: EngineSession) -> str:
        """The daemon's own platform."""
        return session.platform
