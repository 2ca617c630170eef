"""What an order is. Money is a whole number of cents, always."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Currency = Literal["EUR", "GBP", "USD"]
Sku = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,39}$", examples=["TEA-GREEN-100"])]
Cents = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]


class OrderState(StrEnum):
    """Where an order is in its life."""

    NEW = "new"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class Line(BaseModel):
    """So many pieces of one article at one price."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sku: Sku
    quantity: Annotated[int, Field(strict=True, ge=1, le=1000)]
    unit_price_cents: Cents


class NewOrder(BaseModel):
    """What a customer asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: Currency
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)]

    @property
    def total_cents(self) -> int:
        """The price of all lines together."""
        return sum(line.quantity * line.unit_price_cents for line in self.lines)


class Payment(BaseModel):
    """What was paid: all of it, or it is not a payment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount_cents: Annotated[int, Field(strict=True, ge=0)]


class Order(BaseModel):
    """An order as it is kept."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    customer: str
    state: OrderState
    currency: Currency
    lines: tuple[Line, ...]
    total_cents: int
    created_at: datetime


class OrderPage(BaseModel):
    """Some orders, newest first, and where to go on reading; no cursor on the last page."""

    items: list[Order]
    next_cursor: str | None = None
