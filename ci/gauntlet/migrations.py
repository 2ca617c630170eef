"""Database migrations in a tree: alembic's, and folders of SQL files that go up and down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gauntlet.project import Migrations

if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDERS = frozenset({"migrations", "migration"})
# golang-migrate and dbmate (0001_x.up.sql, 0001_x.down.sql), flyway (V1__x.sql, U1__x.sql), and plain folders.
_DOWN = re.compile(r"(?:[._-](?:down|rollback|undo)\.sql$)|(?:^U[0-9][^/]*__)", re.IGNORECASE)


def migrations_among(paths: Iterable[str]) -> tuple[Migrations, ...]:
    """Every set of migrations, alembic first; SQL files count where a folder is called migrations."""
    found: list[Migrations] = []
    folders: dict[str, list[str]] = {}
    for path in paths:
        parts = path.split("/")
        if parts[-1] == "alembic.ini":
            found.append(Migrations("alembic", path))
        elif path.endswith(".sql"):
            depth = next((number for number, part in enumerate(parts[:-1]) if part.lower() in _FOLDERS), None)
            if depth is not None:
                folders.setdefault("/".join(parts[: depth + 1]), []).append(path)
    return (*found, *(_of_folder(folder, files) for folder, files in sorted(folders.items())))


def _of_folder(folder: str, files: list[str]) -> Migrations:
    downs = [path for path in files if _is_down(path)]
    ups = [path for path in files if path not in downs]
    return Migrations("sql", folder, tuple(sorted(ups, key=_order)), tuple(sorted(downs, key=_order, reverse=True)))


def _is_down(path: str) -> bool:
    *folders, name = path.split("/")
    return bool(_DOWN.search(name)) or bool(folders and folders[-1].lower() == "down")


def _order(path: str) -> tuple[int, str]:
    """The number in a file's name first, so that 10 comes after 9."""
    name = path.rpartition("/")[2]
    number = re.search(r"\d+", name)
    return int(number[0]) if number else 0, name
