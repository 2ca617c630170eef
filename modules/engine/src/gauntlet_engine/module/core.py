"""The API's own types as declarations, from the schema: what `dagger call … export --path=x` may name."""

from __future__ import annotations

from functools import cache
from typing import Any

import graphql

from gauntlet_engine.api.type_def import Function, FunctionArg, Kind, TypeDef
from gauntlet_engine.schema import bound_schema, expected_type

_KINDS: dict[str, Kind] = {
    "String": "STRING_KIND",
    "Int": "INTEGER_KIND",
    "Float": "FLOAT_KIND",
    "Boolean": "BOOLEAN_KIND",
    "Void": "VOID_KIND",
}


class CoreSchema:
    """Types of schema.graphql by name."""

    def object(self, name: str) -> TypeDef | None:
        """The type with its functions, or None where the schema has none of that name."""
        return _object(name)


@cache
def _object(name: str) -> TypeDef | None:
    declared = bound_schema().get_type(name)
    if not isinstance(declared, graphql.GraphQLObjectType):
        return None
    functions = tuple(_function(field_name, field) for field_name, field in declared.fields.items())
    return TypeDef(kind="OBJECT_KIND", name=name, description=declared.description or "", functions=functions)


def _function(name: str, field: Any) -> Function:
    args = tuple(
        FunctionArg(
            arg_name,
            _type(arg.type, expected_type(arg)),
            arg.description or "",
            # Presence is what counts: the server fills the default in by itself.
            default_value=None
            if isinstance(arg.type, graphql.GraphQLNonNull) and arg.ast_node.default_value is None
            else "null",
        )
        for arg_name, arg in field.args.items()
    )
    return Function(name, _type(field.type, None), field.description or "", args)


def _type(declared: Any, expected: str | None) -> TypeDef:
    optional = not isinstance(declared, graphql.GraphQLNonNull)
    inner: Any = declared if optional else _inside(declared)
    if isinstance(inner, graphql.GraphQLList):
        return TypeDef("LIST_KIND", optional, element=_type(_inside(inner), expected))
    name: str = getattr(inner, "name", "")
    if expected is not None:
        return TypeDef("OBJECT_KIND", optional, expected)
    if isinstance(inner, graphql.GraphQLObjectType):
        return TypeDef("OBJECT_KIND", optional, name)
    if isinstance(inner, graphql.GraphQLEnumType):
        return TypeDef("ENUM_KIND", optional, name)
    return TypeDef(_KINDS.get(name, "SCALAR_KIND"), optional, name)


def field_query(owner: str, object_id: str, function: Function, arguments: dict[str, object]) -> str:
    """The query for one field of an object; an object result is asked for its id, a list of them for theirs."""
    declared: Any = bound_schema().get_type(owner)
    field = declared.fields[function.name]
    words = [f"{name}: {_literal(value, field.args[name].type)}" for name, value in arguments.items()]
    selected = f"{function.name}({', '.join(words)})" if words else function.name
    if isinstance(graphql.get_named_type(field.type), graphql.GraphQLObjectType):
        selected += " { id }"
    id_type = bound_schema().get_type("ID")
    return f"{{ load{owner}FromID(id: {_literal(object_id, id_type)}) {{ {selected} }} }}"


def _literal(value: object, declared: Any) -> str:
    node: Any = graphql.utilities.ast_from_value(value, declared)  # pyright: ignore[reportUnknownMemberType]
    return graphql.print_ast(node)


def _inside(wrapper: Any) -> Any:
    return wrapper.of_type
