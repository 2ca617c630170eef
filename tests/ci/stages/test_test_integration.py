"""test:integration: real servers in the stage's own pod, migrations both ways, and whatever tests leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gauntlet.classify import classify
from gauntlet.project import Migrations, Project
from gauntlet.services import addresses
from gauntlet.stages.test_integration import (
    IntegrationOptions,
    has_integration_tests,
    integration_plan,
    migrate_module,
    migrations_of,
)
from gauntlet_verdict import Status

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

SQL = Migrations("sql", "src/shop/migrations", ("src/shop/migrations/1.up.sql",), ("src/shop/migrations/1.down.sql",))


def test_the_projects_own_migration_command_is_preferred_to_running_its_files() -> None:
    own = Project(migrations=(SQL,), module_files={"shop.migrate": "src/shop/migrate.py"})
    assert migrate_module(own, SQL.path) == "shop.migrate"
    assert migrations_of(own, IntegrationOptions())[0]["up"] == ["python", "-m", "shop.migrate", "up"]
    assert migrations_of(Project(migrations=(SQL,)), IntegrationOptions())[0]["ups"] == list(SQL.ups)


def test_alembic_migrates_with_its_own_command() -> None:
    (found,) = migrations_of(Project(migrations=(Migrations("alembic", "alembic.ini"),)), IntegrationOptions())
    assert found["up"][-2:] == ["upgrade", "head"]
    assert found["down"][-2:] == ["downgrade", "base"]


def test_a_configured_command_wins() -> None:
    options = IntegrationOptions(migrate_up=("make", "up"))
    assert migrations_of(Project(migrations=(SQL,)), options) == [
        {"path": "gauntlet.yaml", "up": ["make", "up"], "down": []}
    ]


def test_the_services_addresses_can_stand_in_other_variables() -> None:
    options = IntegrationOptions(env={"SHOP_DB": "{DATABASE_URL}?x=1"})
    plan = integration_plan(Project(), options, ("postgres",), 100)
    assert plan["tests"]["env"]["SHOP_DB"] == addresses(("postgres",))["DATABASE_URL"] + "?x=1"
    assert (plan["cache"], plan["migrations"]) == (None, [])


def test_without_integration_tests_it_is_skipped() -> None:
    assert has_integration_tests(Project()) is not None
    files = {"tests/integration/test_a.py": ""}
    assert has_integration_tests(classify(tuple(files), files)) is None


PYPROJECT = (
    '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["pg8000>=1.31", "redis>=5"]\n'
)
TEST = """\
import os
import pathlib
import urllib.parse

import pg8000.native
import redis


def test_both_servers_are_real():
    url = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    connection = pg8000.native.Connection("postgres", host=url.hostname, port=url.port, database=url.path[1:])
    assert connection.run("SHOW server_version")[0][0].startswith("15")
    connection.run("INSERT INTO orders VALUES (1)")
    if not os.environ.get("TIDY"):
        pathlib.Path("left.txt").write_text("x")
    else:
        connection.run("DELETE FROM orders")
    connection.close()
    cache = redis.Redis.from_url(os.environ["REDIS_URL"])
    assert cache.info("server")["redis_version"].startswith("7")
    cache.set("key", "1", px=None if not os.environ.get("TIDY") else 1)
    if os.environ.get("TIDY"):
        cache.delete("key")
"""
SHOP = {
    "pyproject.toml": PYPROJECT,
    "src/shop/__init__.py": "",
    "src/shop/migrations/0001_orders.up.sql": "CREATE TABLE orders (id int PRIMARY KEY);\n",
    "src/shop/migrations/0001_orders.down.sql": "DROP TABLE orders;\n",
    "tests/integration/test_servers.py": TEST,
}
TIDY = "stages: {'test:integration': {env: {TIDY: '1'}}}"


@pytest.mark.engine
@pytest.mark.slow
def test_leftovers_are_red_and_the_tidy_twin_green(examine: Examine) -> None:
    red = examine("test:integration", SHOP)
    assert red.status is Status.FAIL, red.reason
    assert {found.rule for found in red.findings} == {"leftover:rows", "leftover:keys", "leftover:files"}
    green = examine("test:integration", SHOP, config=TIDY)
    assert (green.status, green.looked_at) == (Status.PASS, {"tests": 1, "migrations": 1}), green.reason
    assert green.tools["postgresql"].startswith("15.")
    assert green.tools["redis"].startswith("7.")


@pytest.mark.engine
@pytest.mark.slow
def test_a_migration_without_a_way_back_is_red(examine: Examine) -> None:
    broken = SHOP | {"src/shop/migrations/0001_orders.down.sql": "SELECT 1;\n"}
    verdict = examine("test:integration", broken, config=TIDY)
    assert verdict.status is Status.FAIL
    assert {found.rule for found in verdict.findings} == {"migration:down-leaves", "migration:up-again"}
