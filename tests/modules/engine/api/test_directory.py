from __future__ import annotations

from typing import TYPE_CHECKING

import dagger
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Endpoint

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


@pytest.fixture
def tree(dag: dagger.Client) -> dagger.Directory:
    return (
        dag.directory()
        .with_new_file("top.py", "top")
        .with_new_file("notes.txt", "notes")
        .with_new_file("src/app/main.py", "main")
        .with_new_file("src/app/data.json", "{}")
        .with_new_file("src/lib.py", "lib")
        .with_new_directory("empty")
    )


async def test_an_empty_directory_has_no_entries(dag: dagger.Client) -> None:
    assert await dag.directory().entries() == []
    assert await dag.directory().glob("**") == []


async def test_entries_of_directories_end_in_a_slash(tree: dagger.Directory) -> None:
    assert await tree.entries() == ["empty/", "notes.txt", "src/", "top.py"]
    assert await tree.entries(path="src") == ["app/", "lib.py"]
    assert await tree.directory("src/app").entries() == ["data.json", "main.py"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.py", ["top.py"]),
        ("**/*.py", ["src/app/main.py", "src/lib.py", "top.py"]),
        ("src/**", ["src/app/", "src/app/data.json", "src/app/main.py", "src/lib.py"]),
        ("src/*", ["src/app/", "src/lib.py"]),
        ("**/app", ["src/app/"]),
        ("src/app/main.py", ["src/app/main.py"]),
        ("[nt]o*", ["notes.txt", "top.py"]),
        ("nothing*", []),
    ],
)
async def test_glob(tree: dagger.Directory, pattern: str, expected: list[str]) -> None:
    assert await tree.glob(pattern) == expected


async def test_a_malformed_pattern_is_an_error(tree: dagger.Directory) -> None:
    with pytest.raises(dagger.QueryError, match="pattern"):
        await tree.glob("[")


async def test_glob_does_not_follow_symlinks(tree: dagger.Directory) -> None:
    linked = tree.with_symlink("src", "link")
    assert "link" in await linked.glob("*")
    assert await linked.glob("link/**") == []


async def test_a_missing_directory_is_an_error_when_asked(tree: dagger.Directory) -> None:
    missing = tree.directory("nowhere")
    assert await missing.id()
    with pytest.raises(dagger.QueryError, match="no such file or directory"):
        await missing.entries()


async def test_a_file_is_no_directory(tree: dagger.Directory) -> None:
    with pytest.raises(dagger.QueryError, match="not a directory"):
        await tree.directory("top.py").entries()


async def test_a_directorys_name_ends_in_a_slash(tree: dagger.Directory) -> None:
    assert await tree.directory("src/app").name() == "app/"
    assert await tree.name() == "/"


async def test_dot_dot_climbs_to_the_parent(tree: dagger.Directory) -> None:
    assert await tree.directory("src/app").directory("..").entries() == ["app/", "lib.py"]


async def test_a_new_file_drops_setuid_and_makes_its_parents(dag: dagger.Client, base: dagger.Container) -> None:
    made = dag.directory().with_new_file("a/b/tool", "x", permissions=0o4750)
    stats = base.with_mounted_directory("/m", made).with_exec(["stat", "-c", "%a", "/m/a/b/tool", "/m/a"])
    assert await stats.stdout() == "750\n755\n"


async def test_writing_a_file_again_replaces_its_text(tree: dagger.Directory) -> None:
    assert await tree.with_new_file("top.py", "new").file("top.py").contents() == "new"


async def test_too_long_a_name_is_refused(dag: dagger.Client) -> None:
    with pytest.raises(dagger.QueryError, match="File name length exceeds the maximum supported 255 characters"):
        await dag.directory().with_new_file("x" * 256, "").sync()


async def test_a_new_directory_has_the_asked_permissions(dag: dagger.Client, base: dagger.Container) -> None:
    made = dag.directory().with_new_directory("a/b", permissions=0o700)
    assert await base.with_mounted_directory("/m", made).with_exec(["stat", "-c", "%a", "/m/a/b"]).stdout() == "700\n"
    with pytest.raises(dagger.QueryError, match="outside parent"):
        await dag.directory().with_new_directory("../x").sync()


async def test_include_and_exclude_match_bare_names_at_the_top_only(dag: dagger.Client, tree: dagger.Directory) -> None:
    copied = dag.directory().with_directory("/", tree, include=["*.py"])
    assert await copied.glob("**") == ["top.py"]
    copied = dag.directory().with_directory("/", tree, exclude=["*.py"])
    assert await copied.glob("**/*.py") == ["src/app/main.py", "src/lib.py"]


async def test_filter_keeps_what_matches(tree: dagger.Directory) -> None:
    kept = tree.filter(include=["**/*.py"], exclude=["src/lib.py"])
    assert await kept.glob("**") == ["src/", "src/app/", "src/app/main.py", "top.py"]


async def test_filter_obeys_gitignore_files(dag: dagger.Client) -> None:
    tree = (
        dag.directory()
        .with_new_file(".gitignore", "*.log\nbuild/\n!keep.log\n")
        .with_new_file("a.log", "")
        .with_new_file("keep.log", "")
        .with_new_file("build/out", "")
        .with_new_file("src/.gitignore", "*.tmp\n!a.log\n")
        .with_new_file("src/a.log", "")
        .with_new_file("src/x.tmp", "")
        .with_new_file("src/main.py", "")
    )
    assert await tree.filter(gitignore=True).glob("**") == [
        ".gitignore",
        "keep.log",
        "src/",
        "src/.gitignore",
        "src/a.log",
        "src/main.py",
    ]


async def test_with_directory_replaces_a_file_and_a_symlink(dag: dagger.Client, tree: dagger.Directory) -> None:
    source = dag.directory().with_new_file("inside", "yes")
    over_file = tree.with_directory("top.py", source)
    assert await over_file.entries(path="top.py") == ["inside"]
    over_link = tree.with_symlink("empty", "link").with_directory("link", source)
    assert await over_link.file("link/inside").contents() == "yes"


async def test_with_directory_merges_into_what_is_there(dag: dagger.Client, tree: dagger.Directory) -> None:
    merged = tree.with_directory("src", dag.directory().with_new_file("lib.py", "new").with_new_file("more.py", ""))
    assert await merged.entries(path="src") == ["app/", "lib.py", "more.py"]
    assert await merged.file("src/lib.py").contents() == "new"


async def test_with_file_copies_and_a_trailing_slash_says_into(dag: dagger.Client, tree: dagger.Directory) -> None:
    source = dag.file("note", "hello")
    assert await tree.with_file("copy", source).file("copy").contents() == "hello"
    assert await tree.with_file("empty/", source).entries(path="empty") == ["note"]
    assert await tree.with_files("many", [source, tree.file("top.py")]).entries(path="many") == ["note", "top.py"]


async def test_removing_what_is_missing_is_fine_and_wildcards_work(tree: dagger.Directory) -> None:
    assert await tree.without_file("nothing").entries() == await tree.entries()
    assert await tree.without_directory("no/such/thing").entries() == await tree.entries()
    assert await tree.without_file("*.py").entries() == ["empty/", "notes.txt", "src/"]
    assert await tree.without_files(["src/app/*.json", "top.py"]).glob("**/*.*") == [
        "notes.txt",
        "src/app/main.py",
        "src/lib.py",
    ]
    assert await tree.without_directory("src").entries() == ["empty/", "notes.txt", "top.py"]


async def test_diff_has_what_is_new_or_changed(tree: dagger.Directory) -> None:
    changed = tree.with_new_file("new", "1").with_new_file("top.py", "other").without_file("notes.txt")
    assert await tree.diff(changed).glob("**") == ["new", "top.py"]
    assert await tree.diff(tree).entries() == []


async def test_diff_compares_parts_of_trees(dag: dagger.Client, tree: dagger.Directory) -> None:
    moved = dag.directory().with_directory("x", tree.directory("src")).with_new_file("x/b", "")
    assert await tree.directory("src").diff(moved.directory("x")).entries() == ["b"]


