"""Trees made of trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gauntlet_engine.graph.op import Inputs, Op, Output

if TYPE_CHECKING:
    from gauntlet_buildkit.api import ops_pb2


@dataclass(frozen=True, eq=False)
class Merge(Op):
    """Trees laid over each other, later ones on top; deletions of a `Diff` are carried over. No data is copied."""

    layers: tuple[Output, ...]

    def encode(self, message: ops_pb2.Op, inputs: Inputs) -> None:
        """Fill in the layers, bottom first."""
        for layer in self.layers:
            message.merge.inputs.add(input=inputs.add(layer))


@dataclass(frozen=True, eq=False)
class Diff(Op):
    """What changed from `lower` to `upper`, with deletions; None is the empty tree."""

    lower: Output | None
    upper: Output | None

    def encode(self, message: ops_pb2.Op, inputs: Inputs) -> None:
        """Fill in both sides."""
        message.diff.lower.input = inputs.add(self.lower)
        message.diff.upper.input = inputs.add(self.upper)
