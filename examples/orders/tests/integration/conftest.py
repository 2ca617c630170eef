from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import asyncpg
import pytest
from redis.asyncio import Redis

from orders import migrate
from support.cache import connect

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

# A name is no parameter of such a statement: the server itself puts it in, quoted.
NAME = "SELECT 'test_' || replace(gen_random_uuid()::text, '-', '')"
CREATE = "SELECT format('CREATE SCHEMA %I', $1::text)"
DROP = "SELECT format('DROP SCHEMA %I CASCADE', $1::text)"


@pytest.fixture
async def pool(schema: None, database_url: str, anyio_backend: str) -> AsyncGenerator["Pool"]:
    """The database that all tests share."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=5) as pool:
        yield pool


@pytest.fixture
async def cache(redis_url: str, anyio_backend: str) -> AsyncGenerator[Redis]:
    async with connect(redis_url) as cache:
        yield cache


@pytest.fixture
async def own_schema(database_url: str, anyio_backend: str) -> AsyncGenerator[str]:
    """The name of a schema with nothing in it."""
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval(NAME)
    await connection.execute(await connection.fetchval(CREATE, name))
    yield name
    await connection.execute(await connection.fetchval(DROP, name))
    await connection.close()


@pytest.fixture
async def empty(
    database_url: str, own_schema: str, anyio_backend: str
) -> AsyncGenerator["Connection"]:
    """A connection to a schema of its own, before the first migration."""
    told = {"search_path": own_schema}
    connection = await asyncpg.connect(database_url, server_settings=told)
    yield connection
    await connection.close()


@pytest.fixture
async def own_pool(
    database_url: str, own_schema: str, empty: "Connection", anyio_backend: str
) -> AsyncGenerator["Pool"]:
    """Tables of its own, for a test that must find nobody else's events in the outbox."""
    await migrate.up(empty)
    told = {"search_path": own_schema}
    async with asyncpg.create_pool(database_url, min_size=1, server_settings=told) as pool:
        yield pool