async def test_exists_knows_types_and_links(tree: dagger.Directory) -> None:
    linked = tree.with_symlink("top.py", "link").with_symlink("nowhere", "dangling")
    assert await linked.exists("src")
    assert not await linked.exists("no/such")
    assert await linked.exists("src", expected_type=dagger.ExistsType.DIRECTORY_TYPE)
    assert not await linked.exists("src", expected_type=dagger.ExistsType.REGULAR_TYPE)
    assert await linked.exists("link", expected_type=dagger.ExistsType.REGULAR_TYPE)
    assert await linked.exists("link", expected_type=dagger.ExistsType.SYMLINK_TYPE)
    assert not await linked.exists("dangling")
    assert await linked.exists("dangling", do_not_follow_symlinks=True)


async def test_stat_tells_name_size_type_and_permissions(tree: dagger.Directory, endpoint: Endpoint) -> None:
    stat = tree.stat("src/lib.py")
    assert (await stat.name(), await stat.size(), await stat.permissions()) == ("lib.py", 3, 0o644)
    assert await stat.file_type() == dagger.FileType.REGULAR
    assert await tree.stat("src").file_type() == dagger.FileType.DIRECTORY


async def test_find_up_looks_at_and_above(tree: dagger.Directory) -> None:
    assert await tree.find_up("top.py", "src/app") == "top.py"
    assert await tree.find_up("lib.py", "src/app") == "src/lib.py"
    assert await tree.find_up("nothing", "src") is None


async def test_a_digest_is_of_content_not_of_time(dag: dagger.Client) -> None:
    def made(text: str) -> dagger.Directory:
        return dag.directory().with_new_file("a/b", text).with_symlink("b", "a/c")

    digest = await made("1").digest()
    assert digest.startswith("sha256:")
    assert await made("1").with_timestamps(1_000_000_000).digest() == digest
    assert await made("2").digest() != digest
    assert await made("1").with_new_directory("d").digest() != digest
    assert await dag.directory().with_directory("x", made("1")).directory("x").digest() == digest
    assert await dag.directory().digest() != digest


async def test_timestamps_are_set(dag: dagger.Client, base: dagger.Container) -> None:
    stamped = dag.directory().with_new_file("a/b", "").with_timestamps(1_000_000_000)
    ran = base.with_mounted_directory("/m", stamped).with_exec(["stat", "-c", "%Y", "/m/a/b", "/m/a"])
    assert await ran.stdout() == "1000000000\n1000000000\n"


async def test_chown_reaches_everything_below(dag: dagger.Client, base: dagger.Container) -> None:
    owned = dag.directory().with_new_file("a/b", "").with_new_file("c", "").chown("a", "1000")
    ran = base.with_mounted_directory("/m", owned).with_exec(["stat", "-c", "%u:%g", "/m/a", "/m/a/b", "/m/c"])
    assert await ran.stdout() == "1000:1000\n1000:1000\n0:0\n"


async def test_export_writes_to_the_host(tree: dagger.Directory, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("old")
    assert await tree.export(str(target)) == str(target)
    assert (target / "src/app/main.py").read_text() == "main"
    assert (target / "old").exists()
    await tree.directory("src").export(str(target), wipe=True)
    assert sorted(path.name for path in target.iterdir()) == ["app", "lib.py"]


async def test_an_empty_directory_can_be_exported(dag: dagger.Client, tmp_path: Path) -> None:
    await dag.directory().export(str(tmp_path / "new"))
    assert list((tmp_path / "new").iterdir()) == []


async def test_an_error_can_be_put_in(tree: dagger.Directory) -> None:
    assert await tree.with_error("").entries()
    with pytest.raises(dagger.QueryError, match="on purpose"):
        await tree.with_error("on purpose").entries()


async def test_names_with_spaces_newlines_and_wildcards_are_names(dag: dagger.Client) -> None:
    names = ["a b", "c\nd", "e*f", "g[h]", 'i"j', "k\\l", "é"]
    tree = dag.directory()
    for name in names:
        tree = tree.with_new_file(name, name)
    assert sorted(await tree.entries()) == sorted(names)
    for name in names:
        assert await tree.file(name).contents() == name
        assert await dag.directory().with_file("x", tree.file(name)).file("x").contents() == name
