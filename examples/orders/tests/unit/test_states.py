from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Line, Order, OrderState
from orders.problems import ProblemError
from orders.states import Action, decide

TOTAL = 900


def order(state: OrderState) -> Order:
    return Order(
        id=UUID(int=1),
        customer="ann",
        state=state,
        currency="EUR",
        lines=(Line(sku="TEA", quantity=2, unit_price_cents=450),),
        total_cents=TOTAL,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (OrderState.NEW, Action.PAY, OrderState.PAID),
        (OrderState.NEW, Action.CANCEL, OrderState.CANCELLED),
        (OrderState.PAID, Action.CANCEL, OrderState.CANCELLED),
        (OrderState.PAID, Action.SHIP, OrderState.SHIPPED),
    ],
)
def test_an_order_moves_on(before: OrderState, action: Action, after: OrderState) -> None:
    assert decide(order(before), action, TOTAL) is after


@pytest.mark.parametrize("state", [OrderState.SHIPPED, OrderState.CANCELLED])
@pytest.mark.parametrize("action", list(Action))
def test_nothing_leads_out_of_the_end(state: OrderState, action: Action) -> None:
    with pytest.raises(ProblemError, match=f"is {state}") as refusal:
        decide(order(state), action, TOTAL)
    assert refusal.value.status == 409


def test_an_unpaid_order_is_not_shipped() -> None:
    with pytest.raises(ProblemError, match="is new"):
        decide(order(OrderState.NEW), Action.SHIP)


@given(st.none() | st.integers().filter(lambda amount: amount != TOTAL))
def test_only_the_total_pays(amount: int | None) -> None:
    with pytest.raises(ProblemError, match="total is 900"):
        decide(order(OrderState.NEW), Action.PAY, amount)
