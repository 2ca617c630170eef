"""What git would ignore, asked directory by directory while a tree is walked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class IgnoreScope:
    """The .gitignore files in force in one directory, the nearest last.

    Each rule set comes with the prefix to put before a path (relative to this walk's root) or to take off it, so
    that it is relative to the file's own directory: (above, depth) where `above` is the path from the rule file's
    directory down to the walk's root, and `depth` the number of characters to cut when the file lies inside.
    """

    rules: tuple[tuple[GitIgnoreSpec, str, int], ...] = ()

    def entered(self, directory: str, text: str) -> IgnoreScope:
        """The scope inside `directory` (relative to the walk's root, "" for itself) that has a .gitignore."""
        spec = GitIgnoreSpec.from_lines(text.splitlines())
        return IgnoreScope((*self.rules, (spec, "", len(directory) + 1 if directory else 0)))

    def ignores(self, path: str, *, is_dir: bool) -> bool:
        """Whether git ignores `path`, whose parents it does not ignore."""
        suffix = "/" if is_dir else ""
        for spec, above, depth in reversed(self.rules):
            verdict = spec.check_file(above + path[depth:] + suffix).include
            if verdict is not None:
                return verdict
        return False


def scope_above(root: Path) -> IgnoreScope:
    """The rules that hold at `root` from its git work tree: info/exclude and every .gitignore above it."""
    above: list[Path] = []
    for directory in (root, *root.parents):
        above.append(directory)
        if (directory / ".git").exists():
            break
    else:
        return IgnoreScope()
    top = above[-1]
    files = [(top / ".git/info/exclude", top)]
    files += [(directory / ".gitignore", directory) for directory in reversed(above) if directory != root]
    rules: list[tuple[GitIgnoreSpec, str, int]] = []
    for file, directory in files:
        try:
            lines = file.read_text(errors="surrogateescape").splitlines()
        except OSError:
            continue
        relative = root.relative_to(directory).as_posix()
        rules.append((GitIgnoreSpec.from_lines(lines), "" if relative == "." else f"{relative}/", 0))
    return IgnoreScope(tuple(rules))
