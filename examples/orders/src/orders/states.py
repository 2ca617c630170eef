"""The life of an order: which action leads from which state to which."""

from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType

from orders.models import Order, OrderState
from orders.problems import ProblemError


class Action(StrEnum):
    """What can be done to an order. The value is the name of the event that tells of it."""

    PAY = "order.paid"
    SHIP = "order.shipped"
    CANCEL = "order.cancelled"


TRANSITIONS = MappingProxyType(
    {
        (OrderState.NEW, Action.PAY): OrderState.PAID,
        (OrderState.NEW, Action.CANCEL): OrderState.CANCELLED,
        (OrderState.PAID, Action.SHIP): OrderState.SHIPPED,
        (OrderState.PAID, Action.CANCEL): OrderState.CANCELLED,
    }
)


def decide(order: Order, action: Action, amount_cents: int | None = None) -> OrderState:
    """The state that an action leads to. `amount_cents` is what was paid, for `Action.PAY`.

    Raises:
        ProblemError: 409; the order is in no state for it, or the amount is not its total.
    """
    state = TRANSITIONS.get((order.state, action))
    if state is None:
        detail = f"An order that is {order.state} takes no {action}."
        raise ProblemError(HTTPStatus.CONFLICT, "wrong-state", detail)
    if action is Action.PAY and amount_cents != order.total_cents:
        detail = f"The order's total is {order.total_cents} cents."
        raise ProblemError(HTTPStatus.CONFLICT, "wrong-amount", detail)
    return state
