"""The call that a module's process was started for: what it asks, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

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


@dataclass(eq=False)
class Reply:
    """Where the answer of one call ends up: a JSON text or an error."""

    value: str | None = None
    error: Error | None = None


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
        session.scope.reply.value = value

    def return_error(self, session: EngineSession, error: Error) -> None:
        """Answer the call with an error."""
        session.scope.reply.error = error


@dataclass(eq=False)
class CallScope:
    """The call that a session was opened for, if it was."""

    call: FunctionCall | None = None
    reply: Reply = field(default_factory=Reply)
