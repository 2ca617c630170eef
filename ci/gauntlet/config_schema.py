"""The language of gauntlet.yaml as a JSON schema, with what the models' attribute docstrings say."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from gauntlet.config import Config, StageSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import ModelSchema

    from gauntlet.stage import Stage


def json_schema(stages: Mapping[str, Stage]) -> dict[str, Any]:
    """The language as a JSON schema (draft 2020-12) for editors."""
    schema = Config.model_json_schema(schema_generator=_Documented)
    common = StageSettings.model_json_schema(schema_generator=_Documented)["properties"]
    common.pop("options")
    table: dict[str, Any] = {}
    for stage in stages.values():
        own = stage.options.model_json_schema(schema_generator=_Documented)
        schema["$defs"].update(own.pop("$defs", {}))
        properties = common | own.get("properties", {})
        table[stage.id] = {
            "type": "object", "description": stage.summary, "properties": properties, "additionalProperties": False,
        }  # fmt: skip
    schema["properties"]["stages"] = {"type": "object", "properties": table, "additionalProperties": False}
    schema["$defs"].pop("StageSettings", None)
    schema["$defs"].pop("StageOptions", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


class _Documented(GenerateJsonSchema):
    """Adds descriptions when somebody asks; pydantic's own option reads every model's source at each import."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        properties: dict[str, Any] = made.get("properties", {})
        for name, text in _attribute_docstrings(schema["cls"]).items():
            if name in properties:
                properties[name].setdefault("description", text)
        return made


def _attribute_docstrings(model: type[Any]) -> dict[str, str]:
    """The string after each attribute's declaration, of the model and the models that it derives from."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls is BaseModel:
            continue
        try:
            source = textwrap.dedent(inspect.getsource(cls))
        except (OSError, TypeError):
            continue  # made in an interpreter: there is no source to read
        (definition,) = ast.parse(source).body
        assert isinstance(definition, ast.ClassDef)  # noqa: S101 - the source of a class
        for declared, said in pairwise(definition.body):
            match declared, said:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = inspect.cleandoc(text)
                case _:
                    pass
    return found
