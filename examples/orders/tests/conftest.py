"""The servers that integration tests and live specification tests share."""

import os
import sys
import uuid
from collections.abc import AsyncGenerator

import anyio
import asyncpg
import pytest

from support.cache import connect, keys_of

SCHEMA_LOCK = 715518


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"{name} is not set")
    return value


@pytest.fixture(scope="session")
def database_url() -> str:
    return _variable("DATABASE_URL")


@pytest.fixture(scope="session")
def redis_url() -> str:
    return _variable("REDIS_URL")


async def _migrate(direction: str) -> bytes:
    done = await anyio.run_process([sys.executable, "-m", "orders.migrate", direction])
    return done.stdout


@pytest.fixture(scope="session")
async def schema(database_url: str, anyio_backend: str) -> AsyncGenerator[None]:
    """The tables; gone afterwards if they were not there before.

    Test processes beside this one share the database: the lock is shared while tests run and
    exclusive to take the tables away.
    """
    guard = await asyncpg.connect(database_url)
    await guard.execute("SELECT pg_advisory_lock_shared($1)", SCHEMA_LOCK)
    made = await _migrate("up")
    yield
    await guard.execute("SELECT pg_advisory_unlock_shared($1)", SCHEMA_LOCK)
    if made:
        await guard.execute("SELECT pg_advisory_lock($1)", SCHEMA_LOCK)
        await _migrate("down")
    await guard.close()


@pytest.fixture
async def customer(schema: None, database_url: str, anyio_backend: str) -> AsyncGenerator[str]:
    """A customer of this test only; whatever is kept for it or its namesakes goes with it."""
    name = f"test-{uuid.uuid4().hex[:16]}"
    yield name
    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM orders WHERE starts_with(customer, $1)", name)
    await connection.execute("DELETE FROM outbox WHERE starts_with(customer, $1)", name)
    await connection.close()


@pytest.fixture(scope="session")
async def key_prefix(redis_url: str, anyio_backend: str) -> AsyncGenerator[str]:
    """A prefix for keys and streams of this run only, that are deleted afterwards."""
    prefix = f"test-{uuid.uuid4().hex[:16]}:"
    yield prefix
    async with connect(redis_url) as cache:
        for key in await keys_of(cache, prefix):
            await cache.delete(key)
