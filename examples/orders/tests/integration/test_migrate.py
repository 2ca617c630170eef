from typing import TYPE_CHECKING

import pytest

from orders.migrate import down, migrations, up

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
RELATIONS = """
    SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
    ORDER BY relname
"""
VERSIONS = [step.version for step in migrations()]


async def relations(connection: "Connection") -> list[str]:
    return [row["relname"] for row in await connection.fetch(RELATIONS)]


async def test_the_way_back_leads_to_nothing_and_up_again(empty: "Connection") -> None:
    assert await up(empty) == VERSIONS
    built = await relations(empty)
    assert {"orders", "order_lines", "outbox"} <= set(built)
    assert await down(empty) == VERSIONS[::-1]
    assert await relations(empty) == []
    assert await up(empty) == VERSIONS
    assert await relations(empty) == built


async def test_up_twice_does_nothing_the_second_time(empty: "Connection") -> None:
    await up(empty)
    assert await up(empty) == []


async def test_one_can_go_back_a_part_of_the_way(empty: "Connection") -> None:
    await up(empty)
    assert await down(empty, to=VERSIONS[0]) == VERSIONS[:0:-1]
    assert "outbox" not in await relations(empty)
    assert "orders" in await relations(empty)
