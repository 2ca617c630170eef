"""Strings of the command line as the values that a function gets: paths become directories, names become secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_engine.api import Query
from gauntlet_engine.module.invocation import UsageError, plain_value, split_list
from gauntlet_engine.module.names import kebab_case

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.module import Module
    from gauntlet_engine.api.type_def import FunctionArg, TypeDef
    from gauntlet_engine.module.source import ModuleSource

_REMOTE = ("https://", "http://", "git://", "ssh://", "git@")


async def argument_value(
    session: EngineSession, module: Module, argument: FunctionArg, texts: tuple[str, ...]
) -> object:
    """The JSON value of an argument; API objects as ids.

    Raises:
        UsageError: a text is not of the argument's type, or the type can't be given on a command line.
    """
    type_ = argument.type_def
    if type_.kind == "LIST_KIND" and type_.element is not None:
        items = split_list(texts)
        return [await _value(session, module, argument, type_.element, item) for item in items]
    return await _value(session, module, argument, type_, texts[-1])


async def default_value(session: EngineSession, source: ModuleSource, argument: FunctionArg) -> object | None:
    """What an argument that was not given gets from its default path or address; None where it has neither."""
    if argument.default_path:
        absolute = argument.default_path.startswith("/")
        path = (source.context if absolute else source.root) / argument.default_path.lstrip("/")
        return await _object(session, argument, argument.type_def, str(path))
    if argument.default_address:
        return await _object(session, argument, argument.type_def, argument.default_address)
    return json.loads(argument.default_value) if argument.default_value is not None else None


async def _value(session: EngineSession, module: Module, argument: FunctionArg, type_: TypeDef, text: str) -> object:
    if type_.kind in {"OBJECT_KIND", "INTERFACE_KIND"}:
        return await _object(session, argument, type_, text)
    return plain_value(argument, type_, text, module)


async def _object(session: EngineSession, argument: FunctionArg, type_: TypeDef, text: str) -> str:
    query, host = Query(), Query().host()
    match type_.name:
        case "Directory":
            _require(argument, Path(_local(session, argument, text)), folder=True)
            made: object = host.directory(session, text, exclude=argument.ignore)
        case "File":
            _require(argument, Path(_local(session, argument, text)), folder=False)
            made = host.file(session, text)
        case "Secret":
            made = query.secret(session, _secret_uri(text))
        case "Container":
            made = await query.container(session).from_(session, text)
        case "CacheVolume":
            made = query.cache_volume(text)
        case _:
            raise UsageError(
                f"--{kebab_case(argument.name)}: a {type_.name} can't be given on the command line of the embedded "
                "engine; Directory, File, Secret, Container and CacheVolume can"
            )
    return session.ids.id_of(made)


def _local(session: EngineSession, argument: FunctionArg, text: str) -> str:
    if text.startswith(_REMOTE):
        raise UsageError(f"--{kebab_case(argument.name)}: {text!r} is remote; clone it first and give the local path")
    return session.host_path(text)


def _require(argument: FunctionArg, path: Path, *, folder: bool) -> None:
    if not (path.is_dir() if folder else path.is_file()):
        what = "folder" if folder else "file"
        raise UsageError(f"--{kebab_case(argument.name)}: there is no {what} {path}")


def _secret_uri(text: str) -> str:
    """`env:NAME`, `file:PATH` and `cmd:COMMAND` are the older spellings of `env://NAME` and so on."""
    scheme, colon, rest = text.partition(":")
    if colon and not rest.startswith("//") and scheme in {"env", "file", "cmd"}:
        return f"{scheme}://{rest}"
    return text
