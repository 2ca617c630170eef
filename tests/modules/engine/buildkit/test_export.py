"""Results on the host and in a registry."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_engine.buildkit import (
    EngineError,
    ExecFailed,
    HostPathError,
    NotFound,
    SolveFailed,
    export_local,
    export_oci,
    export_tar,
    push_image,
)
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.graph import FileChange, Mkdir, Mkfile, Output, marshal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gauntlet_engine.buildkit import Attachables, Build, Client
    from gauntlet_engine.graph import Exec

pytestmark = [pytest.mark.anyio, pytest.mark.engine]

PLATFORM = host_platform()


def small(*actions: Any) -> Output:
    return Output(FileChange(platform=PLATFORM, name="small", base=None, actions=actions or (Mkfile("/f", b"x"),)))


async def test_a_tree_is_written_with_modes_links_and_times(
    client: Client, attachables: Attachables, build: Build, shell: Callable[..., Exec], tmp_path: Path
) -> None:
    script = """mkdir -p /t/sub; cd /t; printf abc > sub/f; chmod 750 sub/f; touch -d @1700000000 sub/f
        ln -s /usr/bin/python3 link; mkfifo pipe; ln sub/f hard; printf x > "caf$(printf '\\351')" """
    op = shell(script, fresh=False)
    await export_local(client, attachables, marshal(op.root_output), tmp_path / "new/out", path="/t")
    out = tmp_path / "new/out"
    assert sorted(os.fsencode(path.name) for path in out.iterdir()) == [b"caf\xe9", b"hard", b"link", b"sub"]
    assert (out / "sub/f").read_text() == "abc"
    assert stat.S_IMODE((out / "sub/f").stat().st_mode) == 0o750
    assert (out / "sub/f").stat().st_mtime == 1_700_000_000
    assert (out / "link").is_symlink()
    assert (out / "hard").samefile(out / "sub/f")


async def test_what_was_there_stays_and_a_wipe_takes_it_away(
    client: Client, attachables: Attachables, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "f").write_text("old")
    await export_local(client, attachables, marshal(small()), tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"mine": "kept", "f": "x"}
    await export_local(client, attachables, marshal(small()), tmp_path, wipe=True)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"f": "x"}


async def test_a_failing_export_touches_nothing(
    client: Client, attachables: Attachables, build: Build, shell: Callable[..., Exec], tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(ExecFailed) as caught:
        await export_local(client, attachables, marshal(shell("exit 3").root_output), tmp_path, wipe=True)
    assert caught.value.exit_code == 3
    with pytest.raises(NotFound):
        await export_local(client, attachables, marshal(small()), tmp_path, path="/nope", wipe=True)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(EngineError):
        await export_tar(client, attachables, marshal(shell("exit 3").root_output), tmp_path / "t.tar")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


async def test_a_destination_that_cannot_be_written_is_named(
    client: Client, attachables: Attachables, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostPathError, match="file/out"):
        await export_local(client, attachables, marshal(small()), tmp_path / "file/out")
    with pytest.raises(HostPathError, match=r"file/t\.tar"):
        await export_tar(client, attachables, marshal(small()), tmp_path / "file/t.tar")


async def test_a_tar_holds_the_tree(client: Client, attachables: Attachables, tmp_path: Path) -> None:
    tree = small(Mkdir("/d"), Mkfile("/d/f", b"x"))
    await export_tar(client, attachables, marshal(tree), tmp_path / "t.tar")
    with tarfile.open(tmp_path / "t.tar") as archive:
        assert [member.name.rstrip("/") for member in archive if member.name.strip("./")] == ["d", "d/f"]


async def test_an_image_becomes_an_oci_or_docker_archive(
    client: Client, attachables: Attachables, tmp_path: Path
) -> None:
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/f"], "Env": ["A=1"]}}
    definitions, configs = {PLATFORM: marshal(small())}, {PLATFORM: config}
    image = await export_oci(client, attachables, definitions, configs, tmp_path / "oci.tar", compression="zstd")
    with tarfile.open(tmp_path / "oci.tar") as archive:
        index = json.loads(member(archive, "index.json"))
        assert index["manifests"][0]["digest"] == image.digest
        manifest = json.loads(member(archive, f"blobs/sha256/{image.digest[7:]}"))
        assert manifest["layers"][0]["mediaType"].endswith("zstd")
        written = json.loads(member(archive, f"blobs/sha256/{manifest['config']['digest'][7:]}"))
    assert written["config"] == config["config"]
    assert len(written["rootfs"]["diff_ids"]) == 1
    await export_oci(client, attachables, definitions, configs, tmp_path / "d.tar", docker=True, name="x.example/a:1")
    with tarfile.open(tmp_path / "d.tar") as archive:
        assert json.loads(member(archive, "manifest.json"))[0]["RepoTags"] == ["x.example/a:1"]


async def test_an_image_of_several_platforms_has_an_index(
    client: Client, attachables: Attachables, tmp_path: Path
) -> None:
    names = ("linux/amd64", "linux/arm64")
    configs: dict[str, dict[str, Any]] = {name: {"architecture": name[6:], "os": "linux"} for name in names}
    trees = {
        name: marshal(Output(FileChange(platform=name, name="x", base=None, actions=(Mkfile("/f", name.encode()),))))
        for name in names
    }
    image = await export_oci(client, attachables, trees, configs, tmp_path / "oci.tar")
    with tarfile.open(tmp_path / "oci.tar") as archive:
        index = json.loads(member(archive, f"blobs/sha256/{image.digest[7:]}"))
    assert [m["platform"]["architecture"] for m in index["manifests"]] == ["amd64", "arm64"]


async def test_a_push_arrives_with_its_digest_and_a_refused_one_says_why(
    client: Client, attachables: Attachables, registry: Any
) -> None:
    config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["A=1"]}}
    name = f"{registry.address}/team/app:1"
    pushed = await push_image(client, attachables, {PLATFORM: marshal(small())}, {PLATFORM: config}, name)
    manifest = json.loads(registry.manifests[("team/app", "1")][1])
    assert pushed.name == f"{name}@{pushed.digest}"
    assert manifest["config"]["digest"] == pushed.config_digest
    assert json.loads(registry.blobs[pushed.config_digest])["config"] == config["config"]
    registry.refusing = True
    with pytest.raises(SolveFailed, match="not in this registry"):
        await push_image(client, attachables, {PLATFORM: marshal(small())}, {PLATFORM: config}, name + "2")


def member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()
