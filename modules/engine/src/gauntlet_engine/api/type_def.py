"""What a module declares, built field by field by an SDK's registration (Dagger's TypeDef and its parts)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(frozen=True)
class SourceMap:
    """A place in a module's source."""

    filename: str
    line: int
    column: int


@dataclass(frozen=True)
class EnumValueTypeDef:
    """A member of an enum: `name` is what travels, `value` what the module's code has for it."""

    name: str
    value: str
    description: str = ""
    deprecated: str | None = None


@dataclass(frozen=True)
class FunctionArg:
    """An argument of a function; `default_value` is JSON text, None where there is none."""

    name: str
    type_def: TypeDef
    description: str = ""
    default_value: str | None = None
    default_path: str = ""
    default_address: str = ""
    ignore: tuple[str, ...] = ()
    deprecated: str | None = None

    @property
    def required(self) -> bool:
        """Whether a caller must give it."""
        has_default = self.default_value is not None or self.default_path or self.default_address
        return not (self.type_def.optional or has_default)


@dataclass(frozen=True)
class Function:
    """A function of an object; the constructor's name is empty."""

    name: str
    return_type: TypeDef
    description: str = ""
    args: tuple[FunctionArg, ...] = ()
    cache_policy: str = "Default"
    time_to_live: str = ""
    deprecated: str | None = None
    check: bool = False
    generator: bool = False
    up: bool = False

    def with_arg(
        self,
        name: str,
        type_def: TypeDef,
        description: str = "",
        default_value: str | None = None,
        default_path: str = "",
        ignore: Sequence[str] = (),
        source_map: SourceMap | None = None,  # noqa: ARG002  # only an editor would show it
        deprecated: str | None = None,
        default_address: str = "",
    ) -> Function:
        """With one more argument."""
        argument = FunctionArg(
            name, type_def, description, default_value, default_path, default_address, tuple(ignore), deprecated
        )
        return replace(self, args=(*self.args, argument))

    def with_description(self, description: str) -> Function:
        """With that text."""
        return replace(self, description=description)

    def with_cache_policy(self, policy: str, time_to_live: str | None = None) -> Function:
        """Cached that long; the embedded engine runs a function on every call, which is always allowed."""
        return replace(self, cache_policy=policy, time_to_live=time_to_live or "")

    def with_deprecated(self, reason: str) -> Function:
        """Marked as going away."""
        return replace(self, deprecated=reason)

    def with_check(self) -> Function:
        """Marked as one that `dagger check` runs."""
        return replace(self, check=True)

    def with_generator(self) -> Function:
        """Marked as one that `dagger generate` runs."""
        return replace(self, generator=True)

    def with_up(self) -> Function:
        """Marked as one that `dagger up` runs."""
        return replace(self, up=True)

    def with_source_map(self, source_map: SourceMap) -> Function:  # noqa: ARG002  # only an editor would show it
        """With its place in the source."""
        return self


@dataclass(frozen=True)
class FieldTypeDef:
    """A plain value that an object carries."""

    name: str
    type_def: TypeDef
    description: str = ""
    deprecated: str | None = None


@dataclass(frozen=True)
class TypeDef:
    """A type: its kind and, by kind, its name, element, fields, functions or members."""

    kind: Kind = "VOID_KIND"
    optional: bool = False
    name: str = ""
    description: str = ""
    element: TypeDef | None = None
    fields: tuple[FieldTypeDef, ...] = ()
    functions: tuple[Function, ...] = ()
    constructor: Function | None = None
    members: tuple[EnumValueTypeDef, ...] = ()
    deprecated: str | None = None

    def with_kind(self, kind: Kind) -> TypeDef:
        """Of that kind."""
        return replace(self, kind=kind)

    def with_optional(self, optional: bool) -> TypeDef:
        """May be null, or not."""
        return replace(self, optional=optional)

    def with_scalar(self, name: str, description: str = "") -> TypeDef:
        """A named scalar, such as Platform or JSON."""
        return replace(self, kind="SCALAR_KIND", name=name, description=description)

    def with_list_of(self, element_type: TypeDef) -> TypeDef:
        """A list."""
        return replace(self, kind="LIST_KIND", element=element_type)

    def with_object(
        self,
        name: str,
        description: str = "",
        source_map: SourceMap | None = None,  # noqa: ARG002  # only an editor would show it
        deprecated: str | None = None,
    ) -> TypeDef:
        """An object of that name: the module's own, or the API's."""
        return replace(self, kind="OBJECT_KIND", name=name, description=description, deprecated=deprecated)

    def with_interface(
        self,
        name: str,
        description: str = "",
        source_map: SourceMap | None = None,  # noqa: ARG002  # only an editor would show it
    ) -> TypeDef:
        """An interface of that name."""
        return replace(self, kind="INTERFACE_KIND", name=name, description=description)

    def with_field(
        self,
        name: str,
        type_def: TypeDef,
        description: str = "",
        source_map: SourceMap | None = None,  # noqa: ARG002  # only an editor would show it
        deprecated: str | None = None,
    ) -> TypeDef:
        """With one more field."""
        return replace(self, fields=(*self.fields, FieldTypeDef(name, type_def, description, deprecated)))

    def with_function(self, function: Function) -> TypeDef:
        """With one more function."""
        return replace(self, functions=(*self.functions, function))

    def with_constructor(self, function: Function) -> TypeDef:
        """Made by that function."""
        return replace(self, constructor=function)

    def with_enum(
        self,
        name: str,
        description: str = "",
        source_map: SourceMap | None = None,  # noqa: ARG002  # only an editor would show it
    ) -> TypeDef:
        """An enum of that name."""
        return replace(self, kind="ENUM_KIND", name=name, description=description)

    def with_enum_member(
        self,
        name: str,
        value: str = "",
        description: str = "",
        source_map: SourceMap | None = None,  # noqa: ARG002  # only an editor would show it
        deprecated: str | None = None,
    ) -> TypeDef:
        """With one more member; its value is its name where none is given."""
        member = EnumValueTypeDef(name, value or name, description, deprecated)
        return replace(self, members=(*self.members, member))

    def with_enum_value(
        self,
        value: str,
        description: str = "",
        source_map: SourceMap | None = None,  # noqa: ARG002  # only an editor would show it
        deprecated: str | None = None,
    ) -> TypeDef:
        """With one more member, as SDKs older than 0.18 say it."""
        return self.with_enum_member(value, value, description, deprecated=deprecated)

    def __str__(self) -> str:
        if self.kind == "LIST_KIND":
            return f"[{self.element}]"
        return self.name or self.kind.removesuffix("_KIND").capitalize()
