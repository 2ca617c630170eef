"""A value that several stages of a run need and that is made once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


@dataclass(slots=True)
class Once(Generic[T]):
    """Made by whoever asks first, while the others wait. An error is the asker's own: the next one tries again."""

    _values: list[T] = field(default_factory=list[T])
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def get(self, make: Callable[[], Awaitable[T]]) -> T:
        """The value, by `make` where there is none yet."""
        async with self._lock:
            if not self._values:
                self._values.append(await make())
        return self._values[0]
