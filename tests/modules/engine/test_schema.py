"""Our schema held against the installed dagger-io's generated client: fields, arguments, defaults."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dagger
import pytest
from graphql import GraphQLObjectType, GraphQLSchema, build_schema, value_from_ast_untyped

from gauntlet_engine.schema import bound_schema, snake_case, supported_sdl, whole_sdl

_NODE_ID = "node"  # the SDK's core asks for it, the generated client has no method of it


@dataclass(frozen=True)
class ClientField:
    """What a generated method sends: argument name → its default, or NO_DEFAULT."""

    graphql_name: str
    arguments: dict[str, Any]
    optional: frozenset[str]


NO_DEFAULT = object()


@cache
def client_fields() -> dict[str, dict[str, ClientField]]:
    """Type → GraphQL field → what gen.py knows of it."""
    source = Path(inspect.getfile(dagger.client.gen)).read_text()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
    found: dict[str, dict[str, ClientField]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            methods = (item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
            fields = [field for method in methods if (field := _field(method))]
            found[node.name] = {field.graphql_name: field for field in fields}
    return found


def _field(method: ast.FunctionDef | ast.AsyncFunctionDef) -> ClientField | None:
    graphql_name = ""
    arguments: dict[str, Any] = {}
    for node in ast.walk(method):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called == "self._select":
            graphql_name = ast.literal_eval(node.args[0])
        elif called.endswith("execute_sync"):
            graphql_name = graphql_name or method.name
        elif called == "Arg":
            name = ast.literal_eval(node.args[0])
            arguments[name] = _default(node.args[2]) if len(node.args) > 2 else NO_DEFAULT
    keyword_only = zip(method.args.kwonlyargs, method.args.kw_defaults, strict=True)
    optional = frozenset(argument.arg for argument, default in keyword_only if default is not None)
    return ClientField(graphql_name, arguments, optional) if graphql_name else None


def _default(node: ast.expr) -> Any:
    if isinstance(node, ast.Attribute):  # an enum's member: CacheSharingMode.SHARED
        return node.attr
    return ast.literal_eval(node)


@cache
def supported() -> GraphQLSchema:
    return build_schema(supported_sdl())


def our_types(schema: GraphQLSchema) -> dict[str, GraphQLObjectType]:
    return {
        name: type_
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
    }


def our_fields() -> list[tuple[str, str]]:
    return [(name, field) for name, type_ in our_types(supported()).items() for field in type_.fields]


@pytest.mark.parametrize(("type_name", "field_name"), our_fields())
def test_every_field_is_daggers_with_its_arguments_and_defaults(type_name: str, field_name: str) -> None:
    if (type_name, field_name) in {("Query", _NODE_ID), ("Query", "id")}:
        return
    fields = client_fields()[type_name]
    assert field_name in fields, f"dagger-io has no {type_name}.{field_name}"
    theirs = fields[field_name]
    ours = our_types(supported())[type_name].fields[field_name]
    assert set(ours.args) == set(theirs.arguments)
    for name, argument in ours.args.items():
        expected = theirs.arguments[name]
        written = argument.ast_node.default_value if argument.ast_node else None
        default: Any = value_from_ast_untyped(written) if written else None
        if expected is NO_DEFAULT:
            assert default is None
            assert str(argument.type).endswith("!"), f"{name} is required by the client"
        elif expected is None:
            assert default is None
            assert not str(argument.type).endswith("!")
        else:
            assert default == expected, name


def test_every_type_of_ours_is_one_of_the_clients() -> None:
    assert set(our_types(supported())) <= set(client_fields())


def test_the_whole_schema_has_what_the_client_can_ask() -> None:
    whole = our_types(build_schema(whole_sdl()))
    missing = [
        f"{type_name}.{field}"
        for type_name, fields in client_fields().items()
        if type_name in whole
        for field in fields
        if field not in whole[type_name].fields
    ]
    assert missing == []


def test_a_field_is_in_one_file_only() -> None:
    ours = {(name, field) for name, type_ in our_types(supported()).items() for field in type_.fields}
    assert build_schema(whole_sdl())  # refuses a field that is defined twice
    assert len(ours) > 150


def test_every_field_has_a_resolver() -> None:
    for type_ in our_types(bound_schema()).values():
        assert all(field.resolve is not None for field in type_.fields.values())


def test_a_class_without_a_fields_method_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from gauntlet_engine.api.directory import Directory  # noqa: PLC0415

    monkeypatch.delattr(Directory, "entries")
    bound_schema.cache_clear()
    try:
        with pytest.raises(TypeError, match=r"Directory\.entries is missing"):
            bound_schema()
    finally:
        bound_schema.cache_clear()


@pytest.mark.parametrize(
    ("name", "python"),
    [("withExec", "with_exec"), ("from", "from_"), ("withGPU", "with_gpu"), ("asJSON", "as_json"), ("id", "id")],
)
def test_names_become_what_dagger_io_calls_them(name: str, python: str) -> None:
    assert snake_case(name) == python
