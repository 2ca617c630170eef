"""The fields of Container that bring images in and out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_engine.api.container.state import ContainerState
from gauntlet_engine.api.directory import Directory
from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.tarball import (
    compression_options,
    image_parts,
    image_tarball,
    import_tarball,
    write_tarball,
)
from gauntlet_engine.api.values import Port
from gauntlet_engine.buildkit import push_image
from gauntlet_engine.graph import Output, Source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.file import File
    from gauntlet_engine.api.secret import Secret
    from gauntlet_engine.api.service import Service


class Imaging(ContainerState):
    """Images by name, as tarballs, in registries."""

    async def from_(self, session: EngineSession, address: str, registry_service: Service | None = None) -> Self:
        """An image's root file system and config; mounts and the like stay."""
        if registry_service is not None:
            raise ApiError("from(registryService:) is not in Gauntlet's embedded engine; a Dagger engine has it")
        image = await session.images.resolve(address, self.platform)
        source = Source(
            platform=self.platform,
            name=f"image {address}",
            identifier=image.identifier,
            attrs=tuple(sorted(image.attrs.items())),
        )
        config = self.config.merged(image.config)
        described = {port.oci for port in self.ports}
        added = tuple(Port.of_oci(oci) for oci in config.ports if oci not in described)
        return replace(
            self,
            tree=Output(source),
            config=config,
            reference=image.ref,
            ports=(*self.ports, *added),
            output=None,
        )

    def image_ref(self) -> str:
        """Name with digest, right after `from`."""
        if not self.reference:
            raise ApiError(
                "Image reference can only be retrieved immediately after the 'Container.From' call. "
                "Error in fetching imageRef as the container image is changed"
            )
        return self.reference

    def rootfs(self) -> Directory:
        """The root file system, without mounts."""
        return Directory(self.platform, self.tree)

    async def import_(self, session: EngineSession, source: File, tag: str = "") -> Self:
        """The image in an OCI archive, as `from` would have it."""
        tree, image = await import_tarball(session, source, tag, self.platform)
        return self.changed(tree=tree, config=self.config.merged(image), output=None)

    async def as_tarball(
        self,
        session: EngineSession,
        platform_variants: Sequence[ContainerState] = (),
        forced_compression: str | None = None,
        media_types: str = "OCIMediaTypes",
    ) -> File:
        """The image as an archive."""
        return await image_tarball(
            session, (self, *platform_variants), forced_compression=forced_compression, media_types=media_types
        )

    async def export(
        self,
        session: EngineSession,
        path: str,
        platform_variants: Sequence[ContainerState] = (),
        forced_compression: str | None = None,
        media_types: str = "OCIMediaTypes",
        expand: bool = False,
    ) -> str:
        """Write the image as an archive to the host; returns the absolute path."""
        target = session.host_path(self.expanded(path, expand))
        await write_tarball(
            session,
            (self, *platform_variants),
            Path(target),
            forced_compression=forced_compression,
            media_types=media_types,
        )
        return target

    async def publish(
        self,
        session: EngineSession,
        address: str,
        platform_variants: Sequence[ContainerState] = (),
        forced_compression: str | None = None,
        media_types: str = "OCIMediaTypes",
        registry_service: Service | None = None,
    ) -> str:
        """Push the image; returns its name with digest."""
        if registry_service is not None:
            raise ApiError("publish(registryService:) is not in Gauntlet's embedded engine; a Dagger engine has it")
        definitions, configs = image_parts((self, *platform_variants))
        pushed = await push_image(
            session.client,
            session.attachables,
            definitions,
            configs,
            address,
            oci_media_types=media_types == "OCIMediaTypes",
            **compression_options(forced_compression),
        )
        return f"{pushed.name}@{pushed.digest}"

    async def with_registry_auth(self, session: EngineSession, address: str, username: str, secret: Secret) -> Self:
        """With credentials for a registry, for the rest of the session."""
        session.registries[address] = (username, await secret.plaintext(session))
        session.attachables.set_credentials(session.registries)
        return self

    def without_registry_auth(self, session: EngineSession, address: str) -> Self:
        """Without them."""
        session.registries.pop(address, None)
        session.attachables.set_credentials(session.registries)
        return self
