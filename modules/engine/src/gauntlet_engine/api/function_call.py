"""The call that a module's process was started for: what it asks, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession


@dataclass(frozen=True)
class ErrorValue:
    """A detail of an error; `value` is JSON text."""

    name: str
    value: str


@dataclass(frozen=True)
class Error:
    """An error that a function raised."""

    message: str
    values: tuple[ErrorValue, ...] = ()

    def with_value(self, name: str, value: str) -> Error:
        """With one more detail."""
        return replace(self, values=(*self.values, ErrorValue(name, value)))


@dataclass(frozen=True)
class FunctionCallArgValue:
    """An argument; `value` is JSON text."""

    name: str
    value: str


@dataclass(frozen=True)
class FunctionCall:
    """Dagger's FunctionCall.

    An empty `parent_name` asks the module for its declaration instead of a call; an empty `name` calls the
    constructor. `parent` is the object's state as JSON.
    """

    name: str
    parent_name: str
    parent: str = "{}"
    input_args: tuple[FunctionCallArgValue, ...] = ()

    def return_value(self, session: EngineSession, value: str) -> None:
        """Answer the call."""
        session.calls.answer(Reply(value=value))

    def return_error(self, session: EngineSession, error: Error) -> None:
        """Answer the call with an error."""
        session.calls.answer(Reply(error=error))


@dataclass(frozen=True)
class Reply:
    """The answer of one call: a JSON text or an error."""

    value: str | None = None
    error: Error | None = None


class NoCallError(Exception):
    """This session serves no function call."""


class Calls:
    """The calls that a session serves, one after the other; a session for clients of another kind serves none."""

    async def current(self) -> FunctionCall:
        """The call to answer, waited for.

        Raises:
            NoCallError: there will be none.
        """
        raise NoCallError("no current module: this session does not serve a function call")

    def answer(self, reply: Reply) -> None:  # noqa: ARG002  # there is nobody to take it
        """Answer it; a second answer to the same call is dropped.

        Raises:
            NoCallError: there is none.
        """
        raise NoCallError("no current module: this session does not serve a function call")


class CallQueue(Calls):
    """Calls for one process of a module."""

    def __init__(self) -> None:
        self._call: FunctionCall | None = None
        self._reply: Reply | None = None
        self._changed = anyio.Event()

    async def ask(self, call: FunctionCall) -> Reply:
        """Put a call and wait for its answer."""
        self._call, self._reply = call, None
        self._tell()
        while self._reply is None:
            await self._changed.wait()
        return self._reply

    async def current(self) -> FunctionCall:
        """The call to answer; between two calls the next one, as soon as it is asked."""
        while self._call is None:
            await self._changed.wait()
        return self._call

    def answer(self, reply: Reply) -> None:
        """Answer the call."""
        if self._call is not None:
            self._call, self._reply = None, reply
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
