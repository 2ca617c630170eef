"""A running service, seen from outside only."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from support import credentials


class Service(NamedTuple):
    """Where it is, and the key that it shares with those who issue tokens."""

    url: str
    key: str


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the service did not get ready:\n{log.read_text()}")


@pytest.fixture(scope="session")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Service]:
    """The service at ORDERS_BASE_URL (with ORDERS_TOKEN_SECRET); else one of our own."""
    url = os.environ.get("ORDERS_BASE_URL")
    if url:
        yield Service(url, os.environ["ORDERS_TOKEN_SECRET"])
        return
    request.getfixturevalue("schema")
    prefix = request.getfixturevalue("key_prefix")
    key, port = secrets.token_hex(32), _free_port()
    told = {
        "ORDERS_TOKEN_SECRET": key,
        "ORDERS_PORT": str(port),
        "ORDERS_KEY_PREFIX": prefix,
        "ORDERS_STREAM": f"{prefix}events",
        "ORDERS_REQUESTS_PER_MINUTE": "40",
    }
    log = tmp_path_factory.mktemp("service") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "orders"],
            env=os.environ | told,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_ready(process, f"http://127.0.0.1:{port}", log)
        yield Service(f"http://127.0.0.1:{port}", key)
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def namesake(request: pytest.FixtureRequest) -> str:
    """The start of this test's customers' names: what they leave is cleaned up after it."""
    if os.environ.get("ORDERS_BASE_URL"):
        return f"test-{secrets.token_hex(8)}"
    return request.getfixturevalue("customer")


@pytest.fixture
def connect(service: Service, namesake: str) -> Generator[Callable[..., httpx.Client]]:
    """Clients of the service: `connect("ann")`, `connect("depot", "fulfilment")`."""
    opened: list[httpx.Client] = []

    def open_client(name: str, scope: str = "customer", lifetime_s: int = 300) -> httpx.Client:
        headers = credentials.headers(service.key, f"{namesake}-{name}", scope, lifetime_s)
        opened.append(httpx.Client(base_url=service.url, headers=headers))
        return opened[-1]

    yield open_client
    for client in opened:
        client.close()
