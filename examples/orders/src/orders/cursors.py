"""Where a page ends: an opaque cursor for the next one."""

import base64
from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple, Self
from uuid import UUID

from orders.models import Order
from orders.problems import ProblemError


class Cursor(NamedTuple):
    """The place of an order in the list, newest first."""

    created_at: datetime
    id: UUID

    @classmethod
    def after(cls, order: Order) -> Self:
        """The place behind an order."""
        return cls(order.created_at, order.id)

    def encode(self) -> str:
        """The cursor as clients carry it."""
        plain = f"{self.created_at.isoformat()} {self.id}"
        return base64.urlsafe_b64encode(plain.encode()).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a cursor that a client has brought back.

        Raises:
            ProblemError: 422; it is none of ours.
        """
        try:
            moment, _, name = base64.urlsafe_b64decode(text).decode().partition(" ")
            created_at = datetime.fromisoformat(moment)
            if created_at.tzinfo is None:
                raise ValueError("no time zone")
            return cls(created_at, UUID(name))
        except ValueError as error:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            raise ProblemError(
                status, "invalid-cursor", "The cursor is not one of ours."
            ) from error
