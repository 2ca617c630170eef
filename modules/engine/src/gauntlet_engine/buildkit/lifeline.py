"""Calls that must not outlive what they depend on."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from anyio.abc import TaskGroup

    from gauntlet_engine.buildkit.errors import EngineError

T = TypeVar("T")


class Lifeline:
    """Cuts every call that runs on it short, with one typed error, when it is broken."""

    def __init__(self) -> None:
        self.error: EngineError | None = None
        self._scopes: set[anyio.CancelScope] = set()

    def cut(self, error: EngineError) -> None:
        """End all running and future calls with `error`; the first error stays."""
        if self.error is None:
            self.error = error
            for scope in self._scopes:
                scope.cancel()

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await `call()`; raises the lifeline's error once it is cut."""
        if self.error is not None:
            raise self.error
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                return await call()
            except Exception:
                if self.error is not None:
                    raise self.error from None
                raise
            finally:
                self._scopes.discard(scope)
        assert self.error is not None, "only `cut` cancels the scope"  # noqa: S101
        raise self.error


@asynccontextmanager
async def background() -> AsyncGenerator[TaskGroup]:
    """A task group for tasks that end with the block and never raise: the block's own exception comes out bare."""
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise
