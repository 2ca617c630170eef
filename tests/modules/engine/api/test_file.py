from __future__ import annotations

from typing import TYPE_CHECKING

import dagger
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


@pytest.fixture
def poem(dag: dagger.Client) -> dagger.File:
    return dag.directory().with_new_file("a/poem.txt", "one\ntwo\nthree\n").file("a/poem.txt")


async def test_contents_size_and_name(poem: dagger.File) -> None:
    assert await poem.contents() == "one\ntwo\nthree\n"
    assert await poem.size() == 14
    assert await poem.name() == "poem.txt"


async def test_contents_can_be_asked_by_lines(poem: dagger.File) -> None:
    assert await poem.contents(offset_lines=1) == "two\nthree\n"
    assert await poem.contents(limit_lines=1) == "one\n"
    assert await poem.contents(offset_lines=1, limit_lines=1) == "two\n"
    assert await poem.contents(limit_lines=0) == ""


async def test_a_file_of_the_query_root_has_no_directory_in_its_name(dag: dagger.Client) -> None:
    assert await dag.file("a", "text").contents() == "text"
    with pytest.raises(dagger.QueryError, match='file name "a/b" must not contain a directory'):
        await dag.file("a/b", "text").contents()


async def test_a_missing_file_fails_where_it_is_read(dag: dagger.Client) -> None:
    missing = dag.directory().with_new_file("a", "").file("b")
    assert await missing.id()
    with pytest.raises(dagger.QueryError, match="no such file or directory") as caught:
        await missing.contents()
    assert caught.value.error.path == ["directory", "withNewFile", "file", "contents"]


async def test_a_large_file_arrives_whole(base: dagger.Container) -> None:
    made = base.with_exec(["sh", "-c", "yes 0123456789abcdef | head -c 40000000 > /big"])
    assert len(await made.file("/big").contents()) == 40_000_000


async def test_a_symlink_is_followed_inside_the_tree(dag: dagger.Client) -> None:
    tree = dag.directory().with_new_file("real", "text").with_symlink("/real", "a/link")
    assert await tree.file("a/link").contents() == "text"


async def test_a_symlink_cannot_leave_the_tree(dag: dagger.Client) -> None:
    tree = dag.directory().with_new_file("a", "").with_symlink("../../../../etc/passwd", "link")
    with pytest.raises(dagger.QueryError):
        await tree.file("link").contents()


async def test_a_digest_is_of_content_and_metadata_but_not_of_time_or_name(dag: dagger.Client) -> None:
    digest = await dag.file("a", "text").digest()
    assert digest.startswith("sha256:")
    assert await dag.file("b", "text").digest() == digest
    assert await dag.file("a", "text").with_timestamps(1).digest() == digest
    assert await dag.file("a", "other").digest() != digest
    assert await dag.file("a", "text", permissions=0o600).digest() != digest
    bare = await dag.file("a", "text", permissions=0o600).digest(exclude_metadata=True)
    assert bare == await dag.file("a", "text").digest(exclude_metadata=True)


async def test_a_file_can_have_another_name(poem: dagger.File) -> None:
    renamed = poem.with_name("verse")
    assert (await renamed.name(), await renamed.contents()) == ("verse", "one\ntwo\nthree\n")


async def test_export_writes_to_the_host(poem: dagger.File, tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    assert await poem.export(str(target)) == str(target)
    assert target.read_text() == "one\ntwo\nthree\n"


async def test_export_into_a_directory_must_be_allowed(poem: dagger.File, tmp_path: Path) -> None:
    with pytest.raises(dagger.QueryError, match="is a directory"):
        await poem.export(str(tmp_path))
    assert await poem.export(str(tmp_path), allow_parent_dir_path=True) == str(tmp_path / "poem.txt")
    assert (tmp_path / "poem.txt").exists()


async def test_replacing_wants_one_match_or_all(poem: dagger.File) -> None:
    assert await poem.with_replaced("two", "2").contents() == "one\n2\nthree\n"
    with pytest.raises(dagger.QueryError, match="matches"):
        await poem.with_replaced("e", "E").contents()
    assert await poem.with_replaced("e", "E", all=True).contents() == "onE\ntwo\nthrEE\n"
    assert await poem.with_replaced("zzz", "E", all=True).contents() == "one\ntwo\nthree\n"
    assert await poem.with_replaced("e", "E", first_from=2).contents() == "one\ntwo\nthrEe\n"
    with pytest.raises(dagger.QueryError, match="no match"):
        await poem.with_replaced("zzz", "E").contents()


async def test_chown_changes_the_owner(poem: dagger.File, base: dagger.Container) -> None:
    ran = base.with_mounted_file("/m", poem.chown("1000:2000")).with_exec(["stat", "-c", "%u:%g", "/m"])
    assert await ran.stdout() == "1000:2000\n"
