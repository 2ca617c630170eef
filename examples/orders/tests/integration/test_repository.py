from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio
import pytest

from orders.cursors import Cursor
from orders.models import Line, NewOrder, Order, OrderState
from orders.problems import ProblemError
from orders.repository import PostgresOrders
from orders.states import Action

if TYPE_CHECKING:
    import asyncpg

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
TEA = NewOrder(currency="EUR", lines=(Line(sku="TEA", quantity=2, unit_price_cents=450),))


@pytest.fixture
def orders(pool: "asyncpg.Pool[asyncpg.Record]") -> PostgresOrders:
    return PostgresOrders(pool)


async def placed(orders: PostgresOrders, customer: str) -> Order:
    order, _ = await orders.create(customer, uuid4().hex, TEA)
    return order


async def test_an_order_is_kept_as_it_was_given(orders: PostgresOrders, customer: str) -> None:
    order = await placed(orders, customer)
    assert await orders.get(order.id, customer) == order
    assert (order.lines, order.total_cents, order.state) == (TEA.lines, 900, OrderState.NEW)


async def test_one_key_at_once_makes_one_order(orders: PostgresOrders, customer: str) -> None:
    made: list[tuple[Order, bool]] = []

    async def create() -> None:
        made.append(await orders.create(customer, "once", TEA))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(create)
    assert len({order.id for order, _ in made}) == 1
    assert sorted(is_new for _, is_new in made) == [False, False, False, True]


async def test_a_key_is_not_used_for_another_order(orders: PostgresOrders, customer: str) -> None:
    await orders.create(customer, "once", TEA)
    with pytest.raises(ProblemError, match="another order"):
        await orders.create(customer, "once", TEA.model_copy(update={"currency": "USD"}))


async def test_orders_belong_to_one_customer(orders: PostgresOrders, customer: str) -> None:
    order = await placed(orders, customer)
    stranger = f"{customer}-stranger"
    with pytest.raises(ProblemError, match="There is no order"):
        await orders.get(order.id, stranger)
    with pytest.raises(ProblemError, match="There is no order"):
        await orders.apply(order.id, stranger, Action.CANCEL)
    assert await orders.page(stranger, None, None, 10) == []
    assert await orders.get(order.id, None) == order


async def test_pages_follow_each_other(orders: PostgresOrders, customer: str) -> None:
    newest_first = [await placed(orders, customer) for _ in range(5)][::-1]
    first = await orders.page(customer, None, None, 3)
    await placed(orders, customer)
    rest = await orders.page(customer, None, Cursor.after(first[-1]), 3)
    assert first + rest == newest_first
    assert await orders.page(customer, OrderState.PAID, None, 3) == []


async def test_a_refused_action_changes_and_tells_nothing(
    orders: PostgresOrders, customer: str, pool: Any
) -> None:
    order = await placed(orders, customer)
    with pytest.raises(ProblemError, match="total is"):
        await orders.apply(order.id, customer, Action.PAY, 1)
    assert await orders.get(order.id, customer) == order
    kinds = await pool.fetch("SELECT kind FROM outbox WHERE customer = $1", customer)
    assert [row["kind"] for row in kinds] in ([], ["order.created"])
