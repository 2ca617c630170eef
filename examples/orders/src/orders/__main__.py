"""`python -m orders`: run the service."""

import uvicorn

from orders.app import create_app
from orders.settings import from_environment


def main() -> None:
    """Serve until told to stop."""
    settings = from_environment()
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, server_header=False)


if __name__ == "__main__":
    main()
