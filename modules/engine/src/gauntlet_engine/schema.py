"""schema.graphql, bound to the classes of `api/`."""

from __future__ import annotations

import inspect
import keyword
import re
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    print_ast,
)

from gauntlet_engine.api import OBJECT_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLArgument, GraphQLField, GraphQLResolveInfo, GraphQLSchema
    from graphql.language import DirectiveNode

    from gauntlet_engine.api.context import EngineSession

    Info = GraphQLResolveInfo[EngineSession]

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


def _type_name(value: Any, _info: Any, _type: Any) -> str:
    return type(value).__name__


def _resolver(cls: type, field_name: str, field: GraphQLField) -> Callable[..., Any]:
    if field_name == "id":
        return _resolve_id
    if loaded := _LOADER.fullmatch(field_name):
        return partial(_load, loaded[1])
    name = snake_case(field_name)
    member = getattr(cls, name, None)
    if inspect.isfunction(member):
        return _method_resolver(member, field)
    if member is None and name not in getattr(cls, "__dataclass_fields__", {}):
        raise TypeError(f"{cls.__name__}.{name} is missing, for the field {field_name}")
    return partial(_resolve_attribute, name)


def _resolve_id(source: Any, info: Info) -> str:
    return info.context.ids.id_of(source)


def _load(type_name: str, _: Any, info: Info, id: str) -> Any:  # noqa: A002  # Dagger's name
    return info.context.ids.load(id, type_name)


def _resolve_attribute(name: str, source: Any, _: Info) -> Any:
    return getattr(source, name)


def _method_resolver(method: Callable[..., Any], field: GraphQLField) -> Callable[..., Any]:
    takes = inspect.signature(method).parameters
    references: list[_Reference] = []
    for arg_name, arg in field.args.items():
        python = snake_case(arg_name)
        if python not in takes:
            raise TypeError(f"{method.__qualname__} does not take {python}")
        arg.out_name = python
        if expected := expected_type(arg):
            many = arg.ast_node is not None and "[" in print_ast(arg.ast_node.type)
            references.append(_Reference(python, expected, many))
    wants_session = "session" in takes

    def resolve(source: Any, info: Info, /, **args: Any) -> Any:
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


def expected_type(arg: GraphQLArgument) -> str | None:
    """Of which type the ids are that an argument takes; None where it takes none."""
    return _directive_argument(arg.ast_node.directives or (), "expectedType", "name") if arg.ast_node else None


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
