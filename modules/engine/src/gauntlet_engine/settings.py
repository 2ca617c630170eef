"""What containers need to know of the host: its CA certificates and package settings. Values are never logged."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_engine import package_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SETTINGS_SECRET = "gauntlet.host.settings"  # noqa: S105  an id
"""Secret id of the package settings: JSON {"env": {NAME: VALUE}}, for the shim's `hostSettings`."""

CA_SECRET = "gauntlet.host.ca"  # noqa: S105  an id
"""Secret id of the CA bundle (PEM), for the shim's `caBundle`; empty where the host has none of its own."""

CA_LIMIT = 500_000
"""Bytes of a secret that BuildKit takes (its limit is 500 * 1024, less its own message)."""

_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_SYSTEM_BUNDLES = ("etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/cert.pem")
_OWN_CERTIFICATES = ("usr/local/share/ca-certificates", "etc/pki/ca-trust/source/anchors")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True)
class HostSettings:
    """`environment` as install steps get it; `ca_bundle` PEM bytes (≤ 500,000), maybe empty."""

    environment: dict[str, str] = field(repr=False)
    ca_bundle: bytes = field(repr=False)

    def settings_json(self) -> bytes:
        """The value of SETTINGS_SECRET."""
        return json.dumps({"env": self.environment}, sort_keys=True).encode()


def read_host_settings(environ: Mapping[str, str], *, root: Path = Path("/")) -> HostSettings:
    """Read the host's configuration files and variables once. Unreadable or broken ones count as absent.

    Args:
        environ: the caller's environment; it wins over every file.
        root: where the host's own files are (another one in tests).
    """
    home = Path(environ.get("HOME") or "/nonexistent")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    settings: dict[str, str] = {}
    for path in (
        root / "etc/pip.conf",
        root / "etc/xdg/pip/pip.conf",
        home / ".pip/pip.conf",
        config / "pip/pip.conf",
        *_named(environ, "PIP_CONFIG_FILE"),
    ):
        settings.update(package_settings.from_pip(_text(path)))
    for path in (root / "etc/uv/uv.toml", config / "uv/uv.toml", *_named(environ, "UV_CONFIG_FILE")):
        settings.update(package_settings.from_uv(_text(path)))
    for path in (
        root / "etc/npmrc",
        root / "usr/etc/npmrc",
        *(_named(environ, "NPM_CONFIG_USERCONFIG") or [home / ".npmrc"]),
    ):
        settings.update(package_settings.from_npm(_text(path), environ))
    for path in _named(environ, "GOENV") or [config / "go/env"]:
        settings.update(package_settings.from_go(_text(path)))
    settings.update(package_settings.from_cargo(_text(home / ".cargo/config.toml")))
    settings.update(package_settings.from_environment(environ))
    return HostSettings(package_settings.share_python_index(settings), _ca_bundle(environ, root))


def _ca_bundle(environ: Mapping[str, str], root: Path) -> bytes:
    """The host's trust, where it is its own: named by a variable, or with certificates that an administrator added.

    A host with nothing of its own yields nothing: an image's own trust is then the right one.
    """
    named = [path for variable in _BUNDLE_VARIABLES for path in _named(environ, variable)]
    own = [path for folder in _OWN_CERTIFICATES for path in sorted((root / folder).glob("**/*")) if path.is_file()]
    if not named and not own:
        return b""
    system = [root / path for path in _SYSTEM_BUNDLES]
    bundle = next((data for path in (*named, *system) if (data := _bytes(path))), b"")
    return fit_bundle([*(_bytes(path) for path in own), bundle], CA_LIMIT)


def fit_bundle(parts: Iterable[bytes], limit: int) -> bytes:
    """The distinct certificates of PEM files, in order, without comments, as many as `limit` bytes hold.

    A secret has a size limit; the usual bundle has half of that. The administrator's own come first, so what a
    bigger bundle loses is public authorities at its end.
    """
    distinct = dict.fromkeys(match[0] for part in parts for match in _CERTIFICATE.finditer(part))
    kept: list[bytes] = []
    size = 0
    for certificate in distinct:
        size += len(certificate) + 1
        if size > limit:
            break
        kept.append(certificate + b"\n")
    return b"".join(kept)


def _named(environ: Mapping[str, str], variable: str) -> list[Path]:
    value = environ.get(variable)
    return [Path(value)] if value and value != "/dev/null" else []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _text(path: Path) -> str:
    return _bytes(path).decode(errors="replace")
