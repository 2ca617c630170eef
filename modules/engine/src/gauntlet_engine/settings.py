"""What containers need to know of the host: its CA certificates and package settings. Values are never logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_SECRET = "gauntlet.host.settings"
"""Secret id of the package settings: JSON {"env": {NAME: VALUE}}, for the shim's `hostSettings`."""

CA_SECRET = "gauntlet.host.ca"
"""Secret id of the CA bundle (PEM), for the shim's `caBundle`; empty where the host has none of its own."""


@dataclass(frozen=True)
class HostSettings:
    """`environment` as install steps get it; `ca_bundle` PEM bytes (≤ 500,000), maybe empty."""

    environment: dict[str, str]
    ca_bundle: bytes

    def settings_json(self) -> bytes:
        """The value of SETTINGS_SECRET."""
        raise NotImplementedError


def read_host_settings(environ: Mapping[str, str]) -> HostSettings:
    """Read the host's configuration files and variables once. Unreadable or broken ones count as absent."""
    raise NotImplementedError
