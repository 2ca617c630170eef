"""The licence texts of everything that is compiled into the daemon: their terms ask for them beside the binary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MODULE_LISTING = "{{with .Module}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}"
"""What `go list -deps -f` is to print for `notices`: one line a package, `name version<TAB>directory`."""

_TEXT = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|PATENTS)([.-].*)?", re.IGNORECASE)


def licence_files(module: Path) -> list[Path]:
    """The licence and notice files at the top of a module."""
    return sorted(path for path in module.iterdir() if _TEXT.fullmatch(path.name) and path.is_file())


def notices(modules: Iterable[tuple[str, Path]]) -> str:
    """One document with the licence texts of all modules, each text once.

    Args:
        modules: Name with version and directory; repeated and unsorted as `go list` gives them.
    """
    users: dict[str, list[str]] = {}
    for name, directory in sorted(set(modules)):
        for path in licence_files(directory):
            users.setdefault(path.read_text(errors="replace").strip(), []).append(f"{name} ({path.name})")
    rule = "=" * 100
    return "".join("\n".join([rule, *names, rule, "", text, "\n"]) for text, names in users.items())
