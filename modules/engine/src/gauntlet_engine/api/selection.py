"""What git would ignore in a tree, as patterns for a copy."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.buildkit import Stat
    from gauntlet_engine.graph import Output

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "*?[]\\!"})


async def ignored_by_git(session: EngineSession, tree: Output | None, root: str) -> tuple[str, ...]:
    """Exclude patterns (BuildKit's syntax), each for one path that a .gitignore in the tree ignores.

    An ignored directory is one pattern, and is not looked into: as git has it, nothing below can be taken back.
    """
    if tree is None:
        return ()
    ignored: list[str] = []
    await _collect(session, tree, root, "", (), ignored)
    return tuple(path.translate(_SPECIAL) for path in ignored)


_Rules = tuple[tuple[str, GitIgnoreSpec], ...]


async def _collect(
    session: EngineSession, tree: Output, root: str, directory: str, rules: _Rules, ignored: list[str]
) -> None:
    children = await session.list_dir(tree, posixpath.join(root, directory))
    if any(child.path == ".gitignore" and child.kind == "file" for child in children):
        text = await session.read_file(tree, posixpath.join(root, directory, ".gitignore"))
        spec = GitIgnoreSpec.from_lines(text.decode(errors="replace").splitlines())
        rules = (*rules, (directory, spec))
    for child in children:
        path = posixpath.join(directory, child.path)
        if _is_ignored(path, child, rules):
            ignored.append(path)
        elif child.kind == "dir" and child.path != ".git":
            await _collect(session, tree, root, path, rules, ignored)


def _is_ignored(path: str, child: Stat, rules: _Rules) -> bool:
    for folder, spec in reversed(rules):  # the nearest .gitignore that has an opinion decides
        relative = path[len(folder) :].lstrip("/") + ("/" if child.kind == "dir" else "")
        verdict = spec.check_file(relative).include
        if verdict is not None:
            return verdict
    return False
