"""Object ids: opaque names for the values of one session."""

from __future__ import annotations

import dataclasses
import hashlib
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.graph import Output

if TYPE_CHECKING:
    from collections.abc import Callable


class ObjectIds:
    """Objects by id, for the life of a session.

    The same value has the same id, also in another session. An id is a digest: it tells nothing of its object, and
    objects hold no secret's value in the first place.
    """

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {}

    def id_of(self, value: Any) -> str:
        """The id of an API object; it stays loadable until the session ends."""
        digest = hashlib.sha256()
        _absorb(digest.update, value)
        object_id = f"{type(value).__name__}@{digest.hexdigest()[:40]}"
        self._objects.setdefault(object_id, value)
        return object_id

    def load(self, object_id: str, type_name: str = "") -> Any:
        """The object with this id.

        Raises:
            ApiError: this session never gave it out, or it is of another type than `type_name`.
        """
        value = self._objects.get(object_id)
        if value is None:
            raise ApiError(f"no object has the id {object_id!r}: ids are valid only within the session that made them")
        found = type(value).__name__
        if type_name and found != type_name:
            raise ApiError(f"expected the id of a {type_name}, got that of a {found}")
        return value


def _absorb(update: Callable[[bytes], None], value: Any) -> None:  # one case a type
    match value:
        case None | bool() | int() | str() | bytes():
            text = repr(value)
            update(f"{len(text)}:{text}".encode())
        case Output():
            update(value.digest.encode())
        case Enum():
            update(value.name.encode())
        case tuple():
            items = cast("tuple[Any, ...]", value)
            update(f"[{len(items)}".encode())
            for item in items:
                _absorb(update, item)
        case _ if dataclasses.is_dataclass(value):
            update(type(value).__name__.encode())
            for field in dataclasses.fields(value):
                _absorb(update, getattr(value, field.name))
        case _:
            raise TypeError(f"{type(value).__name__} cannot be part of an API object")
