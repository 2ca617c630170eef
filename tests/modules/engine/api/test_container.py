from __future__ import annotations

from typing import TYPE_CHECKING

import dagger
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


async def output(container: dagger.Container, *command: str) -> str:
    return await container.with_exec(list(command)).stdout()


async def pairs(items: list[dagger.EnvVariable] | list[dagger.Label]) -> dict[str, str]:
    return {await item.name(): await item.value() for item in items}


# -- configuration -------------------------------------------------------------------------------------------


async def test_variables_labels_and_users_are_kept(dag: dagger.Client) -> None:
    container = (
        dag.container()
        .with_env_variable("A", "1")
        .with_env_variable("B", "2")
        .with_env_variable("A", "3")
        .with_label("x", "y")
        .with_user("1000:1000")
    )
    assert await pairs(await container.env_variables()) == {"A": "3", "B": "2"}
    assert [await item.name() for item in await container.env_variables()] == ["A", "B"]
    assert await container.env_variable("missing") is None
    assert await pairs(await container.labels()) == {"x": "y"}
    assert await container.label("missing") is None
    assert await container.user() == "1000:1000"
    assert await container.without_user().user() == ""
    assert await container.without_env_variable("A").env_variable("A") is None
    assert await container.without_label("x").labels() == []


async def test_without_exposed_port_leaves_the_other_protocol(dag: dagger.Client) -> None:
    container = (
        dag.container()
        .with_exposed_port(53)
        .with_exposed_port(53, protocol=dagger.NetworkProtocol.UDP, description="dns")
        .without_exposed_port(53)
    )
    (port,) = await container.exposed_ports()
    assert (await port.port(), await port.protocol(), await port.description()) == (
        53,
        dagger.NetworkProtocol.UDP,
        "dns",
    )


async def test_a_platform_is_told(dag: dagger.Client) -> None:
    assert await dag.container().platform() == await dag.default_platform()
    assert await dag.container(platform=dagger.Platform("linux/arm64")).platform() == "linux/arm64"


async def test_an_image_ref_has_a_digest_and_is_lost_with_any_change(base: dagger.Container) -> None:
    assert "gauntlet/base:trixie@sha256:" in await base.image_ref()
    with pytest.raises(dagger.QueryError, match="Image reference can only be retrieved immediately after"):
        await base.with_env_variable("A", "1").image_ref()


async def test_from_keeps_what_was_configured_before(dag: dagger.Client) -> None:
    container = dag.container().with_env_variable("MINE", "1").with_label("l", "1").from_("gauntlet/base:trixie")
    assert await container.env_variable("MINE") == "1"
    assert await container.label("l") == "1"


async def test_an_image_that_no_registry_has_says_what_to_do(dag: dagger.Client) -> None:
    with pytest.raises(dagger.QueryError) as caught:
        await dag.container().from_("registry.invalid/no/such:1").sync()
    assert "registry.invalid/no/such:1" in str(caught.value)
    assert caught.value.error.path == ["container", "from"]


# -- files ---------------------------------------------------------------------------------------------------


async def test_files_are_written_owned_and_removed(base: dagger.Container) -> None:
    container = base.with_workdir("/work").with_new_file("a/b", "text", permissions=0o4750, owner="1000")
    assert await output(container, "stat", "-c", "%a %u:%g", "/work/a/b") == "750 1000:1000\n"
    assert await output(container, "stat", "-c", "%u:%g", "/work/a") == "0:0\n"
    assert await container.file("a/b").contents() == "text"
    assert await container.without_file("a/b").directory("a").entries() == []
    assert not await container.without_directory("a").exists("a")
    assert await container.without_files(["nothing", "a/*"]).directory("a").entries() == []


async def test_owners_are_looked_up_in_the_container(base: dagger.Container) -> None:
    named = base.with_new_file("/a", "", owner="www-data")
    assert await output(named, "stat", "-c", "%U", "/a") == "www-data\n"
    assert (
        await output(base.with_new_file("/a", "", owner="www-data:tty"), "stat", "-c", "%U:%G", "/a")
        == "www-data:tty\n"
    )
    with pytest.raises(dagger.QueryError, match="no such user: nobody-here"):
        await base.with_new_file("/a", "", owner="nobody-here").sync()


