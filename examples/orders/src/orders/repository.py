"""Orders in PostgreSQL."""

import hashlib
import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from orders.cursors import Cursor
from orders.models import Line, NewOrder, Order, OrderState
from orders.problems import ProblemError
from orders.states import Action, decide

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = PoolConnectionProxy[asyncpg.Record]

INSERT = """
    INSERT INTO orders (id, customer, idempotency_key, fingerprint, state, currency, total_cents)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (customer, idempotency_key) DO NOTHING
    RETURNING id
"""
INSERT_LINE = """
    INSERT INTO order_lines (order_id, position, sku, quantity, unit_price_cents)
    VALUES ($1, $2, $3, $4, $5)
"""
BY_KEY = """
    SELECT id, fingerprint FROM orders WHERE customer = $1 AND idempotency_key = $2
"""
ONE = """
    SELECT id, customer, state, currency, total_cents, created_at FROM orders
    WHERE id = $1 AND ($2::text IS NULL OR customer = $2)
"""
ONE_LOCKED = ONE + " FOR UPDATE"
PAGE = """
    SELECT id, customer, state, currency, total_cents, created_at FROM orders
    WHERE ($1::text IS NULL OR customer = $1)
      AND ($2::text IS NULL OR state = $2)
      AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
    ORDER BY created_at DESC, id DESC
    LIMIT $5
"""
LINES = """
    SELECT order_id, sku, quantity, unit_price_cents FROM order_lines
    WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, position
"""
SET_STATE = "UPDATE orders SET state = $2 WHERE id = $1"
TELL = "INSERT INTO outbox (kind, order_id, customer, body) VALUES ($1, $2, $3, $4)"


def fingerprint(new: NewOrder) -> str:
    """Tells whether two requests with one idempotency key ask for the same."""
    return hashlib.sha256(new.model_dump_json().encode()).hexdigest()


def missing(order_id: UUID) -> ProblemError:
    """The same answer for an order that is not there and one that is not yours."""
    return ProblemError(HTTPStatus.NOT_FOUND, "not-found", f"There is no order {order_id}.")


async def _orders(connection: "Connection", rows: Iterable["asyncpg.Record"]) -> list[Order]:
    rows = list(rows)
    lines: dict[UUID, list[Line]] = {row["id"]: [] for row in rows}
    for line in await connection.fetch(LINES, list(lines)):
        lines[line["order_id"]].append(
            Line(
                sku=line["sku"],
                quantity=line["quantity"],
                unit_price_cents=line["unit_price_cents"],
            )
        )
    return [Order(**row, lines=tuple(lines[row["id"]])) for row in rows]


async def _tell(connection: "Connection", kind: str, order: Order) -> None:
    body = json.dumps({"total_cents": order.total_cents, "currency": order.currency})
    await connection.execute(TELL, kind, order.id, order.customer, body)


class PostgresOrders:
    """An `orders.ports.OrderStore`. A change and the event that tells of it are kept together."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    async def create(self, customer: str, key: str, new: NewOrder) -> tuple[Order, bool]:
        async with self._pool.acquire() as connection, connection.transaction():
            order_id = await connection.fetchval(
                INSERT,
                uuid4(),
                customer,
                key,
                fingerprint(new),
                OrderState.NEW,
                new.currency,
                new.total_cents,
            )
            if order_id is None:
                return await self._again(connection, customer, key, new), False
            lines = [
                (order_id, position, line.sku, line.quantity, line.unit_price_cents)
                for position, line in enumerate(new.lines)
            ]
            await connection.executemany(INSERT_LINE, lines)
            (order,) = await _orders(connection, await connection.fetch(ONE, order_id, customer))
            await _tell(connection, "order.created", order)
            return order, True

    async def _again(
        self, connection: "Connection", customer: str, key: str, new: NewOrder
    ) -> Order:
        known = await connection.fetchrow(BY_KEY, customer, key)
        if known is None or known["fingerprint"] != fingerprint(new):
            detail = "This idempotency key was used for another order."
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail)
        (order,) = await _orders(connection, await connection.fetch(ONE, known["id"], customer))
        return order

    async def get(self, order_id: UUID, owner: str | None) -> Order:
        async with self._pool.acquire() as connection:
            found = await _orders(connection, await connection.fetch(ONE, order_id, owner))
        if not found:
            raise missing(order_id)
        return found[0]

    async def page(
        self, owner: str | None, state: OrderState | None, after: Cursor | None, limit: int
    ) -> list[Order]:
        moment, name = after or (None, None)
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(PAGE, owner, state, moment, name, limit)
            return await _orders(connection, rows)

    async def apply(
        self, order_id: UUID, owner: str | None, action: Action, amount_cents: int | None = None
    ) -> Order:
        async with self._pool.acquire() as connection, connection.transaction():
            # Locked until the end: of two payments at once, the second finds the order paid.
            rows = await connection.fetch(ONE_LOCKED, order_id, owner)
            found = await _orders(connection, rows)
            if not found:
                raise missing(order_id)
            state = decide(found[0], action, amount_cents)
            await connection.execute(SET_STATE, order_id, state)
            order = found[0].model_copy(update={"state": state})
            await _tell(connection, action, order)
            return order

    async def ping(self) -> None:
        await self._pool.fetchval("SELECT 1")
