"""Why an installation failed, from the installer's own words: the network's fault, the lock's, or this machine's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Whose doing it is."""

    NETWORK = "network"  # a retry may help
    CREDENTIALS = "credentials"  # the registry refuses us
    PYTHON = "python"  # the container's Python is another one than the project wants
    COMPILER = "compiler"  # a package has to be compiled and there is nothing to do it with
    HASH = "hash"  # a download is not what the lock says
    LOCK = "lock"  # the lock file can't be read, or lacks what the manifest asks for
    MANIFEST = "manifest"  # the manifest can't be read
    RESOLUTION = "resolution"  # no set of versions satisfies the manifest
    BUILD = "build"  # a package's own build fails
    UNKNOWN = "unknown"


# The first that matches decides; specific ones first.
_SIGNS: tuple[tuple[Cause, tuple[str, ...]], ...] = (
    (Cause.HASH, (r"Hash mismatch for",)),
    (Cause.CREDENTIALS, (r"401 Unauthorized", r"403 Forbidden", r"407 Proxy")),
    (
        Cause.NETWORK,
        (
            r"error sending request",
            r"dns error",
            r"operation timed out",
            r"tcp connect error",
            r"connection (?:reset|closed|refused)",
            r"HTTP status server error",
            r"error decoding response body",
            r"invalid peer certificate",
            r"unexpected end of file",
            # pip's and apt's
            r"Temporary failure (?:in name resolution|resolving)",
            r"Name or service not known",
            r"Failed to establish a new connection",
            r"Could not (?:resolve|connect to)",
            r"Network is unreachable",
            r"Read timed out",
            r"CERTIFICATE_VERIFY_FAILED",
        ),
    ),
    (
        Cause.PYTHON,
        (
            r"incompatible with the project's Python requirement",
            r"No interpreter found",
            r"does not satisfy Python",
            r"current Python version \(.*\) does not satisfy",
            r"requires a different Python",
        ),
    ),
    (
        Cause.COMPILER,
        (
            r"No such file or directory: '?(?:\S*gcc|\S*cc|\S*clang|\S*g\+\+|cargo|rustc|cmake|ninja|make|meson)\b",
            r"command '?\S*(?:gcc|cc|clang|g\+\+)\S*'? failed",
            r"linker `cc` not found",
            r"Unable to find a compiler",
            r"Unknown compiler",
            r"Rust toolchain",
            r"pg_config executable not found",
            r"fatal error: \S+\.h: No such file",
        ),
    ),
    (
        Cause.LOCK,
        (
            r"Failed to parse `?\S*(?:uv\.lock|pylock\S*\.toml)",
            r"[Uu]nable to find lockfile",
            r"lockfile .* needs to be updated",
        ),
    ),
    (Cause.MANIFEST, (r"Failed to parse:? `?\S*(?:pyproject\.toml|requirements\S*)", r"Couldn't parse requirement")),
    (Cause.RESOLUTION, (r"No solution found", r"was not found in the package registry", r"404 Not Found")),
    (Cause.BUILD, (r"Failed to build", r"build backend returned an error", r"Call to `\S+` failed")),
)
_PACKAGE = re.compile(r"(?:Hash mismatch for|Failed to (?:build|download(?: and build)?)) `([^`]+)`")


@dataclass(frozen=True, slots=True)
class InstallFailure:
    """One failed installation: its cause, uv's error in one paragraph, and the package where one is named."""

    cause: Cause
    message: str
    package: str | None = None


def explain(output: str) -> InstallFailure:
    """Read uv's output (stdout and stderr together)."""
    cause = next((cause for cause, signs in _SIGNS if any(re.search(sign, output) for sign in signs)), Cause.UNKNOWN)
    package = _PACKAGE.search(output)
    return InstallFailure(cause, _message(output), package[1] if package else None)


def unreachable(output: str) -> str | None:
    """What kept an installer (uv, pip, apt) from its registry, in its own words; None where that is not the cause."""
    failure = explain(output)
    if failure.cause is not Cause.NETWORK:
        return None
    found = (re.search(sign, output) for sign in dict(_SIGNS)[Cause.NETWORK])
    return next(match[0] for match in found if match is not None)


def _message(output: str, lines: int = 8) -> str:
    """From uv's `error:` line on, without empty lines, blanks squeezed; the last lines where there is none."""
    kept = [re.sub(r"\s+", " ", line).strip() for line in output.splitlines()]
    kept = [line for line in kept if line and not line.startswith(("Using CPython", "Creating virtual", "hint:"))]
    start = next((number for number, line in enumerate(kept) if line.startswith("error:")), max(len(kept) - lines, 0))
    return "; ".join(kept[start : start + lines])[:800]
