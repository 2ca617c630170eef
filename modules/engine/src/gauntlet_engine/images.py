"""Image references made exact: bootstrapped bases, registries' digests, remembered."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import anyio
from anyio import to_thread

from gauntlet_engine.bootstrap import RECIPES, bootstrapped
from gauntlet_engine.buildkit.content import OciLayout
from gauntlet_engine.buildkit.errors import NotFound, SolveFailed
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.image_reference import parse_reference
from gauntlet_engine.state import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gauntlet_engine.buildkit import Attachables, Build
    from gauntlet_engine.state import StateDirs

BASE = "gauntlet/base"
"""The name of the bootstrapped images; it belongs to no registry, and none is asked for it."""

_WAYS_OUT = (
    "Ways out: check the network and the registry's name; give the daemon a mirror by BUILDKIT_HOST or a proxy by "
    "HTTPS_PROXY; load the image from a tarball with `Container.import`; or use `gauntlet/base:trixie` or "
    "`gauntlet/base:bookworm`, which need no registry."
)


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
    """Resolver of one engine session; remembers tags' digests in the state across sessions.

    A tag is asked for once: later sessions, also without a network, get the same image, until it is forgotten
    (`gauntlet-engine prune --images`) or GAUNTLET_ENGINE_PULL=always says to ask again.
    """

    def __init__(
        self,
        state: StateDirs,
        build: Build,
        attachables: Attachables,
        *,
        log: Callable[[str], None] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._state = state
        self._build = build
        self._attachables = attachables
        self._log = log
        self._environ = os.environ if environ is None else environ
        self._memory = ImageMemory(state)
        self._resolved: dict[tuple[str, str], ImageSource] = {}
        self._resolving: dict[tuple[str, str], anyio.Lock] = {}

    async def resolve(self, reference: str, platform: str = "") -> ImageSource:
        """The image for a `from`; the same answer for the life of this object.

        Args:
            reference: as a user writes it (`alpine`, `ghcr.io/x/y:1@sha256:…`, `gauntlet/base:trixie`).
            platform: such as `linux/arm64`; empty for the daemon's own.

        Raises:
            SolveFailed: no registry answers, and what can be done about it.
            NotFound: the registry has no such image.
        """
        key = (reference, platform)
        async with self._resolving.setdefault(key, anyio.Lock()):
            if key not in self._resolved:
                name, _, tag = reference.partition(":")
                if name == BASE:
                    self._resolved[key] = await self._bootstrapped(tag, platform)
                else:
                    self._resolved[key] = await self._from_registry(reference, platform)
            return self._resolved[key]

    async def _bootstrapped(self, tag: str, platform: str) -> ImageSource:
        recipe = RECIPES.get(tag)
        if recipe is None:
            names = ", ".join(f"{BASE}:{name}" for name in sorted(RECIPES))
            raise NotFound(f"There is no {BASE}:{tag}; the engine bootstraps {names}.")
        if platform and platform != host_platform():
            raise SolveFailed(f"{BASE}:{tag} is bootstrapped for {host_platform()} here, not for {platform}.")
        folder, image = await bootstrapped(recipe, self._state, self._environ, self._log)
        store = f"gauntlet-base-{tag}"
        self._attachables.add_store(store, OciLayout(folder))
        ref = f"{BASE}@{image.digest}"
        return ImageSource(
            identifier=f"oci-layout://{ref}",
            attrs={"oci.store": store},
            ref=f"{BASE}:{tag}@{image.digest}",
            digest=image.digest,
            config=image.config,
            origin="bootstrap",
        )

    async def _from_registry(self, reference: str, platform: str) -> ImageSource:
        name = str(parse_reference(reference))
        platform = platform or host_platform()
        known = None if self._environ.get("GAUNTLET_ENGINE_PULL") == "always" else self._memory.get(name, platform)
        if known is None:
            try:
                found = await self._build.resolve_image(name, platform=platform)
            except NotFound as error:
                raise NotFound(f"No image {name} for {platform}: {error.message}") from None
            except SolveFailed as error:
                raise SolveFailed(f"Image {name} cannot be resolved: {error.message}", remedy=_WAYS_OUT) from None
            known = (found.digest, found.config)
            await to_thread.run_sync(self._memory.put, name, platform, *known)
        digest, config = known
        exact = name if "@" in name else f"{name}@{digest}"
        return ImageSource(f"docker-image://{exact}", {}, exact, digest, config, "registry")


class ImageMemory:
    """What registries said: digest and config by full reference and platform, in images.json of the state."""

    def __init__(self, state: StateDirs) -> None:
        self._path = state.root / "images.json"

    def get(self, name: str, platform: str) -> tuple[str, dict[str, Any]] | None:
        """(digest, config), None where it was never asked for."""
        entry = self._read().get(f"{name} {platform}")
        return None if entry is None else (entry["digest"], entry["config"])

    def put(self, name: str, platform: str, digest: str, config: dict[str, Any]) -> None:
        """Remember an answer; safe against other processes."""
        handle = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            known = self._read()
            known[f"{name} {platform}"] = {"digest": digest, "config": config}
            replace_file(self._path, json.dumps(known, indent=1, sort_keys=True).encode())
        finally:
            os.close(handle)

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}


def forget_images(state: StateDirs) -> None:
    """Forget every remembered digest: the next use of a tag asks its registry."""
    (state.root / "images.json").unlink(missing_ok=True)
