"""GraphQL requests, from text to answer."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import graphql

from gauntlet_engine.api import Query
from gauntlet_engine.api.errors import describe
from gauntlet_engine.buildkit import EngineError
from gauntlet_engine.chain import Piece, cut, nested
from gauntlet_engine.documents import Documents, InvalidDocumentError
from gauntlet_engine.schema import bound_schema, supported_sdl, whole_sdl
from gauntlet_engine.valid_shapes import ValidShapes

if TYPE_CHECKING:
    from pathlib import Path

    from gauntlet_engine.api.context import EngineSession

logger = logging.getLogger(__name__)

OK = 200
UNPROCESSABLE = 422
"""Status of a request that cannot be parsed or does not fit the schema, as Dagger's server has it."""


@dataclass(frozen=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: bytes


class Executor:
    """Answers the requests of one session.

    Args:
        session: what resolvers work in.
        cache: directory for what is the same for every session of this version: introspection answers, valid shapes.
    """

    def __init__(self, session: EngineSession, cache: Path) -> None:
        self._session = session
        self._documents = Documents(ValidShapes(cache, supported_sdl()))
        self._introspection = _Introspection(cache)

    async def answer(self, text: str, variables: dict[str, Any], operation: str | None = None) -> Answer:
        """Execute one request. Cancelling cancels what it runs in the daemon."""
        if "__schema" in text or "__type(" in text:
            return Answer(OK, self._introspection.answer(text, variables, operation))
        pieces = None if variables else cut(text)
        try:
            if pieces is not None:
                return await self._answer_chain(pieces)
            return _answer(await self._execute(text, variables, operation))
        except InvalidDocumentError as invalid:
            return Answer(UNPROCESSABLE, _json({"errors": list(invalid.errors), "data": None}))

    async def _execute(self, text: str, variables: dict[str, Any], operation: str | None) -> graphql.ExecutionResult:
        request = self._documents.request(text, variables)
        result: Any = graphql.execute(  # pyright: ignore[reportUnknownMemberType]  # its generics are half open
            bound_schema(),
            request.document,
            Query(),
            context_value=self._session,
            variable_values=request.variables,
            operation_name=operation,
        )
        return await result if inspect.isawaitable(result) else result

    async def _answer_chain(self, pieces: list[Piece]) -> Answer:
        """One piece after the other; paths of errors and the answer are those of the whole."""
        start: tuple[str, str] | None = None
        above: tuple[str, ...] = ()
        found: Any = None
        for piece in pieces:
            result = await self._execute(piece.text(start), {}, None)
            if result.errors:
                return _failed(result.errors, above, hidden=0 if start is None else 1)
            found = result.data if start is None else (result.data or {})["node"]
            for key in piece.keys:
                found = found[key]
            above += piece.keys
            if piece is not pieces[-1]:
                start = (found["__typename"], found["id"])
        return Answer(OK, _json({"data": nested(above, found)}))


class _Introspection:
    """Answers to introspection queries: computed once a version and machine (0.1 s), then read from `cache`."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def answer(self, text: str, variables: dict[str, Any], operation: str | None) -> bytes:
        sdl = whole_sdl()
        key = hashlib.sha256(repr((sdl, text, variables, operation)).encode()).hexdigest()[:32]
        path = self._cache / f"introspection-{key}.json"
        try:
            return path.read_bytes()
        except OSError:
            pass
        result: graphql.ExecutionResult = graphql.graphql_sync(  # pyright: ignore[reportUnknownMemberType]
            graphql.build_schema(sdl), text, variable_values=variables, operation_name=operation
        )
        body = _json(dict(result.formatted))
        temporary = path.with_suffix(f".{hashlib.sha256(body).hexdigest()[:8]}")
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(body)
            temporary.replace(path)
        except OSError as error:
            logger.debug("introspection is not cached: %s", error)
        return body


def _answer(result: graphql.ExecutionResult) -> Answer:
    return _failed(result.errors) if result.errors else Answer(OK, _json({"data": result.data}))


def _failed(errors: list[graphql.GraphQLError], above: tuple[str, ...] = (), hidden: int = 0) -> Answer:
    """Dagger drops the answers of siblings that succeeded. `above` replaces the first `hidden` parts of the paths."""
    formatted = [_formatted(error) for error in errors]
    for error in formatted:
        error["path"] = [*above, *(error.get("path") or ())[hidden:]]
    return Answer(OK, _json({"errors": formatted, "data": None}))


def _formatted(error: graphql.GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    formatted.pop("locations", None)  # of the document as we keep it, not as the client wrote it
    original = _first(error.original_error)
    if original is not None:
        if not isinstance(original, EngineError):
            logger.error("a resolver failed", exc_info=original)
        formatted["message"], extensions = describe(original)
        if extensions:
            formatted["extensions"] = extensions
    return formatted


def _first(error: BaseException | None) -> BaseException | None:
    """The error itself, or the first of a group: one says as much as they all."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
