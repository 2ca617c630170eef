"""schema.graphql, bound to the classes of `api/`."""

from __future__ import annotations

import inspect
import keyword
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_list_type,
)
from graphql.type import GraphQLNonNull

from gauntlet_engine.api import OBJECT_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLArgument, GraphQLField, GraphQLResolveInfo, GraphQLSchema
    from graphql.language import DirectiveNode

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LOADER = re.compile(r"load(\w+)FromID")


def snake_case(name: str) -> str:
    """The Python name of a field or argument, as dagger-io makes it: `withGPU` → `with_gpu`, `from` → `from_`."""
    python = _WORD_START.sub("_", name).lower()
    return f"{python}_" if keyword.iskeyword(python) else python


def supported_sdl() -> str:
    """The part of the Dagger API that we have."""
    return (resources.files("gauntlet_engine") / "schema.graphql").read_text()


def whole_sdl() -> str:
    """The whole Dagger API, ours and what only a Dagger engine has: what clients see by introspection."""
    elsewhere = (resources.files("gauntlet_engine") / "elsewhere.graphql").read_text()
    return f"{supported_sdl()}\n{elsewhere}"


@cache
def bound_schema() -> GraphQLSchema:
    """The supported schema with a resolver on every field.

    Raises:
        TypeError: a field of schema.graphql has no method, or one with other arguments.
    """
    schema = build_schema(supported_sdl())
    classes = {cls.__name__: cls for cls in OBJECT_TYPES}
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(type_, GraphQLObjectType):
            if name not in classes:
                raise TypeError(f"type {name} has no class in api/")
            for field_name, field in type_.fields.items():
                field.resolve = _resolver(classes[name], field_name, field)
        elif isinstance(type_, GraphQLInterfaceType):
            type_.resolve_type = _type_name
        elif isinstance(type_, GraphQLEnumType):
            _unify_enum_values(type_)
    return schema


@dataclass(frozen=True)
class _Reference:
    """An argument that holds ids: of which type, one or many."""

    name: str
    type_name: str
    many: bool


def _type_name(value: Any, _info: GraphQLResolveInfo, _type: GraphQLInterfaceType) -> str:
    return type(value).__name__


def _resolver(cls: type, field_name: str, field: GraphQLField) -> Callable[..., Any]:
    if field_name == "id":
        return lambda source, info: info.context.ids.id_of(source)
    if loaded := _LOADER.fullmatch(field_name):
        type_name = loaded[1]
        return lambda _, info, id: info.context.ids.load(id, type_name)  # noqa: A006  # Dagger's name
    name = snake_case(field_name)
    member = getattr(cls, name, None)
    if not inspect.isfunction(member):
        if member is None and name not in getattr(cls, "__dataclass_fields__", {}):
            raise TypeError(f"{cls.__name__}.{name} is missing, for the field {field_name}")
        return lambda source, _info: getattr(source, name)
    return _method_resolver(member, field)


def _method_resolver(method: Callable[..., Any], field: GraphQLField) -> Callable[..., Any]:
    takes = inspect.signature(method).parameters
    references: list[_Reference] = []
    for arg_name, arg in field.args.items():
        python = snake_case(arg_name)
        if python not in takes:
            raise TypeError(f"{method.__qualname__} does not take {python}")
        arg.out_name = python
        if expected := _expected_type(arg):
            references.append(_Reference(python, expected, _is_list(arg)))
    wants_session = "session" in takes

    def resolve(source: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
        load = info.context.ids.load
        for reference in references:
            given = args.get(reference.name)
            if given is not None:
                args[reference.name] = (
                    [load(item, reference.type_name) for item in given]
                    if reference.many
                    else load(given, reference.type_name)
                )
        return method(source, info.context, **args) if wants_session else method(source, **args)

    return resolve


def _expected_type(arg: GraphQLArgument) -> str | None:
    if arg.ast_node is None or get_named_type(arg.type).name != "ID":
        return None
    return _directive_argument(arg.ast_node.directives or (), "expectedType", "name")


def _is_list(arg: GraphQLArgument) -> bool:
    inner = arg.type.of_type if isinstance(arg.type, GraphQLNonNull) else arg.type
    return is_list_type(inner)


def _unify_enum_values(enum: GraphQLEnumType) -> None:
    """`GZIP @enumValue(value: "Gzip")` is another spelling: resolvers see the first, answers have it too."""
    for value in enum.values.values():
        node = value.ast_node
        original = _directive_argument(node.directives or (), "enumValue", "value") if node else None
        if original is not None:
            value.value = original


def _directive_argument(directives: tuple[DirectiveNode, ...], directive: str, argument: str) -> str | None:
    for node in directives:
        if node.name.value == directive:
            for given in node.arguments or ():
                if given.name.value == argument:
                    return str(getattr(given.value, "value", ""))
    return None
