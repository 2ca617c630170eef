"""The published JSON schemas of `run.json` and `feedback.json`, generated from the model.

A number in a file's name is the schema's version: fields may be added within one, nothing else changes.
`python -m gauntlet_verdict.schema` writes them anew; a test holds them equal to the model.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, str]:
    """The schema files' texts by name, as the model has them now."""
    from gauntlet_verdict.model import SCHEMA_VERSION, Run  # noqa: PLC0415 - a reader of the files needs no model
    from gauntlet_verdict.writers.feedback import Feedback  # noqa: PLC0415

    return {
        f"run-{SCHEMA_VERSION}.schema.json": _document("run", SCHEMA_VERSION, Run),
        "feedback-1.schema.json": _document("feedback", "1", Feedback),
    }


def published(name: str) -> dict[str, Any]:
    """A schema as it is shipped, by file name."""
    return json.loads(resources.files(__name__).joinpath(name).read_text(encoding="utf-8"))


def _document(name: str, version: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema(mode="serialization", by_alias=True)
    head = {"$schema": _DIALECT, "$id": f"urn:gauntlet:schema:{name}:{version}"}
    return json.dumps(head | schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
