"""Where a module is and what dagger.json says of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_NAME = "dagger.json"


class ModuleSourceError(Exception):
    """There is no usable module; the message says where it was looked for and what to do."""


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """A local module.

    `root` is the folder of dagger.json, `source` the folder of its Python project relative to `root`, `context` the
    nearest enclosing git work tree (or `root`): what default paths beginning with "/" are relative to, as in Dagger.
    `include` are dagger.json's patterns ("!" excludes).
    """

    name: str
    root: Path
    source: str
    context: Path
    include: tuple[str, ...] = ()

    @property
    def project(self) -> Path:
        """The folder of the module's pyproject.toml."""
        return (self.root / self.source).resolve()


def find_module(start: Path) -> ModuleSource:
    """Find dagger.json in `start` or the nearest folder above it and read it.

    Raises:
        ModuleSourceError: none is there, it is not valid, or its SDK is not Python.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / CONFIG_NAME).is_file():
            return parse_module((folder / CONFIG_NAME).read_text(encoding="utf-8"), folder)
    raise ModuleSourceError(
        f"no {CONFIG_NAME} in {start} or any folder above it; go to a module's folder or name one with -m PATH"
    )


def parse_module(text: str, root: Path) -> ModuleSource:
    """The module that a dagger.json's text describes.

    Raises:
        ModuleSourceError: the text is not JSON, has no name, or names an SDK other than Python's.
    """
    where = root / CONFIG_NAME
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModuleSourceError(f"{where}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    if not isinstance(document, dict):
        raise ModuleSourceError(f"{where}: a JSON object is expected")
    config = cast("dict[str, object]", document)
    name = config.get("name")
    if not isinstance(name, str) or not name:
        raise ModuleSourceError(f'{where}: "name" is missing; write for example "name": "ci"')
    sdk = config.get("sdk")
    source_name = cast("dict[str, object]", sdk).get("source") if isinstance(sdk, dict) else sdk
    if source_name != "python":
        raise ModuleSourceError(
            f"{where}: the SDK is {source_name!r}; the embedded engine runs Python modules, a Dagger engine runs all"
        )
    include = config.get("include")
    patterns = tuple(str(pattern) for pattern in cast("list[object]", include)) if isinstance(include, list) else ()
    folder = config.get("source")
    return ModuleSource(
        name=name,
        root=root,
        source=folder if isinstance(folder, str) and folder else ".",
        context=_work_tree(root),
        include=patterns,
    )


def _work_tree(root: Path) -> Path:
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
