from __future__ import annotations

import dagger
import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


@pytest.fixture
async def rootfs(base: dagger.Container) -> dagger.Directory:
    """A root file system for FROM scratch: no registry has to answer."""
    return base.rootfs()


def context(rootfs: dagger.Directory, dockerfile: str) -> dagger.Directory:
    return rootfs.with_new_file("Dockerfile", f"FROM scratch AS base\nCOPY / /\n{dockerfile}\n")


async def test_a_dockerfile_becomes_a_container(rootfs: dagger.Directory) -> None:
    built = context(
        rootfs,
        "ARG WHO=nobody\nENV A=1 WHO=$WHO\nWORKDIR /work\nUSER 1000\nEXPOSE 80\n"
        'ENTRYPOINT ["echo"]\nCMD ["hi"]\nLABEL l=v',
    ).docker_build(build_args=[dagger.BuildArg("WHO", "me")])
    assert await built.env_variable("WHO") == "me"
    assert await built.workdir() == "/work"
    assert await built.user() == "1000"
    assert await built.entrypoint() == ["echo"]
    assert await built.default_args() == ["hi"]
    assert await built.label("l") == "v"
    assert [await port.port() for port in await built.exposed_ports()] == [80]
    assert await built.with_exec(["id", "-u"]).stdout() == "1000\n"


async def test_targets_and_other_file_names_work(rootfs: dagger.Directory) -> None:
    tree = rootfs.with_new_file("build/My.Dockerfile", "FROM scratch AS one\nENV S=1\nFROM one AS two\nENV S=2\n")
    assert await tree.docker_build(dockerfile="build/My.Dockerfile", target="one").env_variable("S") == "1"
    assert await tree.docker_build(dockerfile="build/My.Dockerfile").env_variable("S") == "2"


async def test_a_failing_run_is_a_query_error_not_an_exec_error(rootfs: dagger.Directory) -> None:
    with pytest.raises(dagger.QueryError) as caught:
        await context(rootfs, "RUN echo oops >&2; exit 3").docker_build().sync()
    assert not isinstance(caught.value, dagger.ExecError)
    assert "exit code: 3" in str(caught.value)


async def test_an_exec_on_the_built_container_is_an_exec_error(rootfs: dagger.Directory) -> None:
    with pytest.raises(dagger.ExecError):
        await context(rootfs, "RUN true").docker_build().with_exec(["false"]).sync()


async def test_a_broken_dockerfile_says_where(rootfs: dagger.Directory) -> None:
    with pytest.raises(dagger.QueryError, match=r"(?i)unknown instruction: nonsense"):
        await context(rootfs, "NONSENSE").docker_build().sync()


async def test_a_missing_dockerfile_is_an_error(dag: dagger.Client) -> None:
    with pytest.raises(dagger.QueryError, match="Dockerfile"):
        await dag.directory().docker_build().sync()


async def test_secrets_are_found_by_their_name(dag: dagger.Client, rootfs: dagger.Directory) -> None:
    script = "RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length"
    built = context(rootfs, script).docker_build(secrets=[dag.set_secret("token", "12345")])
    assert (await built.file("/length").contents()).strip() == "5"
