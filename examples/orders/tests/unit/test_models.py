import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orders.models import Line, NewOrder

lines = st.builds(
    Line,
    sku=st.from_regex(r"\A[A-Z0-9][A-Z0-9-]{0,39}\Z"),
    quantity=st.integers(1, 1000),
    unit_price_cents=st.integers(0, 10_000_000),
)
orders = st.builds(
    NewOrder,
    currency=st.sampled_from(["EUR", "GBP", "USD"]),
    lines=st.lists(lines, min_size=1, max_size=5).map(tuple),
)


def test_the_total_is_the_sum_of_its_lines() -> None:
    tea = Line(sku="TEA", quantity=3, unit_price_cents=499)
    pot = Line(sku="POT", quantity=1, unit_price_cents=2350)
    assert NewOrder(currency="EUR", lines=(tea, pot)).total_cents == 3847


@given(orders)
def test_the_total_does_not_depend_on_the_order_of_lines(order: NewOrder) -> None:
    turned = order.model_copy(update={"lines": order.lines[::-1]})
    assert turned.total_cents == order.total_cents


@given(orders)
def test_an_order_survives_the_wire(order: NewOrder) -> None:
    assert NewOrder.model_validate_json(order.model_dump_json()) == order


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 0},
        {"quantity": 1001},
        {"quantity": True},
        {"unit_price_cents": -1},
        {"unit_price_cents": 5.0},
        {"sku": "TEA\n"},
        {"sku": ""},
    ],
    ids=str,
)
def test_a_line_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    good: dict[str, object] = {"sku": "TEA", "quantity": 1, "unit_price_cents": 1}
    Line.model_validate(good)
    with pytest.raises(ValidationError):
        Line.model_validate(good | change)
