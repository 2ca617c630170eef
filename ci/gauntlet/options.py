"""A stage's own options: the base that every stage's option model derives from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StageOptions(BaseModel):
    """Base of a stage's options; a stage without options uses it as it is.

    Every field has a default, so that gauntlet.yaml stays optional. Sequences are tuples (YAML lists arrive as
    tuples), and types are strict: a quoted number is no number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
