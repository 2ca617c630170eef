"""The gate: revoked tokens and request rates, in Redis so that all replicas share them."""

import time
from http import HTTPStatus

from redis.asyncio import Redis

from orders.problems import ProblemError
from orders.tokens import refused

WINDOW_SECONDS = 60


class RedisGate:
    """An `orders.ports.Gatekeeper` that counts requests in windows of a minute."""

    def __init__(self, cache: Redis, prefix: str, limit: int) -> None:
        self._cache = cache
        self._prefix = prefix
        self._limit = limit

    async def admit(self, customer: str, token_id: str) -> None:
        now = int(time.time())
        counter = f"{self._prefix}rate:{customer}:{now // WINDOW_SECONDS}"
        async with self._cache.pipeline(transaction=True) as pipe:
            pipe.exists(f"{self._prefix}revoked:{token_id}")
            pipe.incr(counter)
            pipe.expire(counter, 2 * WINDOW_SECONDS)
            revoked, count, _ = await pipe.execute()
        if revoked:
            raise refused("The token was revoked.")
        if count > self._limit:
            wait = WINDOW_SECONDS - now % WINDOW_SECONDS
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-requests",
                f"No more than {self._limit} requests a minute.",
                headers={"Retry-After": str(wait)},
            )

    async def revoke(self, token_id: str, seconds: int) -> None:
        await self._cache.set(f"{self._prefix}revoked:{token_id}", 1, ex=max(1, seconds))

    async def ping(self) -> None:
        await self._cache.ping()  # pyright: ignore[reportUnknownMemberType] - untyped **kwargs
