"""dagger-io's client without its most expensive habits, which would be half of an unchanged run's time."""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    import httpx

    from gauntlet_engine.execution import Answer

    Answering = Callable[[str, dict[str, Any], str | None], Awaitable[Answer]]

# What the pipeline asks for most; none of these holds an object that would need its query's context.
_PLAIN: tuple[object, ...] = (str, bool, int, float, list[str])
_FOR_MODULES = "dagger.mod"
# Imports make many objects and hardly any garbage; Python's own threshold collects some hundred times in them.
_YOUNG, _MIDDLE, _OLD = 100_000, 20, 50


def load_client() -> None:
    """Import dagger-io without the type checks that beartype writes for each of its methods (0.35 s of 0.6).

    Wrong argument types are still answered: by the query builder or the engine, in other words. What only modules need
    (`dagger.function`, ...: a fifth of the rest) is imported when it is first asked for. GAUNTLET_DEBUG=1 keeps both as
    they are. Does nothing where dagger-io is loaded already.
    """
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    if "dagger" in sys.modules or os.environ.get("GAUNTLET_DEBUG"):
        return
    import beartype  # noqa: PLC0415 - slow, and dagger-io's business

    original = beartype.beartype
    beartype.beartype = _unchecked
    # dagger-io does without this part where it can't be imported, which is what None here means.
    sys.modules[_FOR_MODULES] = None  # pyright: ignore[reportArgumentType]
    try:
        dagger = importlib.import_module("dagger")
    finally:
        beartype.beartype = original
        del sys.modules[_FOR_MODULES]
    dagger.__getattr__ = _of_modules  # pyright: ignore[reportAttributeAccessIssue]  # PEP 562


def _of_modules(name: str) -> object:
    """An attribute of `dagger` that it has not got by itself."""
    part = None if name.startswith("_") else importlib.import_module(_FOR_MODULES)
    if part is None or name not in part.__all__:
        raise AttributeError(f"module 'dagger' has no attribute {name!r}")
    return getattr(part, name)


def _unchecked(checked: Any = None, **_options: Any) -> Any:
    """`beartype.beartype` as a decorator, and as what makes one out of options."""
    return checked if checked is not None else _unchecked


def quicken() -> None:
    """Make one cattrs converter for all selections instead of one for each (1.5 ms, some hundreds of times a run).

    dagger-io 0.20 and 0.21 make a converter for every field that is chained to a query. Where a later version does it
    otherwise, this finds nothing to replace and does nothing.
    """
    from dagger.client import _core  # noqa: PLC0415 - slow to import

    make: Any = getattr(_core, "make_converter", None)
    if make is None or getattr(make, "is_quick", False):
        return
    # Only structuring an object needs the context; this one never does that.
    shared = make(_core.Context.__new__(_core.Context))

    def lazily(context: _core.Context) -> Any:
        return _LazyConverter(context, make, shared)

    lazily.is_quick = True  # pyright: ignore[reportFunctionMemberAccess]
    _core.make_converter = lazily


@contextmanager
def in_process(answer: Answering) -> Generator[None]:
    """Clients connected inside of the block put their queries straight to `answer`: no socket, no HTTP, no TLS set-up.

    Everything above the transport stays dagger-io's own: what it sends, how it reads a status, how it fails.
    """
    from dagger.client import _session  # noqa: PLC0415 - slow to import

    original: Any = getattr(_session, "TelemetryTransport", None)
    if original is None:  # a version that is built otherwise: it finds the session's port
        yield
        return
    transport = _transport(answer)
    _session.TelemetryTransport = transport  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        _session.TelemetryTransport = original


def _transport(answer: Answering) -> Callable[[], httpx.AsyncBaseTransport]:
    import httpx  # noqa: PLC0415 - slow to import

    class Transport(httpx.AsyncBaseTransport):
        """Hands the body of each request to the session in this process."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked = json.loads(await request.aread())
            answered = await answer(asked["query"], asked.get("variables") or {}, asked.get("operationName"))
            return httpx.Response(
                answered.status, headers={"Content-Type": "application/json"}, content=answered.body, request=request
            )

    return Transport


class _LazyConverter:
    """A query context's converter that is made when it is needed, which it hardly ever is."""

    __slots__ = ("_context", "_make", "_shared")

    def __init__(self, context: Any, make: Callable[[Any], Any], shared: Any) -> None:
        self._context = context
        self._make = make
        self._shared = shared

    def unstructure(self, value: object) -> Any:
        return self._shared.unstructure(value)

    def structure(self, value: object, kind: Any) -> Any:
        if any(kind == plain for plain in _PLAIN):
            return self._shared.structure(value, kind)
        return self._make(self._context).structure(value, kind)
