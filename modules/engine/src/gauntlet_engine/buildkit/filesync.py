"""Directories of the host, sent to the daemon as BuildKit's file sync asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalDir:
    """A host directory that the daemon may read under one name.

    Args:
        path: absolute; its symlinks are resolved once, at the first read.
        include: BuildKit patterns (dockerignore syntax); empty means everything.
        exclude: the same; wins over include; `!pattern` takes back.
        gitignore: also leave out what .gitignore files (in it, and above it up to the work tree's root) ignore.

    Patterns in the op's own attributes (local.includepattern, local.excludepatterns, local.followpaths) apply as well.
    """

    path: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gitignore: bool = False
