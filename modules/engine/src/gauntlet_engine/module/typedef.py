"""What a module declares: frozen values that the SDK's registration builds field by field (Dagger's TypeDef)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal[
    "STRING_KIND",
    "INTEGER_KIND",
    "FLOAT_KIND",
    "BOOLEAN_KIND",
    "SCALAR_KIND",
    "LIST_KIND",
    "OBJECT_KIND",
    "INTERFACE_KIND",
    "INPUT_KIND",
    "VOID_KIND",
    "ENUM_KIND",
]


@dataclass(frozen=True, slots=True)
class EnumMember:
    """A member of an enum: `value` is what travels, `name` what code says."""

    name: str
    value: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a function; `default` is JSON text, None where there is none."""

    name: str
    type: TypeDef
    description: str = ""
    default: str | None = None
    default_path: str = ""
    default_address: str = ""
    ignore: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether a caller must give it."""
        return not (self.type.optional or self.default is not None or self.default_path or self.default_address)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of an object; the constructor's name is empty."""

    name: str
    returns: TypeDef
    description: str = ""
    arguments: tuple[Argument, ...] = ()
    cache_policy: str = "Default"
    is_check: bool = False

    def argument(self, name: str) -> Argument | None:
        """The argument of that name, or None."""
        return next((argument for argument in self.arguments if argument.name == name), None)


@dataclass(frozen=True, slots=True)
class Field:
    """A plain value that an object carries."""

    name: str
    type: TypeDef
    description: str = ""


@dataclass(frozen=True, slots=True)
class TypeDef:
    """A type: its kind and, by kind, its name, element type, fields, functions or members."""

    kind: Kind = "VOID_KIND"
    optional: bool = False
    name: str = ""
    description: str = ""
    element: TypeDef | None = None
    fields: tuple[Field, ...] = ()
    functions: tuple[Function, ...] = ()
    constructor: Function | None = None
    members: tuple[EnumMember, ...] = ()

    def function(self, name: str) -> Function | None:
        """The function of that name, or None."""
        return next((function for function in self.functions if function.name == name), None)

    def __str__(self) -> str:
        if self.kind == "LIST_KIND":
            return f"[{self.element}]"
        return self.name or self.kind.removesuffix("_KIND").capitalize()


@dataclass(frozen=True, slots=True)
class Module:
    """All that a module declares."""

    name: str = ""
    description: str = ""
    objects: tuple[TypeDef, ...] = ()
    interfaces: tuple[TypeDef, ...] = ()
    enums: tuple[TypeDef, ...] = ()
    by_name: dict[str, TypeDef] = field(default_factory=dict[str, "TypeDef"], compare=False, repr=False)

    def with_object(self, definition: TypeDef) -> Module:
        """A copy that also declares this object."""
        return replace(
            self,
            objects=(*self.objects, definition),
            by_name={**self.by_name, definition.name: definition},
        )

    def object(self, name: str) -> TypeDef | None:
        """The declared object of that name; None where it is one of the core's (Directory, Container, ...)."""
        return self.by_name.get(name)

    def enum(self, name: str) -> TypeDef | None:
        """The declared enum of that name, or None."""
        return next((enum for enum in self.enums if enum.name == name), None)


def camel_case(name: str) -> str:
    """`base_image`, `base-image` and `BaseImage` as the API's `baseImage`; a name already so stays."""
    first, *rest = [part for part in re.split(r"[-_\s]+", name) if part] or [""]
    return first[:1].lower() + first[1:] + "".join(part[:1].upper() + part[1:] for part in rest)


def pascal_case(name: str) -> str:
    """A module's name as its main object's: `my-ci` is `MyCi`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_\s]+", name) if part)


def kebab_case(name: str) -> str:
    """An API name as the command line's: `baseImage` is `base-image`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).replace("_", "-").lower()
