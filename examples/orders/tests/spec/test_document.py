"""The OpenAPI document keeps the specification's promises."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.spec

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "openapi.json").read_text("utf-8"))
TEXT = (ROOT / "spec" / "orders.md").read_text("utf-8")
SCHEMAS = DOCUMENT["components"]["schemas"]


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_that_the_text_names_is_in_the_document() -> None:
    named = set(re.findall(r"`((?:GET|POST|DELETE) /v1/[^` ]*)`", TEXT))
    assert len(named) >= 5
    assert named <= {name for name, _ in operations()}


@pytest.mark.parametrize(
    ("name", "operation"),
    [pair for pair in operations() if " /v1/" in pair[0]],
    ids=lambda v: str(v)[:60],
)
def test_operations_under_v1_need_a_token_and_say_what_happens_without(
    name: str, operation: dict[str, Any]
) -> None:
    assert operation["security"] == [{"HTTPBearer": []}]
    assert {"401", "429", "503"} <= set(operation["responses"])


def test_every_error_is_a_problem_document() -> None:
    errors = [
        (name, status, answer)
        for name, operation in operations()
        for status, answer in operation["responses"].items()
        if status >= "400"
    ]
    assert errors
    for name, status, answer in errors:
        assert list(answer["content"]) == ["application/problem+json"], (name, status)


def test_states_and_currencies_are_those_of_the_text() -> None:
    rows = re.findall(r"^\| (new.*?|paid) \|.*\| (\w+) \|$", TEXT, re.M)
    states = {state for row in rows for cell in row for state in cell.split(", ")}
    assert set(SCHEMAS["OrderState"]["enum"]) == states
    assert set(SCHEMAS["NewOrder"]["properties"]["currency"]["enum"]) == {"EUR", "GBP", "USD"}


def test_money_is_whole_and_bounded() -> None:
    price = SCHEMAS["Line"]["properties"]["unit_price_cents"]
    assert (price["type"], price["minimum"], price["maximum"]) == ("integer", 0, 10_000_000)
    assert SCHEMAS["Order"]["properties"]["total_cents"]["type"] == "integer"


def test_clients_can_not_set_what_is_not_theirs() -> None:
    assert set(SCHEMAS["NewOrder"]["properties"]) == {"currency", "lines"}
    assert SCHEMAS["NewOrder"]["additionalProperties"] is False
