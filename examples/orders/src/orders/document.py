"""The OpenAPI document, with errors described as the problem documents that they are."""

from typing import Any

from fastapi import FastAPI

from orders.problems import MEDIA_TYPE, Problem

MEANINGS = {
    400: "The body can not be read.",
    401: "Nobody we know: no token, or one that is forged, expired or revoked.",
    403: "The token's scope does not allow this.",
    404: "No such order, or somebody else's.",
    409: "The order's state or total does not allow this.",
    413: "The body is too large.",
    422: "The request is not valid.",
    429: "Too many requests; Retry-After says how long to wait.",
    503: "The database or the cache is away.",
}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for its error statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": MEANINGS[status], "content": content} for status in statuses}


class DocumentedAPI(FastAPI):
    """A FastAPI whose document has the schema of problems in place of FastAPI's own errors."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        document = super().openapi()
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        known = document.setdefault("components", {}).setdefault("schemas", {})
        known |= schema.pop("$defs") | {"Problem": schema}
        return document
