import json
from pathlib import Path

from fastapi import FastAPI

from orders.openapi import document

TEXT = (Path(__file__).parents[2] / "openapi.json").read_text("utf-8")


def test_the_document_in_the_repository_is_the_applications_own() -> None:
    assert document() == TEXT, "renew it: python -m orders.openapi > openapi.json"


def test_the_running_application_serves_the_same(app: FastAPI) -> None:
    assert app.openapi() == json.loads(TEXT)
