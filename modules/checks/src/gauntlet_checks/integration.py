"""Integration tests against real services: `python3 -m gauntlet_checks.integration --plan PLAN --out REPORT`.

One run: wait for the servers, migrate up-down-up, remember what there is, run the tests (gauntlet_checks.testrun), look
what they left. The servers live only as long as this process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gauntlet_checks import postgres, redis, testrun
from gauntlet_checks.leftovers import MAX_LISTED, Leftover, compare, look
from gauntlet_checks.linked import link
from gauntlet_checks.migrating import Database, Fault, Migrations, round_trip
from gauntlet_checks.plan import read_plan
from gauntlet_checks.privileges import give_up_for_children

SCHEMA = 1
POLL_S = 0.1


class ServiceUnavailableError(Exception):
    """A server did not answer in time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`tests` is a testrun plan; `database` (created if need be) and `cache` are URLs of servers, None without one.

    `folders` are looked at for files that tests leave, beside the source's root.
    """

    tests: dict[str, Any]
    database: str | None = None
    cache: str | None = None
    migrations: tuple[dict[str, Any], ...] = ()
    folders: tuple[str, ...] = ("/tmp",)  # noqa: S108 - where tests leave things
    ready_s: float = 60.0


@dataclass(slots=True)
class Report:
    """The testrun report beside what only this knows. `versions` are the servers'."""

    tests: dict[str, Any] = field(default_factory=dict[str, Any])
    faults: list[Fault] = field(default_factory=list[Fault])
    leftovers: list[Leftover] = field(default_factory=list[Leftover])
    leftover_count: int = 0
    migrated: int = 0
    versions: dict[str, str] = field(default_factory=dict[str, str])
    unavailable: str = ""


def run(plan: Plan) -> tuple[Report, bool]:
    """Do it all; the report, and whether an engine may remember it."""
    report = Report()
    tests = testrun.Plan(**plan.tests)
    started = time.monotonic()
    try:
        report.versions = _versions(plan)
    except ServiceUnavailableError as error:
        report.unavailable = str(error)
        return report, False
    link(Path(tests.environment), Path(tests.root), tests.roots, tests.manifests)
    for each in plan.migrations if plan.database else ():
        env = {**tests.env, "PATH": f"{tests.environment}/bin:/usr/local/bin:/usr/bin:/bin"}
        database = Database(str(plan.database), Path(tests.root), env)
        report.faults += round_trip(database, Migrations(**each))
        report.migrated += 1
    folders = [(Path(tests.root), frozenset[Path]())]
    folders += [(Path(folder), _own(Path(folder))) for folder in plan.folders]
    before = look(plan.database, plan.cache, folders)
    left = max(tests.timeout_s - (time.monotonic() - started), 1.0)
    ran = testrun.run(replace(tests, timeout_s=left))
    report.tests = {"schema": testrun.SCHEMA, **asdict(ran)}
    found = compare(before, look(plan.database, plan.cache, folders))
    report.leftovers, report.leftover_count = found[:MAX_LISTED], len(found)
    return report, testrun.is_green(ran) and not report.faults and not found


def _versions(plan: Plan) -> dict[str, str]:
    """Wait until the servers answer; their versions."""
    found: dict[str, str] = {}
    deadline = time.monotonic() + plan.ready_s
    if plan.database:
        found["postgresql"] = _until(deadline, lambda: _postgres_version(str(plan.database)), "PostgreSQL")
    if plan.cache:
        found["redis"] = _until(deadline, lambda: _redis_version(str(plan.cache)), "Redis")
    return found


def _until(deadline: float, ask: Any, name: str) -> str:
    while True:
        try:
            return ask()
        except (OSError, postgres.PostgresError, redis.RedisError) as error:
            if time.monotonic() > deadline:
                raise ServiceUnavailableError(f"{name} does not answer: {error}") from error
            time.sleep(POLL_S)


def _postgres_version(url: str) -> str:
    address = postgres.Address.of(url)
    with postgres.Connection(replace(address, database="postgres")) as connection:
        ((version,),) = connection.query("SHOW server_version")
        with contextlib.suppress(postgres.PostgresError):  # it is there already
            connection.query(f"CREATE DATABASE {postgres.quoted(address.database)}")
    return str(version).split(" ")[0]


def _redis_version(url: str) -> str:
    with redis.Connection(url) as connection:
        info = connection.call("INFO", "server")
    text = info.decode("utf-8", "replace") if isinstance(info, bytes) else ""
    return text.partition("redis_version:")[2].split("\r\n")[0]


def _own(folder: Path) -> frozenset[Path]:
    """What is there already and may come and go: other programs' business, and ours."""
    return frozenset(folder.glob("gauntlet-*"))


def main(arguments: list[str] | None = None) -> int:
    """Write the report; 0 where everything is as it should be, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="gauntlet_checks.integration")
    parser.add_argument("--plan", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    report, green = run(Plan(**read_plan(options.plan)))
    Path(options.out).write_text(json.dumps({"schema": SCHEMA, **asdict(report)}), encoding="utf-8")
    return 0 if green else 1


if __name__ == "__main__":
    give_up_for_children()  # here, since whoever calls `main` in a process of its own keeps its powers
    sys.exit(main())
