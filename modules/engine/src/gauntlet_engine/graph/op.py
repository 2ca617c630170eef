"""One operation of the graph: immutable, known by the digest of what it does."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

from gauntlet_buildkit.api import ops_pb2

EMPTY_INPUT = -1
NO_OUTPUT = -1


@dataclass(frozen=True, slots=True)
class Output:
    """Result number `index` of an op: a file system tree. Where a tree is optional, None is the empty one."""

    op: Op
    index: int = 0

    @property
    def digest(self) -> str:
        """Identity of the tree: the op's digest and the index."""
        return f"{self.op.digest}:{self.index}"


class Inputs:
    """The trees that an op reads, each listed once; filled while the op is encoded."""

    def __init__(self) -> None:
        self._index: dict[Output, int] = {}

    def add(self, output: Output | None) -> int:
        """Index of `output` among the inputs; EMPTY_INPUT for the empty tree."""
        if output is None:
            return EMPTY_INPUT
        return self._index.setdefault(output, len(self._index))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """In order of their indexes."""
        return tuple(self._index)


@dataclass(frozen=True, eq=False)
class Op(ABC):
    """Base of all ops. Equal means: same digest.

    Args:
        platform: such as `linux/amd64` or `linux/arm/v7`.
        name: what people see in the progress; no part of the digest.
    """

    platform: str
    name: str

    def __post_init__(self) -> None:
        # Now, while the inputs' digests are known: asked for at the end of a long chain it would recurse through it.
        _ = self.digest

    @abstractmethod
    def encode(self, message: ops_pb2.Op, inputs: Inputs) -> None:
        """Fill `message` with what this op does; every tree that it reads goes through `inputs`."""

    @cached_property
    def _encoded(self) -> tuple[bytes, str, tuple[Output, ...]]:
        message = ops_pb2.Op(platform=platform_message(self.platform), constraints=ops_pb2.WorkerConstraints())
        inputs = Inputs()
        self.encode(message, inputs)
        for output in inputs.outputs:
            message.inputs.add(digest=output.op.digest, index=output.index)
        data = _as_go_writes(message)
        return data, "sha256:" + hashlib.sha256(data).hexdigest(), inputs.outputs

    @property
    def data(self) -> bytes:
        """The op as LLB: a serialised `pb.Op`."""
        return self._encoded[0]

    @property
    def digest(self) -> str:
        """`sha256:…` of `data`, hence of the whole graph below it."""
        return self._encoded[1]

    @property
    def inputs(self) -> tuple[Output, ...]:
        """The trees that this op reads."""
        return self._encoded[2]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Op) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.digest[7:19]}>"


def _as_go_writes(message: ops_pb2.Op) -> bytes:
    """Deterministic bytes with the oneof after the other fields, whatever their numbers.

    The daemon names an op by the digest of its own (Go's) bytes: only so are its events' and errors' digests ours.
    """
    head = ops_pb2.Op(inputs=message.inputs, platform=message.platform, constraints=message.constraints)
    tail = ops_pb2.Op()
    tail.CopyFrom(message)
    for field in ("inputs", "platform", "constraints"):
        tail.ClearField(field)
    return head.SerializeToString(deterministic=True) + tail.SerializeToString(deterministic=True)


def platform_message(platform: str) -> ops_pb2.Platform:
    """`os/architecture[/variant]` as BuildKit writes it."""
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    return ops_pb2.Platform(OS=system, Architecture=architecture, Variant=variant)
