"""Looking into trees: what is where."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.paths import join
from gauntlet_engine.api.values import Stat
from gauntlet_engine.buildkit import NotFound
from gauntlet_engine.buildkit.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.graph import Output

_EXPECTED = {"REGULAR_TYPE": "file", "DIRECTORY_TYPE": "dir", "SYMLINK_TYPE": "symlink"}


async def look(session: EngineSession, tree: Output | None, path: str, *, follow: bool) -> Stat:
    """What is at `path`; its name is the last part of the path.

    Raises:
        ApiError: nothing.
    """
    try:
        stat = await session.stat(tree, path, follow=follow)
    except NotFound:
        raise ApiError(f"stat {path}: no such file or directory") from None
    return Stat.of(posixpath.basename(path) or "/", stat)


async def exists(session: EngineSession, tree: Output | None, path: str, expected: str | None, *, follow: bool) -> bool:
    """Whether something is at `path`, of type `expected` (Dagger's ExistsType) where that is given."""
    if expected == "SYMLINK_TYPE":
        follow = False
    try:
        stat = await session.stat(tree, path, follow=follow)
    except NotFound:
        return False
    return expected is None or stat.kind == _EXPECTED[expected]


async def find_up(session: EngineSession, tree: Output | None, root: str, name: str, start: str) -> str | None:
    """The nearest `name` at or above `start`, relative to `root` and never above it."""
    current: str = posixpath.normpath("/" + start)
    while True:
        candidate = posixpath.join(current, name)
        if await exists(session, tree, join(root, candidate), None, follow=False):
            return candidate.lstrip("/")
        if current == "/":
            return None
        current = posixpath.dirname(current)


async def glob(session: EngineSession, tree: Output | None, root: str, pattern: str) -> list[str]:
    """Paths below `root` that match, in tree order; directories end in a slash. Symlinks are not followed.

    Raises:
        ApiError: a malformed pattern. NotFound: no such root.
    """
    if tree is None:
        return []
    try:
        compiled = Pattern(posixpath.normpath(pattern), negated=False)
    except (ValueError, re.error) as error:
        raise ApiError(f"failed to create glob pattern matcher: {error}") from None
    prefix = compiled.fixed_prefix

    def enters(directory: str) -> bool:
        return prefix is None or f"{prefix}/".startswith(f"{directory}/") or f"{directory}/".startswith(f"{prefix}/")

    return await _matches_below(session, tree, root, "", compiled.matches, enters)


async def _matches_below(
    session: EngineSession,
    tree: Output,
    root: str,
    directory: str,
    matches: Callable[[str], bool],
    enters: Callable[[str], bool],
) -> list[str]:
    children = await session.list_dir(tree, posixpath.join(root, directory))
    below: dict[str, list[str]] = {}

    async def descend(path: str) -> None:
        below[path] = await _matches_below(session, tree, root, path, matches, enters)

    paths = [posixpath.join(directory, child.path) for child in children]
    folders = [path for path, child in zip(paths, children, strict=True) if child.kind == "dir" and enters(path)]
    if len(folders) == 1:
        await descend(folders[0])
    elif folders:
        async with anyio.create_task_group() as group:
            for path in folders:
                group.start_soon(descend, path)
    found: list[str] = []
    for path, child in zip(paths, children, strict=True):
        if matches(path):
            found.append(f"{path}/" if child.kind == "dir" else path)
        found.extend(below.get(path, ()))
    return found