async def test_a_new_file_replaces_a_file_and_goes_into_a_directory(base: dagger.Container) -> None:
    over_directory = base.with_exec(["mkdir", "/d"]).with_new_file("/d", "file")
    assert await over_directory.file("/d/d").contents() == "file"
    over_mode = base.with_new_file("/f", "1", permissions=0o600).with_new_file("/f", "2", permissions=0o755)
    assert await output(over_mode, "stat", "-c", "%a", "/f") == "755\n"


async def test_directories_are_laid_over(dag: dagger.Client, base: dagger.Container) -> None:
    source = dag.directory().with_new_file("x.py", "").with_new_file("y.txt", "")
    container = base.with_directory("/d", source, include=["*.py"], owner="1000:1000")
    assert await container.directory("/d").entries() == ["x.py"]
    assert await output(container, "stat", "-c", "%u:%g", "/d/x.py") == "1000:1000\n"
    assert await base.with_directory("/d", source, permissions=0o700).with_exec(
        ["stat", "-c", "%a", "/d/x.py"]
    ).stdout() == ("700\n")


async def test_paths_and_links_can_be_asked_for(base: dagger.Container) -> None:
    container = base.with_new_file("/a", "text").with_symlink("/a", "/link")
    assert await container.exists("/link", expected_type=dagger.ExistsType.SYMLINK_TYPE)
    assert await container.file("/link").contents() == "text"
    assert await container.stat("/a").size() == 4
    assert not await container.exists("/b")


async def test_a_root_file_system_can_be_another(dag: dagger.Client, base: dagger.Container) -> None:
    assert await dag.container().with_rootfs(base.rootfs()).with_exec(["echo", "hi"]).stdout() == "hi\n"
    assert await dag.container().with_rootfs(dag.directory().with_new_file("a", "")).rootfs().entries() == ["a"]


# -- mounts --------------------------------------------------------------------------------------------------


async def test_writes_to_a_mounted_directory_stay_with_the_container_but_not_in_its_root(
    dag: dagger.Client, base: dagger.Container
) -> None:
    source = dag.directory().with_new_file("a", "1")
    container = base.with_mounted_directory("/m", source).with_exec(["sh", "-c", "echo 2 > /m/b"])
    assert await container.directory("/m").entries() == ["a", "b"]
    assert await container.file("/m/b").contents() == "2\n"
    assert await output(container, "cat", "/m/a", "/m/b") == "12\n"
    assert not await container.rootfs().exists("m/b")
    assert await source.entries() == ["a"]
    assert not await container.without_mount("/m").exists("/m/b")


async def test_a_part_of_a_tree_can_be_mounted(dag: dagger.Client, base: dagger.Container) -> None:
    source = dag.directory().with_new_file("x/a", "1").directory("x")
    container = base.with_mounted_directory("/m", source).with_exec(["sh", "-c", "echo 2 > /m/b"])
    assert await container.directory("/m").entries() == ["a", "b"]


