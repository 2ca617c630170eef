"""Errors as clients see them: RFC 9457 problem documents."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
import redis.exceptions
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
# What a driver raises when its server is gone, or goes in the middle of a statement.
UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)

log = logging.getLogger(__name__)


class InvalidInput(BaseModel):
    """One thing that is wrong with a request. `pointer` says where, as a JSON pointer."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """The body of every error response."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[InvalidInput] | None = None


class ProblemError(Exception):
    """Ends a request with a problem document. `slug` names the kind of problem for programs."""

    def __init__(
        self,
        status: HTTPStatus,
        slug: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.headers = dict(headers or {})


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response that carries a problem document."""
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def describe(
    status: HTTPStatus,
    slug: str | None = None,
    detail: str | None = None,
    errors: list[InvalidInput] | None = None,
) -> Problem:
    """A problem document; without a slug its type is `about:blank`, as the RFC asks."""
    kind = f"urn:orders:problem:{slug}" if slug else "about:blank"
    return Problem(
        type=kind, title=status.phrase, status=status.value, detail=detail, errors=errors
    )


def pointer(location: tuple[Any, ...]) -> str:
    """A JSON pointer (RFC 6901) to where the validator found something wrong."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return "".join(f"/{step}" for step in steps)


async def _on_problem(_: Request, error: ProblemError) -> JSONResponse:
    return respond(describe(error.status, error.slug, error.detail), error.headers)


async def _on_http(_: Request, error: HTTPException) -> JSONResponse:
    return respond(describe(HTTPStatus(error.status_code)), error.headers)


async def _on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    # The input itself is not repeated: it may be large, secret, or not even text.
    found = [
        InvalidInput(pointer=pointer(tuple(item["loc"])), detail=str(item["msg"]))
        for item in error.errors()
    ]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return respond(describe(status, "invalid-request", "The request is not valid.", found))


async def _on_unavailable(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s: a dependency is away: %r", request.method, request.url.path, error)
    detail = "A service that this one needs is away; try again."
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return respond(describe(status, "unavailable", detail), {"Retry-After": "5"})


async def _on_defect(_: Request, _error: Exception) -> JSONResponse:
    # The server logs the traceback; the client gets none of it.
    return respond(describe(HTTPStatus.INTERNAL_SERVER_ERROR))


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.exception_handler(ProblemError)(_on_problem)
    app.exception_handler(HTTPException)(_on_http)
    app.exception_handler(RequestValidationError)(_on_invalid)
    for kind in UNAVAILABLE:
        app.exception_handler(kind)(_on_unavailable)
    app.exception_handler(Exception)(_on_defect)
