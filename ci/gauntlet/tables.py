"""Parts of parsed TOML or JSON of unknown shape: what has not the expected type counts as absent."""

from __future__ import annotations

from typing import Any, cast


def table(data: object, *keys: str) -> dict[str, Any]:
    """The mapping under these nested keys; empty where any step is missing or no mapping."""
    for key in keys:
        if not isinstance(data, dict):
            return {}
        data = cast("dict[str, Any]", data).get(key)
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


def text(value: object) -> str | None:
    """The string, unless it is empty or none."""
    return value if isinstance(value, str) and value else None


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list; one string counts as a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in items(value) if isinstance(item, str))


def items(value: object) -> tuple[object, ...]:
    """The items of a list, or of a literal tuple."""
    return tuple(cast("list[object]", value)) if isinstance(value, (list, tuple)) else ()
