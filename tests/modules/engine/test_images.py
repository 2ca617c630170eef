"""References made exact, against a registry and this machine's own bases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_engine.bootstrap import RECIPES, Recipe
from gauntlet_engine.buildkit import NotFound, OciLayout, SolveFailed, push_image
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.graph import FileChange, Mkfile, Output, Source, marshal
from gauntlet_engine.images import ImageMemory, Images, forget_images
from gauntlet_engine.oci_layout import read_layout, write_layer, write_layout
from gauntlet_engine.state import StateDirs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gauntlet_engine.buildkit import Attachables, Build, Client
    from gauntlet_engine.graph import Exec

pytestmark = [pytest.mark.anyio, pytest.mark.engine]
PLATFORM = host_platform()


@pytest.fixture
def state(tmp_path: Path) -> StateDirs:
    dirs = StateDirs(tmp_path / "state", tmp_path / "state/run")
    dirs.prepare()
    return dirs


async def published(client: Client, attachables: Attachables, registry: Any, content: bytes) -> str:
    """Push a one-file image as team/app:1; returns its digest."""
    tree = Output(FileChange(platform=PLATFORM, name="x", base=None, actions=(Mkfile("/f", content),)))
    config = {"architecture": PLATFORM[6:], "os": "linux", "config": {"Env": [f"C={content.decode()}"]}}
    name = f"{registry.address}/team/app:1"
    return (await push_image(client, attachables, {PLATFORM: marshal(tree)}, {PLATFORM: config}, name)).digest


async def content(build: Build, source: Any) -> bytes:
    op = Source(platform=PLATFORM, name="x", identifier=source.identifier, attrs=tuple(sorted(source.attrs.items())))
    return await build.read_file(await build.solve(marshal(Output(op))), "/f")


async def test_a_tag_is_resolved_once_and_remembered_until_it_is_forgotten(
    client: Client, attachables: Attachables, build: Build, registry: Any, state: StateDirs
) -> None:
    old = await published(client, attachables, registry, b"old")
    reference = f"{registry.address}/team/app:1"
    first = await Images(state, build, attachables, environ={}).resolve(reference)
    assert first.digest == old
    assert first.ref == f"{reference}@{old}"
    assert first.config["config"]["Env"] == ["C=old"]
    assert await content(build, first) == b"old"
    new = await published(client, attachables, registry, b"new")
    assert new != old
    assert (await Images(state, build, attachables, environ={}).resolve(reference)).digest == old
    always = Images(state, build, attachables, environ={"GAUNTLET_ENGINE_PULL": "always"})
    assert (await always.resolve(reference)).digest == new
    registry.close()
    remembered = await Images(state, build, attachables, environ={}).resolve(reference)
    assert (remembered.digest, remembered.config["config"]["Env"]) == (new, ["C=new"])
    forget_images(state)
    assert ImageMemory(state).get(reference, PLATFORM) is None


async def test_an_image_by_digest_and_one_that_is_not_there(
    client: Client, attachables: Attachables, build: Build, registry: Any, state: StateDirs
) -> None:
    digest = await published(client, attachables, registry, b"x")
    images = Images(state, build, attachables, environ={})
    exact = await images.resolve(f"{registry.address}/team/app@{digest}")
    assert exact.ref.endswith(f"/team/app@{digest}")
    assert await content(build, exact) == b"x"
    with pytest.raises(NotFound, match="team/app:2"):
        await images.resolve(f"{registry.address}/team/app:2")


async def test_no_registry_means_a_clear_error_with_the_ways_out(
    build: Build, attachables: Attachables, state: StateDirs
) -> None:
    images = Images(state, build, attachables, environ={})
    with pytest.raises(SolveFailed, match=r"127\.0\.0\.1:1/x:latest cannot be resolved") as caught:
        await images.resolve("127.0.0.1:1/x")
    assert "gauntlet/base:trixie" in caught.value.diagnostics()
    with pytest.raises(NotFound, match="gauntlet/base:bookworm, gauntlet/base:trixie"):
        await images.resolve("gauntlet/base:sid")
    other = "linux/arm64" if PLATFORM != "linux/arm64" else "linux/amd64"
    with pytest.raises(SolveFailed, match=f"not for {other}"):
        await images.resolve("gauntlet/base:trixie", other)


async def test_the_bootstrapped_base_has_what_it_promises(build: Build, shell: Callable[..., Exec]) -> None:
    script = r"""
        set -ex
        . /etc/os-release; test "$VERSION_CODENAME" = trixie
        python3 -c 'import venv, ssl'
        git --version
        test -s /etc/ssl/certs/ca-certificates.crt
        test -s /etc/apt/sources.list
        test "$(grep -c @ /etc/apt/sources.list)" = 0
        test "$(ls /etc/apt/sources.list.d)" = ''
        test "$(sh -c '/usr/sbin/policy-rc.d; echo $?')" = 101
        test "$(find /var/lib/apt/lists /var/cache/apt -name '*deb*')" = ''
        test "$(find /usr /var /etc -xdev -newermt 2025-01-02 -type f ! -path /etc/hosts ! -path /etc/resolv.conf)" = ''
    """
    await build.solve(marshal(shell(script).root_output))


async def test_apt_works_in_the_base(build: Build, shell: Callable[..., Exec]) -> None:
    op = shell("apt-get update -qq && apt-get install -qq --no-install-recommends hostname >/dev/null && hostname -V")
    await build.solve(marshal(op.root_output))


async def test_a_base_is_the_same_for_everybody_who_asks(
    build: Build, attachables: Attachables, engine_state: StateDirs
) -> None:
    first = await Images(engine_state, build, attachables).resolve("gauntlet/base:trixie")
    second = await Images(engine_state, build, attachables).resolve("gauntlet/base:trixie", PLATFORM)
    assert first == second
    assert first.origin == "bootstrap"
    assert first.ref == f"gauntlet/base:trixie@{first.digest}"
    assert first.config["config"]["Env"][0].startswith("PATH=")


def test_another_recipe_has_another_name() -> None:
    recipe = RECIPES["trixie"]
    others = {recipe.key, Recipe("trixie", ("git",)).key, Recipe("trixie", recipe.packages, revision=99).key}
    assert len(others) == 3


def test_a_layout_that_is_not_complete_is_not_read(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs/sha256"
    blobs.mkdir(parents=True)
    layers = [write_layer(tmp_path, b"layer"), write_layer(tmp_path, b"more")]
    image = write_layout(tmp_path, layers, {"os": "linux"}, "2025-01-01T00:00:00Z")
    assert read_layout(tmp_path) == image
    (blobs / layers[0].digest[7:]).write_bytes(b"lay")
    with pytest.raises(ValueError, match="cut short"):
        read_layout(tmp_path)
    (tmp_path / "index.json").unlink()
    with pytest.raises(FileNotFoundError):
        read_layout(tmp_path)


async def test_a_layout_serves_only_digests(build: Build, attachables: Attachables, tmp_path: Path) -> None:
    (tmp_path / "blobs/sha256").mkdir(parents=True)
    attachables.add_store("evil", OciLayout(tmp_path))
    with pytest.raises(NotFound):
        await build.resolve_image("x/y@sha256:" + "b" * 64, store="evil")


def test_memory_survives_a_broken_file(state: StateDirs) -> None:
    memory = ImageMemory(state)
    (state.root / "images.json").write_text("{")
    assert memory.get("a", "p") is None
    memory.put("a", "p", "sha256:1", {"x": 1})
    assert memory.get("a", "p") == ("sha256:1", {"x": 1})
    assert json.loads((state.root / "images.json").read_text())
