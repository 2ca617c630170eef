"""Events: from the outbox in PostgreSQL to a stream in Redis, at least once, in order."""

import asyncio
import logging
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from orders.problems import UNAVAILABLE

if TYPE_CHECKING:
    import asyncpg

BATCH = 100
WAITING = """
    SELECT id, kind, order_id, customer, body FROM outbox
    ORDER BY id LIMIT $1 FOR UPDATE
"""
SENT = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"

log = logging.getLogger(__name__)


class OutboxRelay:
    """An `orders.ports.EventRelay`.

    A batch leaves the outbox in the transaction in which it is sent: if that breaks, it is
    sent once more, and readers tell a repeated event by its `event_id`.
    """

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", cache: Redis, stream: str, max_length: int
    ) -> None:
        self._pool = pool
        self._cache = cache
        self._stream = stream
        self._max_length = max_length

    async def drain(self) -> int:
        sent = 0
        while True:
            count = await self._send_batch()
            sent += count
            if count < BATCH:
                return sent

    async def _send_batch(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(WAITING, BATCH)
            for row in rows:
                # Bounded: a reader that is away for long must not fill the server's memory.
                await self._cache.xadd(
                    self._stream,
                    {
                        "event_id": row["id"],
                        "kind": row["kind"],
                        "order_id": str(row["order_id"]),
                        "customer": row["customer"],
                        "body": row["body"],
                    },
                    maxlen=self._max_length,
                    approximate=True,
                )
            await connection.execute(SENT, [row["id"] for row in rows])
            return len(rows)

    async def run(self, seconds: float) -> None:
        """Drain for ever, to catch up with what could not be sent at once."""
        while True:
            try:
                await self.drain()
            except UNAVAILABLE as error:
                log.warning("events wait: %r", error)
            await asyncio.sleep(seconds)
