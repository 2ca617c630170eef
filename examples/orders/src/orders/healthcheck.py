"""`python -m orders.healthcheck`: exit 0 if the service in this container is ready."""

import os
import sys
from http.client import HTTPConnection, HTTPException


def is_ready(host: str, port: int) -> bool:
    """Whether the service answers that it is ready."""
    connection = HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready("127.0.0.1", int(os.environ["ORDERS_PORT"])) else 1)
