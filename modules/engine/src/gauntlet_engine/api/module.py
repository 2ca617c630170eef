"""Everything that one module declares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.type_def import TypeDef


@dataclass(frozen=True)
class Module:
    """Dagger's Module, as its SDK registers it."""

    name: str = ""
    description: str = ""
    objects: tuple[TypeDef, ...] = ()
    interfaces: tuple[TypeDef, ...] = ()
    enums: tuple[TypeDef, ...] = ()

    def with_description(self, description: str) -> Module:
        """With that text."""
        return replace(self, description=description)

    def with_object(self, object: TypeDef) -> Module:  # noqa: A002  # Dagger's name
        """With one more object."""
        return replace(self, objects=(*self.objects, object))

    def with_interface(self, iface: TypeDef) -> Module:
        """With one more interface."""
        return replace(self, interfaces=(*self.interfaces, iface))

    def with_enum(self, enum: TypeDef) -> Module:
        """With one more enum."""
        return replace(self, enums=(*self.enums, enum))

    def sync(self, session: EngineSession) -> str:
        """Its id; a declaration is complete by itself."""
        return session.ids.id_of(self)

    def object(self, name: str) -> TypeDef | None:
        """The declared object of that name; None where it is one of the API's own (Directory, Container, ...)."""
        return next((item for item in (*self.objects, *self.interfaces) if item.name == name), None)

    def enum(self, name: str) -> TypeDef | None:
        """The declared enum of that name, or None."""
        return next((item for item in self.enums if item.name == name), None)
