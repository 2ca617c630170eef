"""Image references made exact: bootstrapped bases, registries' digests, remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet_engine.buildkit import Attachables, Build
    from gauntlet_engine.state import StateDirs


@dataclass(frozen=True)
class ImageSource:
    """How to get an image in LLB.

    Args:
        identifier: of the source op: `docker-image://docker.io/library/x:tag@sha256:…` or `oci-layout://…@sha256:…`.
        attrs: of the source op (`oci.store`, `image.resolvemode`, …).
        ref: for `imageRef`: name with digest.
        digest: of the manifest.
        config: the OCI image config.
        origin: who vouches for it.
    """

    identifier: str
    attrs: dict[str, str]
    ref: str
    digest: str
    config: dict[str, Any]
    origin: Literal["registry", "bootstrap"]


class Images:
    """Resolver of one engine session; remembers tags' digests in the state across sessions."""

    def __init__(
        self, state: StateDirs, build: Build, attachables: Attachables, *, log: Callable[[str], None] | None = None
    ) -> None:
        raise NotImplementedError

    async def resolve(self, reference: str, platform: str = "") -> ImageSource:
        """The image for a `from`.

        Args:
            reference: as a user writes it (`alpine`, `ghcr.io/x/y:1@sha256:…`, `gauntlet/base:trixie`).
            platform: such as `linux/arm64`; empty for the daemon's own.

        Raises:
            SolveFailed: no registry answers, and what can be done about it.
            NotFound: the registry has no such image.
        """
        raise NotImplementedError
