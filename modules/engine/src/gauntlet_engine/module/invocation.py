"""A command line such as `--source=. build --platform x stdout` as a chain of calls, by the declared types alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gauntlet_engine.api.type_def import Function, TypeDef
from gauntlet_engine.module.names import kebab_case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gauntlet_engine.api.module import Module
    from gauntlet_engine.api.type_def import FunctionArg

_BOOLEANS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


class UsageError(Exception):
    """The command line does not fit the module; the message says where and what there is instead."""


class CoreTypes(Protocol):
    """The functions of the API's own types (Container, Directory, ...), from the schema."""

    def object(self, name: str) -> TypeDef | None:
        """The type of that name, or None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the chain: the function and each given argument with its strings, unconverted."""

    owner: TypeDef
    function: Function
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A chain: the constructor first, then function after function; `result` is what the last one returns."""

    calls: tuple[Call, ...]

    @property
    def result(self) -> TypeDef:
        """The type of the last call's result."""
        return self.calls[-1].function.return_type


def parse_invocation(words: Sequence[str], main: TypeDef, module: Module, core: CoreTypes) -> Invocation:
    """Read the words after `dagger call`.

    Raises:
        UsageError: an unknown function or flag, a missing value, or a missing required argument.
    """
    constructor = main.constructor or Function(name="", return_type=TypeDef(kind="OBJECT_KIND", name=main.name))
    calls: list[Call] = []
    owner, function, rest = main, constructor, list(words)
    while True:
        values, rest = _flags(function, rest)
        calls.append(Call(owner, function, values))
        if not rest:
            return Invocation(tuple(calls))
        owner, function = _next_function(
            function.return_type if function is not constructor else main, rest, module, core
        )
        rest = rest[1:]


def _next_function(result: TypeDef, rest: list[str], module: Module, core: CoreTypes) -> tuple[TypeDef, Function]:
    word = rest[0]
    owner = module.object(result.name) or core.object(result.name)
    if result.kind not in {"OBJECT_KIND", "INTERFACE_KIND"} or owner is None:
        raise UsageError(f"unknown command {word!r}: {result} is a plain value and has no functions")
    by_flag = {kebab_case(function.name): function for function in owner.functions}
    by_flag |= {
        kebab_case(field.name): Function(name=field.name, return_type=field.type_def, description=field.description)
        for field in owner.fields
    }
    found = by_flag.get(kebab_case(word))
    if found is None:
        raise UsageError(f"unknown command {word!r} of {owner.name}; it has: {', '.join(sorted(by_flag)) or 'none'}")
    return owner, found


def _flags(function: Function, rest: list[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    by_flag = {kebab_case(argument.name): argument for argument in function.args}
    values: dict[str, list[str]] = {}
    while rest and rest[0].startswith("-"):
        word, rest = rest[0], rest[1:]
        flag, given, value = word.lstrip("-").partition("=")
        argument = by_flag.get(flag)
        if argument is None or not word.startswith("--"):
            known = ", ".join(f"--{name}" for name in by_flag) or "none"
            raise UsageError(f"unknown flag {word!r} of {_title(function)}; it has: {known}")
        if not given:
            value, rest = _next_value(word, argument, rest)
        values.setdefault(argument.name, []).append(value)
    missing = [name for name, argument in by_flag.items() if argument.required and argument.name not in values]
    if missing:
        raise UsageError(f"{_title(function)} needs --{', --'.join(missing)}")
    return {name: tuple(given) for name, given in values.items()}, rest


def _next_value(flag: str, argument: FunctionArg, rest: list[str]) -> tuple[str, list[str]]:
    # A boolean flag takes no separate word, as in Dagger (pflag): `--wipe` or `--wipe=false`.
    if argument.type_def.kind == "BOOLEAN_KIND":
        return "true", rest
    if not rest:
        raise UsageError(f"{flag} needs a value ({argument.type_def})")
    return rest[0], rest[1:]


def _title(function: Function) -> str:
    return f"function {kebab_case(function.name)!r}" if function.name else "the constructor"


def plain_value(argument: FunctionArg, type_: TypeDef, text: str, module: Module) -> object:
    """A string of the command line as a JSON value, for every kind but objects.

    Raises:
        UsageError: the text is not of that type.
    """
    try:
        match type_.kind:
            case "INTEGER_KIND":
                return int(text)
            case "FLOAT_KIND":
                return float(text)
            case "BOOLEAN_KIND":
                return _BOOLEANS[text.lower()]
            case "ENUM_KIND":
                return _member(argument, type_, text, module)
            case _:
                return json.loads(text) if type_.name == "JSON" else text
    except (ValueError, KeyError) as error:
        raise UsageError(f"--{kebab_case(argument.name)}: {text!r} is not {type_}") from error


def _member(argument: FunctionArg, type_: TypeDef, text: str, module: Module) -> str:
    enum = module.enum(type_.name)
    if enum is None:
        return text
    for member in enum.members:
        if text.lower() in {member.name.lower(), member.value.lower()}:
            return member.name  # what travels, since Dagger 0.18
    known = ", ".join(member.name for member in enum.members)
    raise UsageError(f"--{kebab_case(argument.name)}: {text!r} is none of {known}")


def split_list(texts: tuple[str, ...]) -> list[str]:
    """The items of a list flag: repeated flags and commas both separate, as in Dagger."""
    return [item for text in texts for item in text.split(",") if item]
