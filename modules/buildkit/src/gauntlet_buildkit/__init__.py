"""BuildKit in a wheel: the daemon's static binary, the exec shim and the gRPC stubs (`gauntlet_buildkit.api`)."""

from __future__ import annotations

import os
from pathlib import Path

VERSION = "v0.33.1"
"""The BuildKit release that the binary and the stubs come from."""

_BIN = Path(__file__).resolve().parent / "bin"


def buildkitd() -> Path:
    """The daemon, a static Linux binary.

    Returns:
        An absolute path. The daemon also needs `runc` on PATH.

    Raises:
        FileNotFoundError: The package was never built; says how to build it.
    """
    return _binary("buildkitd")


def exec_shim() -> Path:
    """The program that runs as the first process of every exec's container.

    Returns:
        The absolute path of a static Linux binary.

    Raises:
        FileNotFoundError: The package was never built; says how to build it.
    """
    return _binary("exec-shim")


def _binary(name: str) -> Path:
    path = _BIN / name
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(
            f"{path} is missing or not executable: gauntlet-buildkit was not built here. "
            "In a checkout run `uv sync --all-packages --reinstall-package gauntlet-buildkit`; "
            "elsewhere install the gauntlet-buildkit wheel for this platform again."
        )
    return path
