from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dagger
import pytest

from gauntlet_engine.session import open_session

from .conftest import connected

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path, text in {"a.py": "a", "b.txt": "b", "src/c.py": "c", "src/d.log": "d", ".gitignore": "*.log\n"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "link").symlink_to("a.py")
    return root


async def test_a_directory_of_the_host_is_read(dag: dagger.Client, project: Path) -> None:
    tree = dag.host().directory(str(project))
    assert await tree.glob("**") == [".gitignore", "a.py", "b.txt", "link", "src/", "src/c.py", "src/d.log"]
    assert await tree.file("src/c.py").contents() == "c"


async def test_include_exclude_and_gitignore_choose(dag: dagger.Client, project: Path) -> None:
    host = dag.host()
    assert await host.directory(str(project), include=["**/*.py"]).glob("**") == ["a.py", "src/", "src/c.py"]
    assert await host.directory(str(project), exclude=["src", "link", ".gitignore"]).glob("**") == ["a.py", "b.txt"]
    assert "src/d.log" not in await host.directory(str(project), gitignore=True).glob("**")


async def test_owners_become_root(dag: dagger.Client, base: dagger.Container, project: Path) -> None:
    os.chown(project / "a.py", 1234, 1234)
    mounted = base.with_mounted_directory("/m", dag.host().directory(str(project)))
    assert await mounted.with_exec(["stat", "-c", "%u:%g", "/m/a.py"]).stdout() == "0:0\n"


async def test_a_path_is_read_once_a_session_unless_told_otherwise(dag: dagger.Client, project: Path) -> None:
    tree = dag.host().directory(str(project))
    assert await tree.file("a.py").contents() == "a"
    (project / "a.py").write_text("changed")
    assert await dag.host().directory(str(project)).file("a.py").contents() == "a"
    assert await dag.host().directory(str(project), no_cache=True).file("a.py").contents() == "changed"


async def test_the_next_session_reads_anew(project: Path) -> None:
    seen: list[str] = []
    for text in ("one", "two"):
        (project / "a.py").write_text(text)
        async with open_session() as engine, connected(engine) as connection:
            seen.append(await dagger.Client.from_connection(connection).host().file(str(project / "a.py")).contents())
    assert seen == ["one", "two"]


async def test_what_did_not_change_is_not_run_again_in_the_next_session(project: Path, unique: str) -> None:
    seen: list[str] = []
    for text in ("one", "two"):
        (project / "b.txt").write_text(text)
        async with open_session() as engine, connected(engine) as connection:
            dag = dagger.Client.from_connection(connection)
            source = dag.host().directory(str(project)).filter(include=["**/*.py"])
            container = dag.container().from_("gauntlet/base:trixie").with_mounted_directory("/src", source)
            seen.append(
                await container.with_exec(["sh", "-c", f"cat /proc/sys/kernel/random/uuid # {unique}"]).stdout()
            )
    assert seen[0] == seen[1]


async def test_a_file_of_the_host_is_read_but_not_a_symlink(dag: dagger.Client, project: Path) -> None:
    assert await dag.host().file(str(project / "b.txt")).contents() == "b"
    with pytest.raises(dagger.QueryError, match="symlink"):
        await dag.host().file(str(project / "link")).contents()


async def test_missing_paths_fail_where_they_are_named(dag: dagger.Client, project: Path) -> None:
    with pytest.raises(dagger.QueryError, match="no such file or directory") as caught:
        await dag.host().directory(str(project / "none")).entries()
    assert caught.value.error.path == ["host", "directory"]
    with pytest.raises(dagger.QueryError, match="no such file or directory"):
        await dag.host().file(str(project / "none")).contents()
    with pytest.raises(dagger.QueryError, match="not a directory"):
        await dag.host().directory(str(project / "a.py")).entries()


async def test_relative_paths_start_at_the_workdir(project: Path) -> None:
    async with open_session(workdir=project) as engine, connected(engine) as connection:
        dag = dagger.Client.from_connection(connection)
        assert await dag.host().directory("src").entries() == ["c.py", "d.log"]
        assert await dag.host().directory(".").directory("src").name() == "src/"
        assert await dag.host().find_up("b.txt") == "b.txt"


async def test_odd_names_and_broken_links_arrive(dag: dagger.Client, tmp_path: Path) -> None:
    names = ["a b", "c\nd", "e*f", "[g]", "\\h", "ünï"]
    for name in names:
        (tmp_path / name).write_text(name)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "outside").symlink_to("/etc/passwd")
    tree = dag.host().directory(str(tmp_path))
    assert sorted(await tree.entries()) == sorted([*names, "loop", "outside"])
    for name in names:
        assert await dag.host().file(str(tmp_path / name)).contents() == name
