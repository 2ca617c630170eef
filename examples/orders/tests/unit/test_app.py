from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support import credentials

pytestmark = pytest.mark.anyio
LINES = [{"sku": "TEA", "quantity": 2, "unit_price_cents": 450}]
BODY: dict[str, Any] = {"currency": "EUR", "lines": LINES}


async def ordered(client: httpx.AsyncClient, headers: dict[str, str], key: str = "k") -> Any:
    headers = headers | {"Idempotency-Key": key}
    return await client.post("/v1/orders", json=BODY, headers=headers)


async def test_a_new_order_is_announced_and_a_repeated_one_is_not(
    client: httpx.AsyncClient, key: str, relay: Any
) -> None:
    ann = credentials.headers(key, "ann")
    made = await ordered(client, ann)
    assert (made.status_code, relay.asked) == (201, 1)
    assert made.headers["Location"] == f"/v1/orders/{made.json()['id']}"
    again = await ordered(client, ann)
    assert (again.status_code, relay.asked) == (200, 1)
    assert again.json() == made.json()


async def test_each_step_of_an_orders_life_is_announced(
    client: httpx.AsyncClient, key: str, relay: Any
) -> None:
    ann, depot = credentials.headers(key, "ann"), credentials.headers(key, "depot", "fulfilment")
    path = (await ordered(client, ann)).headers["Location"]
    paid = await client.post(f"{path}/payment", json={"amount_cents": 900}, headers=ann)
    assert paid.json()["state"] == "paid"
    shipped = await client.post(f"{path}/shipment", headers=depot)
    assert shipped.json()["state"] == "shipped"
    assert relay.asked == 3


async def test_a_cancelled_order_stays_cancelled(client: httpx.AsyncClient, key: str) -> None:
    ann = credentials.headers(key, "ann")
    path = (await ordered(client, ann)).headers["Location"]
    assert (await client.post(f"{path}/cancellation", headers=ann)).json()["state"] == "cancelled"
    refused = await client.post(f"{path}/payment", json={"amount_cents": 900}, headers=ann)
    assert refused.json()["type"] == "urn:orders:problem:wrong-state"


async def test_scopes_are_kept_apart(client: httpx.AsyncClient, key: str) -> None:
    ann, depot = credentials.headers(key, "ann"), credentials.headers(key, "depot", "fulfilment")
    path = (await ordered(client, ann)).headers["Location"]
    assert (await client.post(f"{path}/shipment", headers=ann)).status_code == 403
    assert (await ordered(client, depot)).status_code == 403
    assert (await client.get(path, headers=depot)).status_code == 200
    bob = credentials.headers(key, "bob")
    assert (await client.get(path, headers=bob)).status_code == 404


async def test_pages_end_where_the_orders_do(client: httpx.AsyncClient, key: str) -> None:
    ann = credentials.headers(key, "ann")
    for number in range(3):
        await ordered(client, ann, f"k{number}")
    first = (await client.get("/v1/orders", params={"limit": 2}, headers=ann)).json()
    assert len(first["items"]) == 2
    more = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await client.get("/v1/orders", params=more, headers=ann)).json()
    assert len(second["items"]) == 1
    assert second["next_cursor"] is None


async def test_a_bad_request_is_explained_but_not_repeated(
    client: httpx.AsyncClient, key: str
) -> None:
    headers = credentials.headers(key, "ann") | {"Idempotency-Key": "k"}
    body = {"currency": "EUR", "lines": [LINES[0] | {"sku": "no such sku"}]}
    answer = await client.post("/v1/orders", json=body, headers=headers)
    assert answer.status_code == 422
    assert "/body/lines/0/sku" in [error["pointer"] for error in answer.json()["errors"]]
    assert "no such" not in answer.text


@pytest.mark.parametrize("content", [b"", b"{", b'"\\ud800"', b"\xff", b"[" * 900, b"NaN"])
async def test_what_is_not_json_is_refused(
    client: httpx.AsyncClient, key: str, content: bytes
) -> None:
    told = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    headers = credentials.headers(key, "ann") | told
    answer = await client.post("/v1/orders", content=content, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_the_gate_sees_the_caller_and_a_revoked_token_for_its_lifetime(
    client: httpx.AsyncClient, key: str, gate: Any
) -> None:
    answer = await client.delete("/v1/token", headers=credentials.headers(key, "ann"))
    assert answer.status_code == 204
    assert gate.admitted == ["ann"]
    assert list(gate.revoked.values()) == [pytest.approx(300, abs=2)]


async def test_a_caller_without_a_token_never_reaches_the_gate(
    client: httpx.AsyncClient, gate: Any
) -> None:
    answer = await client.get(f"/v1/orders/{uuid4()}")
    assert (answer.status_code, gate.admitted) == (401, [])
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("failure", [ConnectionRefusedError(), TimeoutError()], ids=repr)
async def test_a_database_that_is_away_is_said_so(
    client: httpx.AsyncClient, key: str, store: Any, failure: Exception
) -> None:
    store.failure = failure
    answer = await client.get("/v1/orders", headers=credentials.headers(key, "ann"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/healthz")).status_code == 200


async def test_a_defect_tells_nothing_of_the_inside(
    client: httpx.AsyncClient, key: str, store: Any
) -> None:
    store.failure = KeyError("the inside")
    answer = await client.get("/v1/orders", headers=credentials.headers(key, "ann"))
    assert answer.status_code == 500
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
    }


async def test_ready_means_both_servers_answer(client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready"}


@pytest.mark.parametrize("declared", [True, False])
async def test_a_large_body_is_refused_declared_or_not(
    client: httpx.AsyncClient, key: str, declared: bool
) -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(20):
            yield b" " * 100

    headers = credentials.headers(key, "ann") | {"Idempotency-Key": "k"}
    content = b" " * 2000 if declared else pieces()
    answer = await client.post("/v1/orders", content=content, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
