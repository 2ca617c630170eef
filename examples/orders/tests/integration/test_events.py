from typing import TYPE_CHECKING

import anyio
import pytest
import redis.exceptions
from redis.asyncio import Redis

from orders.events import OutboxRelay
from orders.models import Line, NewOrder
from orders.repository import PostgresOrders
from orders.states import Action
from support.cache import entries_of

if TYPE_CHECKING:
    import asyncpg

    Pool = asyncpg.Pool[asyncpg.Record]

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
TEA = NewOrder(currency="EUR", lines=(Line(sku="TEA", quantity=2, unit_price_cents=450),))
WAITING = "SELECT count(*) FROM outbox"


@pytest.fixture
def stream(key_prefix: str, own_schema: str) -> str:
    return f"{key_prefix}{own_schema}"


async def test_what_happens_to_an_order_is_told_in_order(
    own_pool: "Pool", cache: Redis, stream: str
) -> None:
    orders = PostgresOrders(own_pool)
    order, _ = await orders.create("ann", "k", TEA)
    await orders.apply(order.id, "ann", Action.PAY, order.total_cents)
    assert await OutboxRelay(own_pool, cache, stream, 1000).drain() == 2
    entries = await entries_of(cache, stream)
    assert [entry["kind"] for entry in entries] == ["order.created", "order.paid"]
    assert {entry["order_id"] for entry in entries} == {str(order.id)}
    assert {entry["customer"] for entry in entries} == {"ann"}
    assert await own_pool.fetchval(WAITING) == 0


async def test_two_relays_at_once_send_each_event_once(
    own_pool: "Pool", cache: Redis, stream: str
) -> None:
    for number in range(10):
        await PostgresOrders(own_pool).create("ann", f"k{number}", TEA)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(OutboxRelay(own_pool, cache, stream, 1000).drain)
    identities = [int(entry["event_id"]) for entry in await entries_of(cache, stream)]
    assert identities == sorted(set(identities))
    assert len(identities) == 10


async def test_events_wait_while_the_stream_is_away(
    own_pool: "Pool", cache: Redis, stream: str
) -> None:
    await PostgresOrders(own_pool).create("ann", "k", TEA)
    async with Redis(host="127.0.0.1", port=1) as nobody:
        relay = OutboxRelay(own_pool, nobody, stream, 1000)
        with pytest.raises(redis.exceptions.ConnectionError):
            await relay.drain()
        with anyio.move_on_after(0.1):
            await relay.run(0.01)
    assert await own_pool.fetchval(WAITING) == 1
    assert await OutboxRelay(own_pool, cache, stream, 1000).drain() == 1
    assert await own_pool.fetchval(WAITING) == 0


async def test_the_stream_does_not_grow_for_ever(
    own_pool: "Pool", cache: Redis, stream: str
) -> None:
    # Redis trims whole nodes of 100 entries.
    for number in range(350):
        await cache.xadd(stream, {"number": number}, maxlen=1000)
    await PostgresOrders(own_pool).create("ann", "k", TEA)
    await OutboxRelay(own_pool, cache, stream, 100).drain()
    assert await cache.xlen(stream) <= 200
