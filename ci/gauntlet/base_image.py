"""The two base images of a run: what stages run on, and what PostgreSQL and Redis are installed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagger import dag

if TYPE_CHECKING:
    import dagger

    from gauntlet.config import Config

# The embedded engine makes these itself out of Debian's packages, under a name of their own.
BOOTSTRAPPED = ("gauntlet/base:trixie", "gauntlet/base:bookworm")
# Elsewhere Debian's images, with what the bootstrapped ones have: Python for the tools, git for history.
DEBIAN = ("debian:trixie-slim", "debian:bookworm-slim")
_PREPARE = (
    "apt-get update && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates git "
    "&& rm -rf /var/lib/apt/lists/*"
)


@dataclass(frozen=True, slots=True)
class BaseImages:
    """`runner` has python3, venv, certificates and git; `services` is Debian bookworm; `origin` says whose they are."""

    runner: dagger.Container
    services: dagger.Container
    reference: str
    origin: str
    _pulled: dagger.Container

    async def resolved(self) -> dict[str, str]:
        """Facts for every verdict: `reference`, `origin`, and the `digest` that the reference stands for."""
        resolved = await self._pulled.image_ref()
        _, at, digest = resolved.partition("@")
        return {"reference": self.reference, "origin": self.origin, **({"digest": digest} if at else {})}


def base_images(config: Config, *, embedded: bool) -> BaseImages:
    """The images that the configuration names, else those of the engine's kind."""
    names = BOOTSTRAPPED if embedded else DEBIAN
    reference = config.image or names[0]
    pulled = dag.container().from_(reference)
    ready = embedded or config.image is not None
    runner = pulled if ready else pulled.with_exec(["sh", "-c", _PREPARE])
    services = dag.container().from_(config.services_image or names[1])
    origin = "configured" if config.image else "bootstrapped" if embedded else "registry"
    return BaseImages(runner, services, reference, origin, pulled)
