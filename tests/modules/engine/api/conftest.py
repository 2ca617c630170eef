"""A real session on a real daemon, and dagger-io as its client."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagger
import httpx
import pytest
from dagger.client._session import ConnectParams, SingleConnection

from gauntlet_engine.session import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gauntlet_engine.session import EngineHandle

BASE = "gauntlet/base:trixie"


@pytest.fixture(autouse=True)
def daemon(daemon_address: str) -> None:
    """Sessions find the tests' own daemon through the environment."""


@pytest.fixture
async def engine(anyio_backend: str) -> AsyncIterator[EngineHandle]:
    async with open_session() as handle:
        yield handle


@pytest.fixture
async def dag(engine: EngineHandle) -> AsyncIterator[dagger.Client]:
    async with connected(engine) as connection:
        yield dagger.Client.from_connection(connection)


def connected(engine: EngineHandle) -> SingleConnection:
    return SingleConnection(ConnectParams(port=engine.port, session_token=engine.token))


@pytest.fixture
def base(dag: dagger.Client) -> dagger.Container:
    return dag.container().from_(BASE)


@dataclass(frozen=True)
class Endpoint:
    """The GraphQL endpoint without an SDK in front."""

    url: str
    client: httpx.AsyncClient

    async def post(self, query: str, variables: dict[str, Any] | None = None) -> httpx.Response:
        return await self.client.post(self.url, json={"query": query, "variables": variables})

    async def data(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        answer = (await self.post(query, variables)).json()
        assert "errors" not in answer, json.dumps(answer, indent=1)
        return answer["data"]

    async def errors(self, query: str, variables: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        return (await self.post(query, variables)).json()["errors"]


@pytest.fixture
async def endpoint(engine: EngineHandle) -> AsyncIterator[Endpoint]:
    async with httpx.AsyncClient(auth=(engine.token, ""), timeout=120) as client:
        yield Endpoint(f"http://127.0.0.1:{engine.port}/query", client)


@pytest.fixture
def unique() -> str:
    """A name that no test run had before."""
    return f"test-{uuid.uuid4().hex}"
