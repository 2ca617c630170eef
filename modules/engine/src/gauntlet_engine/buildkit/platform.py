"""Platform names such as `linux/arm64/v8`."""

from __future__ import annotations

import platform as host

from gauntlet_buildkit.api import ops_pb2

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}


def parse_platform(name: str) -> ops_pb2.Platform:
    """`os/architecture[/variant]` as BuildKit's message; raises ValueError on anything else."""
    parts = name.split("/")
    if len(parts) not in {2, 3} or not all(parts):
        raise ValueError(f"not a platform: {name!r} (write os/architecture, such as linux/amd64)")
    return ops_pb2.Platform(OS=parts[0], Architecture=parts[1], Variant=parts[2] if len(parts) > 2 else "")  # noqa: PLR2004


def host_platform() -> str:
    """This machine's own."""
    machine = host.machine()
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"
