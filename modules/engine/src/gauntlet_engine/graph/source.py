"""Trees that come from outside the graph."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gauntlet_engine.graph.op import Inputs, Op, Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gauntlet_buildkit.api import ops_pb2


@dataclass(frozen=True, eq=False)
class Source(Op):
    """An image, a directory of the host, a git commit, a URL.

    Args:
        identifier: `docker-image://…`, `oci-layout://…`, `local://name`, `git://…`, `https://…`.
        attrs: sorted (key, value) pairs as BuildKit defines them for that scheme.
    """

    identifier: str
    attrs: tuple[tuple[str, str], ...] = ()

    def encode(self, message: ops_pb2.Op, inputs: Inputs) -> None:  # noqa: ARG002  # a source reads no tree
        """Fill in the source."""
        message.source.identifier = self.identifier
        for key, value in self.attrs:
            message.source.attrs[key] = value


def local_source(
    name: str,
    *,
    platform: str,
    shared_key: str,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    label: str = "",
) -> Output:
    """A directory that the session offers under `name`.

    Args:
        name: as in `Attachables.add_local`.
        platform: of the op.
        shared_key: stable for the same host path: the next session then sends only what changed.
        include: BuildKit patterns, empty for everything.
        exclude: BuildKit patterns.
        label: for the progress.
    """
    attrs = {"local.sharedkeyhint": shared_key}
    if include:
        attrs["local.includepattern"] = json.dumps(list(include))
    if exclude:
        attrs["local.excludepatterns"] = json.dumps(list(exclude))
    return Output(
        Source(
            platform=platform,
            name=label or f"upload {name}",
            identifier=f"local://{name}",
            attrs=tuple(sorted(attrs.items())),
        )
    )
