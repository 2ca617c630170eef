from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_checks import postgres, redis
from gauntlet_checks.integration import Plan, run
from gauntlet_checks.leftovers import compare, look
from gauntlet_checks.migrating import Database, Migrations, round_trip

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
REDIS = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(
    BIN is None or REDIS is None, reason="needs Debian's postgresql and redis-server on this machine"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def await_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while not answers(port):
        assert time.monotonic() < deadline, f"nobody listens on {port}"
        time.sleep(0.05)


def await_postgres(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            postgres.Connection(postgres.Address.of(url)).close()
        except postgres.PostgresError:  # it listens before it lets anybody in
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A real PostgreSQL that trusts its loopback; the URL without a database."""
    assert BIN is not None
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    # A server is no root, and tmp_path is root's.
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    shutil.chown(folder, user)
    # Not subprocess's `user`: that forks, and a fork of a process that has gRPC's threads may die before its exec.
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if os.getuid() == 0 else []
    initdb = [*become, str(BIN / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/")
    port = free_port()
    command = [*become, str(BIN / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-c", "fsync=off"]
    command += ["-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"]
    process = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL)
    try:
        await_port(port)
        url = f"postgresql://postgres@127.0.0.1:{port}"
        await_postgres(f"{url}/postgres")
        yield url
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@pytest.fixture
def database(server: str, request: pytest.FixtureRequest) -> str:
    """A database of this test alone."""
    name = f"t{abs(hash(request.node.nodeid))}"
    url = f"{server}/{name}"
    with postgres.Connection(replace(postgres.Address.of(url), database="postgres")) as connection:
        connection.query(f"DROP DATABASE IF EXISTS {name}")
        connection.query(f"CREATE DATABASE {name}")
    return url


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis."""
    port = free_port()
    command = [str(REDIS), "--port", str(port), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path_factory.mktemp("redis"))
    try:
        await_port(port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    folder = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def sql(url: str, *statements: str) -> None:
    with postgres.Connection(postgres.Address.of(url)) as connection:
        for statement in statements:
            connection.query(statement)


def test_a_query_returns_rows_as_text_and_errors_with_their_code(database: str) -> None:
    with postgres.Connection(postgres.Address.of(database)) as connection:
        assert connection.query("SELECT 1, NULL, 'ü'; SELECT 2, '', 'x'") == [("1", None, "ü"), ("2", "", "x")]
        with pytest.raises(postgres.PostgresError, match="does not exist") as caught:
            connection.query("SELECT * FROM nowhere")
        assert caught.value.code == "42P01"
        assert connection.query("SELECT 3") == [("3",)]


def test_a_database_that_is_not_there_is_an_error(server: str) -> None:
    with pytest.raises(postgres.PostgresError, match="does not exist"):
        postgres.Connection(postgres.Address.of(f"{server}/nowhere"))


@pytest.mark.parametrize(
    ("statement", "kind", "name"),
    [
        ("INSERT INTO t VALUES (2)", "rows", "public.t"),
        ("UPDATE t SET a = 7", "rows", "public.t"),
        ("DELETE FROM t", "rows", "public.t"),
        ("CREATE TABLE u (id serial PRIMARY KEY, b text UNIQUE)", "schema", "table public.u"),
        ("CREATE SCHEMA s; CREATE TABLE s.x (a int)", "schema", "schema s"),
        ("CREATE TYPE colour AS ENUM ('red')", "schema", "type public.colour"),
        ("CREATE VIEW v AS SELECT 1", "schema", "view public.v"),
        ("CREATE INDEX i ON t (a)", "schema", "index public.i"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "schema", "function public.f"),
        ("ALTER TABLE t ADD COLUMN b int", "schema", "column public.t.b"),
        ("DROP TABLE t", "schema", "table public.t"),
    ],
)
def test_what_tests_leave_in_a_database_is_found(database: str, statement: str, kind: str, name: str) -> None:
    sql(database, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    before = look(database, None, [])
    assert compare(before, look(database, None, [])) == []
    sql(database, statement)
    found = compare(before, look(database, None, []))
    assert (kind, name) in [(leftover.kind, leftover.name) for leftover in found]


def test_a_new_table_is_told_once_not_once_a_column(database: str) -> None:
    before = look(database, None, [])
    sql(database, "CREATE TABLE u (id serial PRIMARY KEY, b text UNIQUE)")
    assert [leftover.name for leftover in compare(before, look(database, None, []))] == ["table public.u"]


def test_rows_that_come_and_go_leave_nothing(database: str) -> None:
    sql(database, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1), (2)")
    before = look(database, None, [])
    sql(database, "INSERT INTO t VALUES (3)", "DELETE FROM t WHERE a = 3", "UPDATE t SET a = a")
    assert compare(before, look(database, None, [])) == []


def test_keys_are_found_in_every_database_of_a_redis(cache: str) -> None:
    with redis.Connection(cache) as connection:
        connection.call("FLUSHALL")
        connection.call("SET", "known", "1")
        before = look(None, cache, [])
        for number in range(1200):
            connection.call("SET", f"k{number}", "1")
        connection.call("SELECT", "3")
        connection.call("XADD", "events", "*", "a", "b")
    found = compare(before, look(None, cache, []))
    assert len(found) == 1201
    assert ("3:events", "a stream") in [(leftover.name, leftover.what) for leftover in found]


def test_files_that_are_written_changed_or_deleted_are_found(tmp_path: Path) -> None:
    for name in ("kept", "changed", "deleted"):
        (tmp_path / name).write_text("x")
    folders: list[tuple[Path, frozenset[Path]]] = [(tmp_path, frozenset())]
    before = look(None, None, folders)
    (tmp_path / "changed").write_text("y")
    (tmp_path / "deleted").unlink()
    (tmp_path / "new").symlink_to("nowhere")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("")
    found = compare(before, look(None, None, folders))
    assert [(Path(leftover.name).name, leftover.what) for leftover in found] == [
        ("changed", "was changed"), ("new", "was written"), ("deleted", "was deleted"),
    ]  # fmt: skip


def test_a_file_whose_name_is_no_text_is_told_readably(tmp_path: Path) -> None:
    before = look(None, None, [(tmp_path, frozenset())])
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\nb")).write_text("x")
    (found,) = compare(before, look(None, None, [(tmp_path, frozenset())]))
    assert found.name.endswith("a\\xff\nb")
    found.name.encode()


UP = {"m/1.up.sql": "CREATE TABLE a (id int PRIMARY KEY);", "m/2.up.sql": "CREATE TYPE c AS ENUM ('x');"}
DOWN = {"m/2.down.sql": "DROP TYPE c;", "m/1.down.sql": "DROP TABLE a;"}


def migrate(database: str, root: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    for path, text in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    asked = Migrations("m", ups=tuple(UP), downs=tuple(path for path in DOWN if path in files))
    return [(fault.rule, fault.path) for fault in round_trip(Database(database, root, {}), asked)]


def test_migrations_that_lead_back_are_clean(database: str, tmp_path: Path) -> None:
    assert migrate(database, tmp_path, UP | DOWN) == []


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"m/2.up.sql": "CREATE TABEL b (x int);"}, [("up", "m/2.up.sql")]),
        ({"m/1.down.sql": "DROP TABLE nowhere;"}, [("down", "m/1.down.sql")]),
        ({"m/1.down.sql": "SELECT 1;", "m/1.up.sql": "CREATE TABLE IF NOT EXISTS a (id int);"}, [("down-leaves", "m")]),
        ({"m/2.down.sql": "SELECT 1;"}, [("down-leaves", "m"), ("up-again", "m/2.up.sql")]),
        ({"m/1.up.sql": "SELECT 1;", "m/2.up.sql": "SELECT 1;"}, [("nothing", "m")]),
    ],
)
def test_each_way_in_which_migrations_break_is_seen(
    database: str, tmp_path: Path, changed: dict[str, str], faults: list[tuple[str, str]]
) -> None:
    assert migrate(database, tmp_path, UP | DOWN | changed) == faults


def test_a_migration_command_that_fails_says_its_last_words(database: str, tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import sys; print('boom'); sys.exit(3)")
    (fault,) = round_trip(Database(database, tmp_path, {}), Migrations("alembic.ini", up=command))
    assert fault.rule == "up"
    assert "exit code 3: boom" in fault.message


TEST = """\
import os, pathlib, socket

def test_a():
    assert os.environ["DATABASE_URL"]
    pathlib.Path("left.txt").write_text("x") if os.environ.get("MESS") else None
"""


def test_one_run_migrates_tests_and_looks_what_is_left(database: str, cache: str, bare: Path, tmp_path: Path) -> None:
    root = tmp_path / "src"
    (root / "tests").mkdir(parents=True)
    (root / "tests" / "test_a.py").write_text(TEST)
    (root / "m").mkdir()
    for path, text in (UP | DOWN).items():
        (root / path).write_text(text)
    env = {"DATABASE_URL": database}
    tests: dict[str, Any] = {"root": str(root), "environment": str(bare), "pack": sys.prefix, "env": env}
    migrations = ({"path": "m", "ups": tuple(UP), "downs": tuple(DOWN)},)
    plan = Plan(tests, database, cache, migrations, folders=())
    report, green = run(plan)
    assert (report.faults, report.leftovers, report.tests["counts"]["passed"], green) == ([], [], 1, True)
    assert report.versions["postgresql"].startswith("15") or int(report.versions["postgresql"].split(".")[0]) > 15
    assert report.versions["redis"]
    env["MESS"] = "1"
    sql(database, "DROP TABLE a; DROP TYPE c")
    report, green = run(plan)
    assert ([Path(leftover.name).name for leftover in report.leftovers], green) == (["left.txt"], False)


def test_a_server_that_never_answers_is_said_so(bare: Path, tmp_path: Path) -> None:
    tests: dict[str, Any] = {"root": str(tmp_path), "environment": str(bare), "pack": sys.prefix}
    report, green = run(Plan(tests, f"postgresql://postgres@127.0.0.1:{free_port()}/x", None, ready_s=0.3))
    assert "PostgreSQL does not answer" in report.unavailable
    assert not green
