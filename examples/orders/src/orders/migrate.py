"""`python -m orders.migrate up|down`: bring the database's schema up to date, or take it away.

A migration is a pair of files `<number>_<name>.up.sql` and `.down.sql`. `up` runs those that
are missing; `down` undoes all of them, newest first, or those behind `--to`.
"""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

# Two deployments at once: the second one waits, then finds nothing left to do.
LOCK = "SELECT pg_advisory_xact_lock(715517)"
LEDGER = "CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY)"
APPLIED = "SELECT version FROM schema_migrations"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, and the way back."""

    version: str
    up: str
    down: str


def migrations() -> list[Migration]:
    """All migrations, oldest first.

    Raises:
        FileNotFoundError: one has no way back.
    """
    folder = files("orders") / "migrations"
    versions = sorted(
        file.name.removesuffix(".up.sql")
        for file in folder.iterdir()
        if file.name.endswith(".up.sql")
    )
    return [
        Migration(
            version,
            (folder / f"{version}.up.sql").read_text("utf-8"),
            (folder / f"{version}.down.sql").read_text("utf-8"),
        )
        for version in versions
    ]


async def up(connection: "Connection") -> list[str]:
    """Run all migrations that are missing; their versions."""
    async with connection.transaction():
        await connection.execute(LOCK)
        await connection.execute(LEDGER)
        applied = {row["version"] for row in await connection.fetch(APPLIED)}
        missing = [step for step in migrations() if step.version not in applied]
        for step in missing:
            await connection.execute(step.up)
            await connection.execute("INSERT INTO schema_migrations VALUES ($1)", step.version)
    return [step.version for step in missing]


async def down(connection: "Connection", to: str = "") -> list[str]:
    """Undo all migrations newer than the version `to`; their versions."""
    async with connection.transaction():
        await connection.execute(LOCK)
        await connection.execute(LEDGER)
        applied = {row["version"] for row in await connection.fetch(APPLIED)}
        undone = [step for step in reversed(migrations()) if to < step.version in applied]
        for step in undone:
            await connection.execute(step.down)
            await connection.execute(
                "DELETE FROM schema_migrations WHERE version = $1", step.version
            )
        if len(undone) == len(applied):
            await connection.execute("DROP TABLE schema_migrations")
    return [step.version for step in undone]


async def main(arguments: list[str]) -> None:
    """Run the command on the database that DATABASE_URL names."""
    parser = argparse.ArgumentParser(prog="python -m orders.migrate")
    parser.add_argument("direction", choices=["up", "down"])
    parser.add_argument("--to", default="", help="with down: the version to go back to")
    chosen = parser.parse_args(arguments)
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        if chosen.direction == "up":
            versions = await up(connection)
        else:
            versions = await down(connection, chosen.to)
    finally:
        await connection.close()
    sys.stdout.writelines(f"{chosen.direction} {version}\n" for version in versions)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
