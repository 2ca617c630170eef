"""Migrations up, down and up again: down must lead back to what was there, and the second up to what the first made."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gauntlet_checks import postgres
from gauntlet_checks.leftovers import schema_of

if TYPE_CHECKING:
    from pathlib import Path

MAX_OUTPUT = 4000
Objects = frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Migrations:
    """How to migrate: commands (argv), or SQL files in the order of application; empty downs: there is no way back.

    `path` is where people look for them: a folder or a settings file.
    """

    path: str
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    ups: tuple[str, ...] = ()
    downs: tuple[str, ...] = ()

    @property
    def reversible(self) -> bool:
        """Whether there is a way back."""
        return bool(self.down or self.downs)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with migrations: `rule` names the step, `path` the file where it is known."""

    rule: Literal["up", "down", "down-leaves", "up-again", "up-differs", "nothing"]
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Database:
    """Where to migrate and with what: the database's URL, the commands' environment, the source's root."""

    url: str
    root: Path
    env: dict[str, str]
    timeout_s: float = 120.0


def round_trip(database: Database, migrations: Migrations) -> list[Fault]:
    """Migrate up, down, up. The database ends migrated, wherever that is possible."""
    before = _objects(database)
    if fault := _apply(database, migrations, "up"):
        return [fault]
    made = _objects(database)
    if made == before:
        return [Fault("nothing", migrations.path, "migrating up makes nothing in the database")]
    if not migrations.reversible:
        return []
    if fault := _apply(database, migrations, "down"):
        return [fault]
    faults: list[Fault] = []
    left = _objects(database) - before
    if left:
        message = f"down leaves {_named(left)} behind"
        faults.append(Fault("down-leaves", migrations.path, message))
    if fault := _apply(database, migrations, "up"):
        return [*faults, Fault("up-again", fault.path, f"after a down, {fault.message}")]
    again = _objects(database)
    if again != made:
        message = f"the second up makes another schema than the first: {_named(made ^ again)}"
        faults.append(Fault("up-differs", migrations.path, message))
    return faults


def _apply(database: Database, migrations: Migrations, direction: Literal["up", "down"]) -> Fault | None:
    command = migrations.up if direction == "up" else migrations.down
    if command:
        return _run(database, migrations, command, direction)
    files = migrations.ups if direction == "up" else migrations.downs
    with postgres.Connection(postgres.Address.of(database.url)) as connection:
        for file in files:
            try:
                connection.query((database.root / file).read_text(encoding="utf-8"))
            except (postgres.PostgresError, OSError, UnicodeDecodeError) as error:
                return Fault(direction, file, f"migrating {direction} fails: {error}")
    return None


def _run(
    database: Database, migrations: Migrations, command: tuple[str, ...], direction: Literal["up", "down"]
) -> Fault | None:
    shown = " ".join(command)
    try:
        done = subprocess.run(
            command, cwd=database.root, env={**os.environ, **database.env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=database.timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Fault(direction, migrations.path, f"`{shown}` was still running after {database.timeout_s:g} s")
    except OSError as error:
        return Fault(direction, migrations.path, f"`{shown}` cannot be started: {error}")
    if done.returncode == 0:
        return None
    said = done.stdout.decode("utf-8", "replace").strip()[-MAX_OUTPUT:]
    last = said.rpartition("\n")[2]
    return Fault(direction, migrations.path, f"`{shown}` ends with exit code {done.returncode}: {last}")


def _objects(database: Database) -> Objects:
    with postgres.Connection(postgres.Address.of(database.url)) as connection:
        return schema_of(connection)


def _named(objects: Objects, most: int = 5) -> str:
    names = sorted({f"{kind} {name}" for kind, name, _ in objects})
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
