"""The graph below an output, as the daemon takes it, and the way back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gauntlet_buildkit.api import ops_pb2
from gauntlet_engine.graph.op import Inputs, Op, Output

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, eq=False)
class Imported(Op):
    """An op that a frontend made (a Dockerfile's), kept byte by byte."""

    raw: bytes
    parents: tuple[Output, ...]

    def encode(self, message: ops_pb2.Op, inputs: Inputs) -> None:
        """Repeat the op; its inputs are added in their old order, so their indexes stay valid."""
        message.ParseFromString(self.raw)
        del message.inputs[:]
        for parent in self.parents:
            inputs.add(parent)

    @property
    def data(self) -> bytes:
        """The frontend's own bytes."""
        return self.raw

    @property
    def digest(self) -> str:
        """As the frontend computed it."""
        return "sha256:" + hashlib.sha256(self.raw).hexdigest()

    @property
    def inputs(self) -> tuple[Output, ...]:
        """The trees that this op reads."""
        return self.parents


def marshal(output: Output, *, ignore_cache: Collection[str] = ()) -> ops_pb2.Definition:
    """The graph that ends in `output`, inputs before the ops that read them.

    Args:
        output: what to solve.
        ignore_cache: digests of ops to run although a result is cached.
    """
    definition = ops_pb2.Definition()
    data: list[bytes] = getattr(definition, "def")
    for op in _in_order(output.op):
        data.append(op.data)
        metadata = definition.metadata[op.digest]
        metadata.description["llb.customname"] = op.name
        if op.digest in ignore_cache:
            metadata.ignore_cache = True
    terminal = ops_pb2.Op()
    terminal.inputs.add(digest=output.op.digest, index=output.index)
    data.append(terminal.SerializeToString(deterministic=True))
    return definition


def from_definition(definition: ops_pb2.Definition, *, platform: str) -> Output | None:
    """The output that a definition ends in, ready to append ops to; None where it is the empty tree.

    Args:
        definition: as a frontend returns it.
        platform: recorded on the imported ops.
    """
    data: list[bytes] = getattr(definition, "def")
    if not data:
        return None
    ops: dict[str, Op] = {}
    last: Output | None = None
    for raw in data:
        message = ops_pb2.Op.FromString(raw)
        parents = tuple(Output(ops[source.digest], source.index) for source in message.inputs)
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        ops[digest] = Imported(platform=platform, name=_name(definition, digest), raw=raw, parents=parents)
        last = parents[0] if len(parents) == 1 and message.WhichOneof("op") is None else None
    return last


def _name(definition: ops_pb2.Definition, digest: str) -> str:
    if digest not in definition.metadata:  # a look-up would add it
        return ""
    return definition.metadata[digest].description.get("llb.customname", "")


def _in_order(root: Op) -> list[Op]:
    """Depth first without recursion: chains of thousands of ops are ordinary."""
    ordered: dict[str, Op] = {}
    stack: list[tuple[Op, bool]] = [(root, False)]
    while stack:
        op, expanded = stack.pop()
        if op.digest in ordered:
            continue
        if expanded:
            ordered[op.digest] = op
            continue
        stack.append((op, True))
        stack.extend((source.op, False) for source in op.inputs if source.op.digest not in ordered)
    return list(ordered.values())