async def test_a_read_only_mount_cannot_be_written(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_mounted_directory("/m", dag.directory().with_new_file("a", ""), read_only=True)
    with pytest.raises(dagger.ExecError) as caught:
        await container.with_exec(["touch", "/m/b"]).sync()
    assert "Read-only file system" in caught.value.stderr


async def test_writes_to_a_mounted_file_stay_with_the_container(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_mounted_file("/f", dag.file("x", "1")).with_exec(["sh", "-c", "echo 2 >> /f"])
    assert await container.file("/f").contents() == "12\n"
    assert await output(container, "cat", "/f") == "12\n"
    assert not await container.rootfs().exists("f")


async def test_changing_files_under_a_mount_changes_the_mount(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_mounted_directory("/m", dag.directory().with_new_file("a", "1")).with_new_file("/m/b", "2")
    assert await container.directory("/m").entries() == ["a", "b"]
    assert not await container.rootfs().exists("m")
    assert await container.without_file("/m/a").directory("/m").entries() == ["b"]


async def test_a_mount_hides_mounts_below_it(dag: dagger.Client, base: dagger.Container) -> None:
    container = (
        base.with_mounted_temp("/m/deep").with_mounted_temp("/other").with_mounted_directory("/m", dag.directory())
    )
    assert await container.mounts() == ["/other", "/m"]


async def test_mounts_lists_all_but_secrets(dag: dagger.Client, base: dagger.Container) -> None:
    container = (
        base.with_mounted_cache("/c", dag.cache_volume("v"))
        .with_mounted_temp("/t")
        .with_mounted_secret("/s", dag.set_secret("n", "v"))
    )
    assert await container.mounts() == ["/c", "/t"]


async def test_caches_and_temporary_mounts_have_no_contents_to_ask_for(
    dag: dagger.Client, base: dagger.Container
) -> None:
    container = base.with_mounted_cache("/c", dag.cache_volume("v")).with_mounted_temp("/t")
    with pytest.raises(dagger.QueryError, match="/c/x: cannot retrieve path from cache"):
        await container.file("/c/x").contents()
    with pytest.raises(dagger.QueryError, match="/t: cannot retrieve path from tmpfs"):
        await container.directory("/t").entries()


async def test_a_cache_volume_keeps_its_files_between_execs_and_keeps_setuid(
    dag: dagger.Client, base: dagger.Container, unique: str
) -> None:
    container = base.with_mounted_cache("/c", dag.cache_volume(unique))
    await container.with_exec(["sh", "-c", "echo kept > /c/a; chmod 4755 /c/a"]).sync()
    assert await output(container, "sh", "-c", "cat /c/a; stat -c %a /c/a") == "kept\n4755\n"


async def test_another_cache_volume_is_another_exec(dag: dagger.Client, base: dagger.Container, unique: str) -> None:
    def ran(volume: str) -> dagger.Container:
        script = "cat /proc/sys/kernel/random/uuid"
        return base.with_mounted_cache("/c", dag.cache_volume(volume)).with_exec(["sh", "-c", script])

    assert await ran(f"{unique}-1").stdout() == await ran(f"{unique}-1").stdout()
    assert await ran(f"{unique}-1").stdout() != await ran(f"{unique}-2").stdout()


async def test_a_cache_volume_starts_from_its_source_and_owner(
    dag: dagger.Client, base: dagger.Container, unique: str
) -> None:
    source = dag.directory().with_new_file("a", "seed")
    filled = base.with_mounted_cache("/c", dag.cache_volume(unique), source=source)
    assert await output(filled, "cat", "/c/a") == "seed"
    owned = base.with_mounted_cache("/c", dag.cache_volume(unique), owner="1000:1001")
    assert await output(owned, "stat", "-c", "%u:%g", "/c") == "1000:1001\n"


async def test_a_temporary_mount_is_memory_of_its_size(base: dagger.Container) -> None:
    container = base.with_mounted_temp("/t", size=8 << 20)
    kilobytes = await output(container, "sh", "-c", "df -k --output=size /t | tail -1")
    assert int(kilobytes) == 8192


async def test_mounted_directories_can_have_an_owner(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_mounted_directory("/m", dag.directory().with_new_file("a", ""), owner="1000:1001")
    assert await output(container, "stat", "-c", "%u:%g", "/m", "/m/a") == "1000:1001\n1000:1001\n"


# -- images --------------------------------------------------------------------------------------------------


@pytest.fixture
def small(dag: dagger.Client) -> dagger.Container:
    return dag.container().with_new_file("/mark", "here").with_env_variable("A", "1").with_entrypoint(["cat"])


async def test_an_exported_image_can_be_imported(dag: dagger.Client, small: dagger.Container, tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    assert await small.export(str(target)) == str(target)
    imported = dag.container().import_(dag.host().file(str(target)))
    assert await imported.env_variable("A") == "1"
    assert await imported.entrypoint() == ["cat"]
    assert await imported.file("/mark").contents() == "here"


async def test_a_tarball_is_a_file_of_a_tree(dag: dagger.Client, small: dagger.Container) -> None:
    tarball = small.as_tarball(forced_compression=dagger.ImageLayerCompression.GZIP)
    assert await tarball.name() == "container.tar"
    assert await dag.container().import_(tarball).file("/mark").contents() == "here"


async def test_a_whole_base_image_survives_export_and_import(dag: dagger.Client, base: dagger.Container) -> None:
    tarball = base.with_new_file("/mark", "here").as_tarball(
        forced_compression=dagger.ImageLayerCompression.UNCOMPRESSED
    )
    assert await dag.container().import_(tarball).with_exec(["cat", "/mark"]).stdout() == "here"


async def test_what_is_no_image_cannot_be_imported(dag: dagger.Client) -> None:
    with pytest.raises(dagger.QueryError, match="not an OCI image archive"):
        await dag.container().import_(dag.file("x.tar", "nonsense")).sync()
