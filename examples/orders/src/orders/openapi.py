"""`python -m orders.openapi`: print the OpenAPI document, as openapi.json keeps it."""

import json
import sys

from orders.app import create_app
from orders.settings import Settings


def document() -> str:
    """The document as text. No setting shows in it, so none is read."""
    app = create_app(Settings.model_construct())
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
