"""dagger-io's client without its most expensive habit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagger.client import _core

if TYPE_CHECKING:
    from collections.abc import Callable

# What the pipeline asks for most; none of these holds an object that would need its query's context.
_PLAIN: tuple[object, ...] = (str, bool, int, float, list[str])


class _LazyConverter:
    """A query context's converter that is made when it is needed, which it hardly ever is."""

    __slots__ = ("_context", "_make", "_shared")

    def __init__(self, context: _core.Context, make: Callable[[Any], Any], shared: Any) -> None:
        self._context = context
        self._make = make
        self._shared = shared

    def unstructure(self, value: object) -> Any:
        return self._shared.unstructure(value)

    def structure(self, value: object, kind: Any) -> Any:
        if any(kind == plain for plain in _PLAIN):
            return self._shared.structure(value, kind)
        return self._make(self._context).structure(value, kind)


def quicken() -> None:
    """Make one cattrs converter for all selections instead of one for each (1.5 ms, some hundreds of times a run).

    dagger-io 0.20 and 0.21 make a converter for every field that is chained to a query. Where a later version does it
    otherwise, this finds nothing to replace and does nothing.
    """
    make: Any = getattr(_core, "make_converter", None)
    if make is None or getattr(make, "is_quick", False):
        return
    # Only structuring an object needs the context; this one never does that.
    shared = make(_core.Context.__new__(_core.Context))

    def lazily(context: _core.Context) -> Any:
        return _LazyConverter(context, make, shared)

    lazily.is_quick = True  # pyright: ignore[reportFunctionMemberAccess]
    _core.make_converter = lazily
