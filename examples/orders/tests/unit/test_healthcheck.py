import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orders.healthcheck import is_ready


@contextmanager
def server(status: int) -> Generator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Answer) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield http.server_port
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_a_container_is_as_ready_as_its_service(status: int, ready: bool) -> None:
    with server(status) as port:
        assert is_ready("127.0.0.1", port) is ready


def test_nobody_listening_is_not_ready() -> None:
    with server(200) as port:
        pass
    assert not is_ready("127.0.0.1", port)
