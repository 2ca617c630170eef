"""What tests leave behind: rows and objects in PostgreSQL, keys in Redis, files in the tree and in /tmp."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gauntlet_checks import postgres, redis
from gauntlet_checks.catalog import CLUSTER, OBJECTS, TABLES

Kind = Literal["rows", "schema", "database", "keys", "files"]
# What Python and its tools write beside sources whether a test asks for it or not.
IGNORED = frozenset(["__pycache__", ".pytest_cache", ".hypothesis", ".coverage", ".ruff_cache", ".mypy_cache"])
MAX_HASHED = 4 << 20
MAX_LISTED = 50


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that was not there before: its kind, its name, and what changed, in a few words."""

    kind: Kind
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is at one moment.

    `objects` are the schema's, `tables` map each table to (rows, digest of them), `cluster` databases and roles, `keys`
    Redis's by database and name with their types, `files` paths to a digest of size, mode and content.
    """

    objects: frozenset[tuple[str, str, str]] = frozenset()
    tables: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    cluster: frozenset[tuple[str, str]] = frozenset()
    keys: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, str] = field(default_factory=dict[str, str])


def look(database: str | None, cache: str | None, folders: list[tuple[Path, frozenset[Path]]]) -> Snapshot:
    """Take a snapshot of a database (URL), a Redis server (URL) and folders, each with paths below it to leave out.

    Raises:
        OSError, PostgresError, RedisError: a server does not answer.
    """
    objects: frozenset[tuple[str, str, str]] = frozenset()
    tables: dict[str, tuple[int, str]] = {}
    cluster: frozenset[tuple[str, str]] = frozenset()
    if database:
        with postgres.Connection(postgres.Address.of(database)) as connection:
            objects = schema_of(connection)
            tables = _rows(connection)
            cluster = frozenset((str(kind), str(name)) for kind, name in connection.query(CLUSTER))
    files: dict[str, str] = {}
    for folder, excluded in folders:
        files |= _files(folder, excluded)
    return Snapshot(objects, tables, cluster, _keys(cache) if cache else {}, files)


def schema_of(connection: postgres.Connection) -> frozenset[tuple[str, str, str]]:
    """Every object of the database's own schemas as (kind, name, definition)."""
    return frozenset((str(kind), str(name), str(text)) for kind, name, text in connection.query(OBJECTS))


def compare(before: Snapshot, after: Snapshot) -> list[Leftover]:
    """What `after` has that `before` had not, or has otherwise."""
    found = [
        Leftover("database", f"{kind} {name}", "was created") for kind, name in sorted(after.cluster - before.cluster)
    ]
    found += _new_objects(before, after)
    for table, (rows, digest) in sorted(after.tables.items()):
        if table not in before.tables:
            continue  # told as a new object, rows and all
        had, known = before.tables[table]
        if rows != had:
            found.append(Leftover("rows", table, f"{rows} rows, {had} before"))
        elif rows and digest != known:
            found.append(Leftover("rows", table, f"its {rows} rows are others than before"))
    found += [Leftover("keys", key, f"a {kind}") for key, kind in sorted(after.keys.items()) if key not in before.keys]
    for path, digest in sorted(after.files.items()):
        if path not in before.files:
            found.append(Leftover("files", path, "was written"))
        elif before.files[path] != digest:
            found.append(Leftover("files", path, "was changed"))
    found += [Leftover("files", path, "was deleted") for path in sorted(before.files.keys() - after.files.keys())]
    return found


def _new_objects(before: Snapshot, after: Snapshot) -> list[Leftover]:
    """New schema objects; those that a new table or schema brings along are not told one by one."""
    new = after.objects - before.objects
    schemas = {name for kind, name, _ in new if kind == "schema"}
    tables = {name for kind, name, _ in new if kind == "table"}
    shown: list[Leftover] = []
    for kind, name, _ in sorted(new):
        inside = kind != "schema" and name.partition(".")[0] in schemas
        part = kind in {"column", "constraint", "index", "sequence", "trigger"} and any(
            name.startswith((f"{table}.", f"{table}_")) for table in tables
        )
        if not inside and not part:
            shown.append(Leftover("schema", f"{kind} {name}", "is new"))
    gone = {(kind, name) for kind, name, _ in before.objects} - {(kind, name) for kind, name, _ in after.objects}
    return shown + [Leftover("schema", f"{kind} {name}", "is gone") for kind, name in sorted(gone)]


def _rows(connection: postgres.Connection) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for schema, table in connection.query(TABLES):
        place = f"{postgres.quoted(str(schema))}.{postgres.quoted(str(table))}"
        # Ordered, so that the digest is the same whatever the rows' places on disk are.
        sql = f"SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM {place} t"  # noqa: S608 - quoted
        ((count, digest),) = connection.query(sql)
        found[f"{schema}.{table}"] = int(count or 0), str(digest)
    return found


def _keys(cache: str) -> dict[str, str]:
    found: dict[str, str] = {}
    with redis.Connection(cache) as connection:
        for database in connection.databases():
            prefix = f"{database}:" if database else ""
            found |= {f"{prefix}{key}": kind for key, kind in connection.keys(database).items()}
    return found


def _files(folder: Path, excluded: frozenset[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, directories, names in os.walk(folder):
        directories[:] = [name for name in directories if name not in IGNORED and Path(place, name) not in excluded]
        for name in names:
            path = Path(place, name)
            if name not in IGNORED and not name.endswith(".pyc") and path not in excluded:
                # A name is bytes; whoever reads the report takes text.
                found[os.fsencode(path).decode("utf-8", "backslashreplace")] = _digest(path)
    return found


def _digest(path: Path) -> str:
    """Size, mode and content; of a large file its time instead of its content."""
    try:
        facts = path.lstat()
        head = f"{facts.st_mode:o}:{facts.st_size}"
        if stat.S_ISLNK(facts.st_mode):
            return f"{head}:{path.readlink()}"
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_HASHED:
            return f"{head}:{facts.st_mtime_ns}"
        return f"{head}:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError:  # it went away while we looked
        return ""
