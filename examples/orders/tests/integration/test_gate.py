import re
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from orders.gate import RedisGate
from orders.problems import ProblemError
from support.cache import keys_of

pytestmark = [pytest.mark.integration, pytest.mark.anyio]


@pytest.fixture
def gate(cache: Redis, key_prefix: str) -> RedisGate:
    return RedisGate(cache, f"{key_prefix}{uuid4().hex}:", 3)


async def test_one_request_too_many_is_refused_until_the_window_ends(gate: RedisGate) -> None:
    async def seven_requests() -> None:
        # In at most two windows: one of them has four.
        for _ in range(7):
            await gate.admit("ann", "token-of-ann")

    with pytest.raises(ProblemError, match="No more than 3") as refusal:
        await seven_requests()
    assert refusal.value.status == 429
    assert re.fullmatch(r"[1-9]|[1-5]\d|60", refusal.value.headers["Retry-After"])
    await gate.admit("bob", "token-of-bob")


async def test_a_revoked_token_is_refused_and_its_neighbour_is_not(gate: RedisGate) -> None:
    await gate.revoke("lost-token", 60)
    with pytest.raises(ProblemError, match="revoked"):
        await gate.admit("ann", "lost-token")
    await gate.admit("ann", "other-token")


async def test_all_keys_end_by_themselves(cache: Redis, key_prefix: str) -> None:
    prefix = f"{key_prefix}{uuid4().hex}:"
    gate = RedisGate(cache, prefix, 3)
    await gate.admit("ann", "token-of-ann")
    await gate.revoke("lost-token", -5)
    keys = await keys_of(cache, prefix)
    assert len(keys) == 2
    for key in keys:
        assert 0 < await cache.ttl(key) <= 120
