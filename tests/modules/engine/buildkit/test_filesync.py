"""Host directories as the daemon receives them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from gauntlet_engine.buildkit import META_MOUNT, HostPathError, NotFound, ResultRef
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.buildkit.walk import walk
from gauntlet_engine.graph import Bind, local_source, marshal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet_engine.buildkit import Attachables, Build, Client
    from gauntlet_engine.graph import Output

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


def grow(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


async def tree(build: Build, ref: ResultRef, folder: str = "/") -> dict[str, str]:
    """Everything below as path → content, link target or kind."""
    found: dict[str, str] = {}
    for entry in await build.read_dir(ref, folder):
        path = f"{folder.rstrip('/')}/{entry.path}"
        if entry.kind == "dir":
            found[path[1:]] = "dir"
            found |= await tree(build, ref, path)
        elif entry.kind == "file":
            found[path[1:]] = (await build.read_file(ref, path)).decode()
        else:
            found[path[1:]] = entry.linkname or entry.kind
    return found


async def test_a_tree_arrives_as_it_is(build: Build, upload: Callable[..., Output], tmp_path: Path) -> None:
    grow(tmp_path, a="1", sub__b="2", sub__empty="")
    (tmp_path / "void").mkdir()
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "sub/b").chmod(0o4755)
    ref = await build.solve(marshal(upload(tmp_path)))
    assert await tree(build, ref) == {
        "a": "1", "link": "/etc/passwd", "sub": "dir", "sub/b": "2", "sub/empty": "", "void": "dir",
    }  # fmt: skip
    stat = await build.stat(ref, "sub/b")
    assert (stat.permissions, stat.uid, stat.gid) == (0o4755, 0, 0)
    assert stat.mtime_ns == (tmp_path / "sub/b").stat().st_mtime_ns


async def test_patterns_of_the_directory_and_of_the_op_both_apply(
    build: Build, attachables: Attachables, upload: Callable[..., Output], tmp_path: Path
) -> None:
    grow(tmp_path, a__x_py="1", a__y_py="2", a__z_txt="3", b__x_py="4", é="5")
    for path in tmp_path.rglob("*_*"):
        path.rename(path.with_name(path.name.replace("_", ".")))
    upload(tmp_path, key="patterned", include=("**/*.py", "é"))
    op = local_source(
        "patterned", platform=host_platform(), shared_key="patterned", include=("a", "é"), exclude=("**/y.*",)
    )
    assert await tree(build, await build.solve(marshal(op))) == {"a": "dir", "a/x.py": "1", "é": "5"}


async def test_gitignored_files_stay_at_home(build: Build, upload: Callable[..., Output], tmp_path: Path) -> None:
    grow(tmp_path, keep="1", skip="2")
    (tmp_path / ".gitignore").write_text("skip\n")
    found = await tree(build, await build.solve(marshal(upload(tmp_path, gitignore=True, exclude=(".gitignore",)))))
    assert found == {"keep": "1"}


async def test_a_second_session_sends_only_what_changed(
    client: Client, attachables: Attachables, upload: Callable[..., Output], tmp_path: Path
) -> None:
    grow(tmp_path, **{f"d{i % 7}__f{i}": str(i) for i in range(300)})
    op = upload(tmp_path, key=f"incremental-{tmp_path.name}")
    for change in ({}, {"d1__f1": "changed"}, {"new__deep__file": "new"}):
        grow(tmp_path, **change)
        (tmp_path / "d2/f2").unlink(missing_ok=True)
        async with client.session(attachables) as session, client.build(session) as build:
            found = await tree(build, await build.solve(marshal(op)))
        expected = {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*") if p.is_file()}
        assert {path: text for path, text in found.items() if text != "dir"} == expected


async def test_content_decides_what_is_cached_not_times(
    client: Client, attachables: Attachables, upload: Callable[..., Output], shell: Callable[..., Any], tmp_path: Path
) -> None:
    grow(tmp_path, f="same")
    said: list[bytes] = []
    for stamp in (1_600_000_000, 1_700_000_000):
        os.utime(tmp_path / "f", (stamp, stamp))
        op = shell(
            "cat /proc/sys/kernel/random/uuid",
            spec={"#": tmp_path.name},
            fresh=False,
            mounts=(Bind("/src", upload(tmp_path), readonly=True),),
        )
        async with client.session(attachables) as session, client.build(session) as build:
            ref = await build.solve(marshal(op.output_of(META_MOUNT)))
            said.append(await build.read_file(ref, "stdout"))
    assert said[0] == said[1]


async def test_large_files_and_hard_links_arrive_whole(
    build: Build, upload: Callable[..., Output], tmp_path: Path
) -> None:
    data = os.urandom(3_000_001)
    (tmp_path / "big").write_bytes(data)
    os.link(tmp_path / "big", tmp_path / "twin")
    ref = await build.solve(marshal(upload(tmp_path)))
    assert await build.read_file(ref, "big") == data
    assert await build.read_file(ref, "twin") == data


async def test_names_with_spaces_newlines_and_foreign_bytes_arrive(
    build: Build, upload: Callable[..., Output], tmp_path: Path
) -> None:
    names = [b"sp ace", b"new\nline", b"caf\xe9", b"\xff\xfe", "snow\N{SNOWMAN}".encode()]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(name)
    ref = await build.solve(marshal(upload(tmp_path)))
    listed = [os.fsencode(entry.path) for entry in await build.read_dir(ref, "/")]
    assert sorted(listed) == sorted(names)
    for name in names:
        assert await build.read_file(ref, os.fsdecode(name)) == name


async def test_no_such_directory_is_a_host_path_error_with_the_path(
    build: Build, upload: Callable[..., Output], tmp_path: Path
) -> None:
    with pytest.raises(HostPathError, match="nowhere does not exist"):
        await build.solve(marshal(upload(tmp_path / "nowhere")))


async def test_a_file_that_is_gone_when_it_is_read_is_an_error_never_an_empty_file(
    build: Build, upload: Callable[..., Output], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "target").mkdir()
    grow(tmp_path, target__f="x", other="y")

    def walk_then_lose(*args: Any, **kwargs: Any) -> Any:
        entries = list(walk(*args, **kwargs))
        (tmp_path / "target/f").unlink()
        return iter(entries)

    monkeypatch.setattr("gauntlet_engine.buildkit.filesync.walk", walk_then_lose)
    with pytest.raises(HostPathError, match=r"target/f changed while the tree was read"):
        await build.solve(marshal(upload(tmp_path)))


async def test_a_malformed_pattern_is_named(build: Build, upload: Callable[..., Output], tmp_path: Path) -> None:
    with pytest.raises(HostPathError, match="syntax error in pattern"):
        await build.solve(marshal(upload(tmp_path, include=("[",))))


async def test_an_unknown_name_is_not_found(build: Build) -> None:
    with pytest.raises(NotFound, match="never-offered"):
        await build.solve(marshal(local_source("never-offered", platform=host_platform(), shared_key="x")))


async def test_cancelling_a_large_upload_leaves_the_session_usable(
    build: Build, upload: Callable[..., Output], tmp_path: Path
) -> None:
    big = tmp_path / "big"
    big.mkdir()
    with (big / "f").open("wb") as file:
        file.truncate(400 << 20)
    with anyio.move_on_after(0.2) as scope:
        await build.solve(marshal(upload(big)))
    assert scope.cancelled_caught
    small = grow(tmp_path / "small", f="x")
    assert await tree(build, await build.solve(marshal(upload(small)))) == {"f": "x"}
