"""What the application needs from its database and its cache."""

from typing import Protocol
from uuid import UUID

from orders.cursors import Cursor
from orders.models import NewOrder, Order, OrderState
from orders.states import Action


class OrderStore(Protocol):
    """Keeps orders. An `owner` of None stands for everybody."""

    async def create(self, customer: str, key: str, new: NewOrder) -> tuple[Order, bool]:
        """Keep a new order, or find the one made with this key; True if it is new.

        Raises:
            ProblemError: 422; the key was used for another order.
        """
        ...

    async def get(self, order_id: UUID, owner: str | None) -> Order:
        """One order.

        Raises:
            ProblemError: 404; there is none, or it is somebody else's.
        """
        ...

    async def page(
        self, owner: str | None, state: OrderState | None, after: Cursor | None, limit: int
    ) -> list[Order]:
        """At most `limit` orders behind a cursor, newest first."""
        ...

    async def apply(
        self, order_id: UUID, owner: str | None, action: Action, amount_cents: int | None = None
    ) -> Order:
        """Do something to an order.

        Raises:
            ProblemError: 404, as `get`; 409, as `orders.states.decide`.
        """
        ...

    async def ping(self) -> None:
        """Return if the store answers."""
        ...


class Gatekeeper(Protocol):
    """Says who may come in, and how often."""

    async def admit(self, customer: str, token_id: str) -> None:
        """Let one request in.

        Raises:
            ProblemError: 401 for a revoked token, 429 for one request too many.
        """
        ...

    async def revoke(self, token_id: str, seconds: int) -> None:
        """Refuse a token for as long as it would have lived."""
        ...

    async def ping(self) -> None:
        """Return if the cache answers."""
        ...


class EventRelay(Protocol):
    """Sends on what has happened."""

    async def drain(self) -> int:
        """Send all waiting events; how many it were."""
        ...
