"""What a check is asked to do: a JSON object in a file, its lists made tuples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_plan(path: str) -> dict[str, Any]:
    """The plan's keys and values, fit to be the arguments of a frozen `Plan`."""
    data: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return {name: _frozen(value) for name, value in data.items()}


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(part) for part in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: _frozen(part) for name, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
