"""GraphQL documents, checked once a shape.

SDKs write every value into the query's text, so no two texts are equal although their shapes are. Validation takes
milliseconds and depends on the shape alone: string literals are taken out, the rest is the key.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLSyntaxError, TypeInfo, build_schema, parse, validate
from graphql.language import (
    DocumentNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.utilities import TypeInfoVisitor

from gauntlet_engine.schema import bound_schema, whole_sdl

if TYPE_CHECKING:
    from graphql import GraphQLSchema
    from graphql.language import FieldNode

    from gauntlet_engine.valid_shapes import ValidShapes

_MAX_SHAPES = 2000

# Without alternatives in the loop: texts of whole files are among the strings.
_STRING = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"')
_HEADER = re.compile(r"\s*(?:query\b\s*(?P<name>\w*)\s*(?:\((?P<variables>[^)]*)\))?\s*)?\{")
# Clients older than v0.22 declare variables as ContainerID and the like.
_LEGACY_ID = re.compile(r"\b[A-Z]\w*ID\b")

_INVALID = "GRAPHQL_VALIDATION_FAILED"
_TOO_DEEP = "the query nests too deeply: ask for the id of an object in between, and go on from there"
_UNPARSABLE = "GRAPHQL_PARSE_FAILED"


class InvalidDocumentError(Exception):
    """The document cannot be parsed or does not fit the schema.

    Attributes:
        errors: what to answer, in GraphQL's own form.
    """

    def __init__(self, *errors: dict[str, Any]) -> None:
        super().__init__(errors)
        self.errors = errors

    @classmethod
    def of(cls, message: str) -> InvalidDocumentError:
        """One error without a place in the text."""
        return cls({"message": message, "extensions": {"code": _INVALID}})


@dataclass(frozen=True)
class Request:
    """A valid document and the values of the variables in it."""

    document: DocumentNode
    variables: dict[str, Any]


class Documents:
    """Valid documents by shape, for requests of any values.

    Args:
        valid: shapes that need no validation.
    """

    def __init__(self, valid: ValidShapes) -> None:
        self._known: dict[str, DocumentNode] = {}
        self._valid = valid

    def request(self, text: str, variables: dict[str, Any]) -> Request:
        """The document of `text`, ready to execute.

        Raises:
            InvalidDocumentError: with the errors to answer.
        """
        split = _split(text)
        if split is None:
            return Request(_checked(_without_legacy_ids(text)), variables)
        shape, strings = split
        document = self._known.get(shape)
        if document is None:
            if shape not in self._valid:
                # Errors are worth their exact text; nothing that is wrong is remembered.
                _checked(_without_legacy_ids(text))
                self._valid.add(shape)
            document = _with_texts(_parsed(shape), len(strings))
            if len(self._known) >= _MAX_SHAPES:
                self._known.clear()
            self._known[shape] = document
        return Request(document, variables | {_name(index): value for index, value in enumerate(strings)})


def _name(index: int) -> str:
    return f"_text_{index}"


def _split(text: str) -> tuple[str, list[str]] | None:
    """The text with a variable for each string literal, and their values; None where that is not safe."""
    if '"""' in text:
        return None
    strings: list[str] = []

    def take(match: re.Match[str]) -> str:
        strings.append(match[0])
        return f"${_name(len(strings) - 1)}"

    body = _STRING.sub(take, text)
    header = _HEADER.match(body)
    if header is None or "#" in body or "_text_" in (header["variables"] or ""):  # comments and defaults hold strings
        return None
    try:
        values: list[str] = [json.loads(string) for string in strings]
    except ValueError:  # an escape that JSON does not have
        return None
    declared = _LEGACY_ID.sub("ID", header["variables"] or "")
    variables = f"({declared})" if declared else ""
    return f"query {header['name'] or ''}{variables}{{{body[header.end() :]}", values


def _with_texts(document: DocumentNode, count: int) -> DocumentNode:
    """The document with a declaration of each variable for a string; parsing these would take as long as the rest."""
    first, *others = document.definitions
    if not isinstance(first, OperationDefinitionNode):
        return document
    string = NamedTypeNode(name=NameNode(value="String"))
    added = (
        VariableDefinitionNode(variable=VariableNode(name=NameNode(value=_name(index))), type=string)
        for index in range(count)
    )
    declared = replace(first, variable_definitions=(*(first.variable_definitions or ()), *added))
    return DocumentNode(definitions=(declared, *others))


def _without_legacy_ids(text: str) -> str:
    header = _HEADER.match(text)
    if header is None or not header["variables"]:
        return text
    start, end = header.span("variables")
    return text[:start] + _LEGACY_ID.sub("ID", text[start:end]) + text[end:]


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(text, no_location=False)
    except GraphQLSyntaxError as error:
        raise InvalidDocumentError(_formatted(error, _UNPARSABLE)) from None
    except RecursionError:
        raise InvalidDocumentError.of(_TOO_DEEP) from None


def _checked(text: str) -> DocumentNode:
    document = _parsed(text)
    try:
        errors = validate(bound_schema(), document)
    except RecursionError:
        raise InvalidDocumentError.of(_TOO_DEEP) from None
    if errors:
        raise _explained(document, errors)
    return document


def _explained(document: DocumentNode, errors: list[GraphQLError]) -> InvalidDocumentError:
    """Errors of validation; what only a Dagger engine has is named as such."""
    if validate(_whole_schema(), document):
        return InvalidDocumentError(*(_formatted(error, _INVALID) for error in errors))
    missing = _elsewhere(document)
    return InvalidDocumentError.of(
        f"Gauntlet's embedded engine does not have {', '.join(missing)}. A Dagger engine has it: run this with "
        "`dagger run`, or point DAGGER_SESSION_PORT and DAGGER_SESSION_TOKEN at its session."
    )


def _elsewhere(document: DocumentNode) -> list[str]:
    """The fields and arguments of a document that the whole API has and ours lacks, as `Type.field(argument:)`."""
    info = TypeInfo(_whole_schema())
    missing: dict[str, None] = {}

    class Finder(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent = info.get_parent_type()
            ours: Any = bound_schema().get_type(parent.name) if parent is not None else None
            if parent is None or ours is None:  # below a field that has been named already
                return
            name = f"{parent.name}.{node.name.value}"
            field = ours.fields.get(node.name.value)
            if field is None:
                missing[name] = None
                return
            for argument in node.arguments or ():
                if argument.name.value not in field.args:
                    missing[f"{name}({argument.name.value}:)"] = None

    visit(document, TypeInfoVisitor(info, Finder()))
    return list(missing)


def _formatted(error: GraphQLError, code: str) -> dict[str, Any]:
    return {**error.formatted, "extensions": {"code": code}}


@cache
def _whole_schema() -> GraphQLSchema:
    return build_schema(whole_sdl())
