"""`run.json`: the whole model, as `schema/run-1.schema.json` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict.writers.interface import json_bytes

if TYPE_CHECKING:
    from gauntlet_verdict.model import Run


def write(run: Run) -> bytes:
    """Write the report; `Run.model_validate_json` reads it back."""
    return json_bytes(run.model_dump(mode="json"))
