"""The application on stand-ins for its servers; the real ones are in tests/integration."""

import secrets
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from orders.app import Parts, create_app
from orders.cursors import Cursor
from orders.models import NewOrder, Order, OrderState
from orders.problems import ProblemError
from orders.settings import Settings
from orders.states import Action, decide


class MemoryOrders:
    """An `orders.ports.OrderStore` in a dict."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Order] = {}
        self.keys: dict[tuple[str, str], UUID] = {}
        self.failure: Exception | None = None

    async def create(self, customer: str, key: str, new: NewOrder) -> tuple[Order, bool]:
        await self.ping()
        known = self.keys.get((customer, key))
        if known is not None:
            return self.kept[known], False
        order = Order(
            id=uuid4(),
            customer=customer,
            state=OrderState.NEW,
            currency=new.currency,
            lines=new.lines,
            total_cents=new.total_cents,
            created_at=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=len(self.kept)),
        )
        self.kept[order.id] = order
        self.keys[customer, key] = order.id
        return order, True

    async def get(self, order_id: UUID, owner: str | None) -> Order:
        await self.ping()
        order = self.kept.get(order_id)
        if order is None or owner not in (None, order.customer):
            raise ProblemError(HTTPStatus.NOT_FOUND, "not-found", "There is no such order.")
        return order

    async def page(
        self, owner: str | None, state: OrderState | None, after: Cursor | None, limit: int
    ) -> list[Order]:
        await self.ping()
        newest = sorted(self.kept.values(), key=Cursor.after, reverse=True)
        return [
            order
            for order in newest
            if owner in (None, order.customer)
            and state in (None, order.state)
            and (after is None or Cursor.after(order) < after)
        ][:limit]

    async def apply(
        self, order_id: UUID, owner: str | None, action: Action, amount_cents: int | None = None
    ) -> Order:
        order = await self.get(order_id, owner)
        state = decide(order, action, amount_cents)
        self.kept[order_id] = order.model_copy(update={"state": state})
        return self.kept[order_id]

    async def ping(self) -> None:
        if self.failure is not None:
            raise self.failure


class OpenGate:
    """An `orders.ports.Gatekeeper` that lets everybody in and remembers whom."""

    def __init__(self) -> None:
        self.admitted: list[str] = []
        self.revoked: dict[str, int] = {}

    async def admit(self, customer: str, token_id: str) -> None:
        self.admitted.append(customer)

    async def revoke(self, token_id: str, seconds: int) -> None:
        self.revoked[token_id] = seconds

    async def ping(self) -> None:
        pass


class CountingRelay:
    """An `orders.ports.EventRelay` that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def drain(self) -> int:
        self.asked += 1
        return 0


@pytest.fixture
def key() -> str:
    return secrets.token_hex(32)


@pytest.fixture
def store() -> MemoryOrders:
    return MemoryOrders()


@pytest.fixture
def gate() -> OpenGate:
    return OpenGate()


@pytest.fixture
def relay() -> CountingRelay:
    return CountingRelay()


@pytest.fixture
def settings(key: str) -> Settings:
    return Settings.model_validate(
        {
            "database_url": "postgresql://nowhere/orders",
            "redis_url": "redis://nowhere",
            "token_secret": key,
            "port": 1,
            "max_body_bytes": 1000,
        }
    )


@pytest.fixture
def app(
    settings: Settings, key: str, store: MemoryOrders, gate: OpenGate, relay: CountingRelay
) -> FastAPI:
    return create_app(settings, Parts(store, gate, relay, key.encode()))


@pytest.fixture
async def client(app: FastAPI, anyio_backend: str) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://orders") as client:
        yield client
