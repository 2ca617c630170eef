"""What every writer is, and the JSON that all of them write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, cast

from gauntlet_verdict.text import visible

if TYPE_CHECKING:
    from gauntlet_verdict.model import Run


class Writer(Protocol):
    """What each module's `write` is. Equal runs give equal bytes; no text in a run can make the report invalid."""

    def __call__(self, run: Run) -> bytes:
        """Write the whole report."""
        ...


def json_bytes(document: object) -> bytes:
    """A JSON document as UTF-8, with sorted keys, a line each, and text that every parser takes.

    Python would write a lone surrogate as an escape that strict parsers (Rust's, Go's) refuse or replace.
    """
    text = json.dumps(
        _carried(document), ensure_ascii=False, allow_nan=False, sort_keys=True, indent=2, separators=(",", ": ")
    )
    return f"{text}\n".encode()


def _carried(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(str(key)): _carried(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_carried(item) for item in cast("list[Any]", value)]
    return value
