"""The HTTP service: routes, and what they are wired to."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Header, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from redis.asyncio import Redis

from orders import problems
from orders.cursors import Cursor
from orders.document import DocumentedAPI, failures
from orders.events import OutboxRelay
from orders.gate import RedisGate
from orders.limits import Limits
from orders.models import NewOrder, Order, OrderPage, OrderState, Payment
from orders.ports import EventRelay, Gatekeeper, OrderStore
from orders.repository import PostgresOrders
from orders.settings import Settings
from orders.states import Action
from orders.tokens import Principal, Scope, refused, verify


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    orders: OrderStore
    gate: Gatekeeper
    relay: EventRelay
    key: bytes


@asynccontextmanager
async def connected(settings: Settings) -> AsyncGenerator[Parts]:
    """The parts on a real PostgreSQL and a real Redis."""
    cache = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - untyped **kwargs
        str(settings.redis_url), socket_timeout=5, socket_connect_timeout=5
    )
    async with (
        asyncpg.create_pool(str(settings.database_url), min_size=1, command_timeout=10) as pool,
        cache,
    ):
        relay = OutboxRelay(pool, cache, settings.stream, settings.stream_max_length)
        background = asyncio.create_task(relay.run(settings.relay_seconds))
        yield Parts(
            orders=PostgresOrders(pool),
            gate=RedisGate(cache, settings.key_prefix, settings.requests_per_minute),
            relay=relay,
            key=settings.token_secret.get_secret_value().encode(),
        )
        background.cancel()
        with suppress(asyncio.CancelledError):
            await background


def parts_of(request: Request) -> Parts:
    """The parts of the running application."""
    return request.app.state.parts


Wired = Annotated[Parts, Depends(parts_of)]
bearer = HTTPBearer(auto_error=False, description="See section 2 of the specification.")


async def authenticated(
    parts: Wired, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    """Who is calling, once the gate has let them in."""
    if credentials is None:
        raise refused("A bearer token is needed.")
    principal = verify(parts.key, credentials.credentials, time.time())
    await parts.gate.admit(principal.sub, principal.jti)
    return principal


Caller = Annotated[Principal, Depends(authenticated)]


def require(caller: Principal, scope: Scope) -> None:
    """Refuse a caller who has another scope.

    Raises:
        ProblemError: 403.
    """
    if caller.scope is not scope:
        detail = f"This needs the scope {scope}."
        raise problems.ProblemError(HTTPStatus.FORBIDDEN, "wrong-scope", detail)


router = APIRouter(prefix="/v1")
IdempotencyKey = Annotated[str, Header(pattern=r"^[\x21-\x7e]{1,64}$")]
PageSize = Annotated[int, Query(ge=1, le=100)]


@router.post(
    "/orders",
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": Order, "description": "The order that this key made before."}}
    | failures(400, 401, 403, 413, 422, 429, 503),
)
async def create_order(
    new: NewOrder,
    idempotency_key: IdempotencyKey,
    caller: Caller,
    parts: Wired,
    response: Response,
    after: BackgroundTasks,
) -> Order:
    """Order something. The same key again gives the same order, not another one."""
    require(caller, Scope.CUSTOMER)
    order, is_new = await parts.orders.create(caller.sub, idempotency_key, new)
    if is_new:
        after.add_task(parts.relay.drain)
    else:
        response.status_code = HTTPStatus.OK
    response.headers["Location"] = f"/v1/orders/{order.id}"
    return order


@router.get("/orders", responses=failures(401, 422, 429, 503))
async def list_orders(
    caller: Caller,
    parts: Wired,
    state: OrderState | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: PageSize = 20,
) -> OrderPage:
    """The caller's orders, newest first; for fulfilment everybody's."""
    place = Cursor.decode(cursor) if cursor is not None else None
    # One more than asked for tells whether there is another page.
    found = await parts.orders.page(caller.owner, state, place, limit + 1)
    items = found[:limit]
    more = len(found) > limit
    return OrderPage(items=items, next_cursor=Cursor.after(items[-1]).encode() if more else None)


@router.get("/orders/{order_id}", responses=failures(401, 404, 422, 429, 503))
async def read_order(order_id: UUID, caller: Caller, parts: Wired) -> Order:
    """One order."""
    return await parts.orders.get(order_id, caller.owner)


@router.post(
    "/orders/{order_id}/payment", responses=failures(400, 401, 403, 404, 409, 413, 422, 429, 503)
)
async def pay_order(
    order_id: UUID, payment: Payment, caller: Caller, parts: Wired, after: BackgroundTasks
) -> Order:
    """Pay the whole order."""
    require(caller, Scope.CUSTOMER)
    order = await parts.orders.apply(order_id, caller.owner, Action.PAY, payment.amount_cents)
    after.add_task(parts.relay.drain)
    return order


@router.post("/orders/{order_id}/shipment", responses=failures(401, 403, 404, 409, 422, 429, 503))
async def ship_order(order_id: UUID, caller: Caller, parts: Wired, after: BackgroundTasks) -> Order:
    """Tell that a paid order was sent out. For fulfilment only."""
    require(caller, Scope.FULFILMENT)
    order = await parts.orders.apply(order_id, caller.owner, Action.SHIP)
    after.add_task(parts.relay.drain)
    return order


@router.post("/orders/{order_id}/cancellation", responses=failures(401, 404, 409, 422, 429, 503))
async def cancel_order(
    order_id: UUID, caller: Caller, parts: Wired, after: BackgroundTasks
) -> Order:
    """Call an order off, unless it was sent out already."""
    order = await parts.orders.apply(order_id, caller.owner, Action.CANCEL)
    after.add_task(parts.relay.drain)
    return order


@router.delete("/token", status_code=HTTPStatus.NO_CONTENT, responses=failures(401, 429, 503))
async def revoke_token(caller: Caller, parts: Wired) -> None:
    """Make the token of this request worthless."""
    await parts.gate.revoke(caller.jti, caller.exp - int(time.time()))


health = APIRouter(tags=["health"])


@health.get("/healthz")
async def alive() -> dict[str, str]:
    """The process runs."""
    return {"status": "alive"}


@health.get("/readyz", responses=failures(503))
async def ready(parts: Wired) -> dict[str, str]:
    """The database and the cache answer."""
    await parts.orders.ping()
    await parts.gate.ping()
    return {"status": "ready"}


def create_app(settings: Settings, parts: Parts | None = None) -> FastAPI:
    """The application. Without `parts` it connects to what the settings name while it runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with connected(settings) as app.state.parts:
            yield

    title, version = "Orders", "1.0.0"
    if parts is None:
        app = DocumentedAPI(title=title, version=version, lifespan=lifespan)
    else:
        app = DocumentedAPI(title=title, version=version)
        app.state.parts = parts
    app.add_middleware(Limits, max_body_bytes=settings.max_body_bytes)
    app.include_router(router)
    app.include_router(health)
    problems.install(app)
    return app
