"""Containers from Dockerfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.image_config import ImageConfig
from gauntlet_engine.api.values import Port
from gauntlet_engine.graph import empty_tree, from_definition, marshal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gauntlet_engine.api.container import Container
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.directory import Directory
    from gauntlet_engine.api.secret import Secret


async def docker_build(
    session: EngineSession,
    context: Directory,
    dockerfile: str,
    platform: str,
    build_args: Sequence[dict[str, str]],
    target: str,
    secrets: Sequence[Secret],
) -> Container:
    """The image that `dockerfile` (a path in `context`) describes, by BuildKit's own Dockerfile frontend.

    `RUN --mount=type=secret,id=NAME` finds secrets by the name that setSecret gave them.

    Raises:
        SolveFailed: the Dockerfile is wrong, or one of its RUNs fails.
    """
    from gauntlet_engine.api.container import Container  # noqa: PLC0415  # Container needs Directory, which needs us

    tree = context.at_root().tree or empty_tree(platform)
    options = {"filename": dockerfile, "platform": platform}
    if target:
        options["target"] = target
    options |= {f"build-arg:{argument['name']}": argument["value"] for argument in build_args}
    for secret in secrets:
        name = session.secrets.entry(secret).name
        if not name:
            raise ApiError("dockerBuild finds secrets by name: make them with setSecret")
        session.secrets.offer_as(name, secret)
    definition = marshal(tree)
    built, image = await session.build.dockerfile(definition, definition, options)
    config = ImageConfig().merged(image)
    ports = tuple(Port.of_oci(oci) for oci in config.ports)
    return Container(platform, from_definition(built, platform=platform), config=config, ports=ports)
