"""Solving and reading results, against the real daemon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from gauntlet_engine.buildkit import (
    META_MOUNT,
    ExecFailed,
    NotFound,
    ResultRef,
    SolveFailed,
    VertexCompleted,
    VertexLog,
    VertexStarted,
)
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.graph import FileChange, Mkfile, Output, SecretFile, Source, marshal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gauntlet_engine.buildkit import Attachables, Build, Client, Session
    from gauntlet_engine.graph import Exec, Op

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


async def solve(build: Build, op: Op | Output, index: int = 0) -> ResultRef:
    return await build.solve(marshal(op if isinstance(op, Output) else Output(op, index)))


async def meta(build: Build, op: Exec, name: str) -> bytes:
    return await build.read_file(await build.solve(marshal(op.output_of(META_MOUNT))), name)


async def test_a_process_runs_and_its_output_can_be_read(build: Build, shell: Callable[..., Exec]) -> None:
    assert await meta(build, shell("echo out; echo err >&2"), "stdout") == b"out\n"


async def test_the_same_op_runs_once_however_many_ask(build: Build, shell: Callable[..., Exec]) -> None:
    op = shell("sleep 0.3; cat /proc/sys/kernel/random/uuid")
    answers: list[bytes] = []

    async def ask() -> None:
        answers.append(await meta(build, op, "stdout"))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask)
    assert len(set(answers)) == 1


async def test_a_later_session_finds_a_result_cached(
    client: Client, attachables: Attachables, build: Build, shell: Callable[..., Exec]
) -> None:
    op = shell("cat /proc/sys/kernel/random/uuid")
    first = await meta(build, op, "stdout")
    async with client.session(attachables) as later, client.build(later) as again:
        assert await meta(again, op, "stdout") == first


async def test_a_failing_process_says_its_code_and_both_outputs(build: Build, shell: Callable[..., Exec]) -> None:
    op = shell("echo out; echo err >&2; exit 7")
    with pytest.raises(ExecFailed) as caught:
        await solve(build, op)
    error = caught.value
    assert (error.exit_code, error.stdout, error.stderr, error.vertex) == (7, b"out\n", b"err\n", op.digest)
    assert str(error) == "exit code: 7"


async def test_a_failing_process_may_have_said_a_lot(build: Build, shell: Callable[..., Exec]) -> None:
    with pytest.raises(ExecFailed) as caught:
        await solve(build, shell("head -c 18000000 /dev/zero | tr '\\0' x; echo end; exit 1"))
    assert len(caught.value.stdout) == 16 << 20
    assert caught.value.stdout.endswith(b"xend\n")


async def test_a_failed_process_is_never_cached(
    client: Client, attachables: Attachables, shell: Callable[..., Exec]
) -> None:
    op = shell("cat /proc/sys/kernel/random/uuid; exit 1")
    said: list[bytes] = []
    for _ in range(2):
        async with client.session(attachables) as session, client.build(session) as build:
            with pytest.raises(ExecFailed) as caught:
                await solve(build, op)
            said.append(caught.value.stdout)
    assert said[0] != said[1]


async def test_ignore_cache_runs_an_op_again(
    client: Client, attachables: Attachables, shell: Callable[..., Exec]
) -> None:
    op = shell("cat /proc/sys/kernel/random/uuid")
    definition = marshal(op.output_of(META_MOUNT))
    said: list[bytes] = []
    for digests in ((), (), (op.digest,)):
        async with client.session(attachables) as session, client.build(session) as build:
            ref = await build.solve(definition, ignore_cache=digests)
            said.append(await build.read_file(ref, "stdout"))
    assert said[0] == said[1] != said[2]


async def test_cancelling_a_solve_kills_its_process(build: Build, shell: Callable[..., Exec], tmp_path: Path) -> None:
    op = shell("echo started; exec sleep 1000")
    started = anyio.Event()

    async def watch() -> None:
        async for event in build.events():
            if isinstance(event, VertexLog) and b"started" in event.data:
                started.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        with anyio.CancelScope() as scope:

            async def stop() -> None:
                await started.wait()
                scope.cancel()

            tasks.start_soon(stop)
            await solve(build, op)
        assert scope.cancelled_caught
        with anyio.fail_after(60):
            async for event in build.events():
                if isinstance(event, VertexCompleted) and event.digest == op.digest:
                    assert event.error
                    break
        tasks.cancel_scope.cancel()


async def test_cancelling_one_of_two_askers_leaves_the_other_its_result(
    build: Build, shell: Callable[..., Exec]
) -> None:
    op = shell("sleep 0.7; echo done")
    answers: list[bytes] = []

    async def ask() -> None:
        answers.append(await meta(build, op, "stdout"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        with anyio.move_on_after(0.2):
            await solve(build, op)
    assert answers == [b"done\n"]


async def test_events_tell_start_log_end_and_what_was_cached(build: Build, shell: Callable[..., Exec]) -> None:
    op = shell("echo one; echo two >&2")
    seen: list[Any] = []

    async def watch() -> None:
        nonlocal seen
        async for event in build.events():
            seen += [event] if event.digest == op.digest else []

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await solve(build, op)
        with anyio.fail_after(60):
            while not any(isinstance(event, VertexCompleted) for event in seen):
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert isinstance(seen[0], VertexStarted)
    logs = [event for event in seen if isinstance(event, VertexLog)]
    assert b"".join(log.data for log in logs if log.stream == 1) == b"one\n"
    assert b"".join(log.data for log in logs if log.stream == 2) == b"two\n"
    (completed,) = (event for event in seen if isinstance(event, VertexCompleted))
    assert (completed.cached, completed.error) == (False, "")
    assert completed.duration_s > 0


async def test_secrets_reach_a_process_and_a_missing_one_is_named(
    build: Build, attachables: Attachables, shell: Callable[..., Exec]
) -> None:
    async def asked() -> bytes:
        return b"from the callable"

    attachables.add_secret("plain", b"s3cret")
    attachables.add_secret("later", asked)
    op = shell(
        "cat /run/plain; echo; echo $LATER",
        mounts=(SecretFile("/run/plain", "plain"),),
        secret_env=(("LATER", "later"),),
    )
    assert await meta(build, op, "stdout") == b"s3cret\nfrom the callable\n"
    with pytest.raises(NotFound, match="nowhere"):
        await solve(build, shell("true", mounts=(SecretFile("/run/x", "nowhere"),)))


async def test_a_secrets_value_is_no_part_of_the_cache_key(
    client: Client, attachables: Attachables, shell: Callable[..., Exec]
) -> None:
    op = shell("cat /run/s", mounts=(SecretFile("/run/s", "s"),))
    said: list[bytes] = []
    for value in (b"one", b"two"):
        attachables.add_secret("s", value)
        async with client.session(attachables) as session, client.build(session) as build:
            said.append(await meta(build, op, "stdout"))
    assert said == [b"one", b"one"]


async def test_files_of_any_size_are_read_whole_or_in_part(build: Build, shell: Callable[..., Exec]) -> None:
    op = shell("head -c 20000000 /dev/zero | tr '\\0' a > /big; printf end >> /big; : > /empty", fresh=False)
    ref = await solve(build, op)
    whole = await build.read_file(ref, "/big")
    assert len(whole) == 20_000_003
    assert whole.endswith(b"aend")
    assert await build.read_file(ref, "/big", offset=20_000_000) == b"end"
    assert await build.read_file(ref, "big", offset=19_999_999, length=2) == b"ae"
    assert await build.read_file(ref, "/empty") == b""
    assert await build.read_file(ref, "/big", length=0) == b""


async def test_stat_and_read_dir_tell_what_is_there(build: Build, shell: Callable[..., Exec]) -> None:
    script = """mkdir -p /t/sub; cd /t; printf abc > f; chown 12:34 f; chmod 4751 f; touch -d @1700000000 f
        ln -s f l; ln -s /t/sub d; mkfifo p; printf x > "caf$(printf '\\351')" """
    ref = await solve(build, shell(script, fresh=False))
    entries = {entry.path: entry for entry in await build.read_dir(ref, "/t")}
    assert list(entries) == sorted(entries)
    assert {name: entry.kind for name, entry in entries.items()} == {
        "caf\udce9": "file", "d": "symlink", "f": "file", "l": "symlink", "p": "fifo", "sub": "dir",
    }  # fmt: skip
    f = entries["f"]
    assert (f.size, f.permissions, f.uid, f.gid, f.mtime_ns) == (3, 0o4751, 12, 34, 1_700_000_000 * 10**9)
    assert (entries["l"].linkname, entries["d"].linkname) == ("f", "/t/sub")
    assert (await build.stat(ref, "/t/l")).kind == "file"
    assert (await build.stat(ref, "t/l", follow=False)).linkname == "f"
    assert (await build.stat(ref, "/t/d/../sub/", follow=False)).kind == "dir"
    assert [entry.path for entry in await build.read_dir(ref, "/t", include="[fl]")] == ["f", "l"]
    assert [entry.path for entry in await build.read_dir(ref, "/t/d")] == []
    assert await build.read_file(ref, "/t/caf\udce9") == b"x"


async def test_what_is_not_there_is_not_found_and_kinds_are_not_mixed_up(
    build: Build, shell: Callable[..., Exec]
) -> None:
    ref = await solve(build, shell("mkdir /dir; : > /file", fresh=False))
    for missing in (
        build.read_file(ref, "/nope"),
        build.stat(ref, "/nope/x"),
        build.stat(ref, "/nope", follow=False),
        build.read_dir(ref, "/nope"),
    ):
        with pytest.raises(NotFound):
            await missing
    for wrong in (build.read_file(ref, "/dir"), build.read_dir(ref, "/file")):
        with pytest.raises(SolveFailed) as caught:
            await wrong
        assert "buildkit-mount" not in str(caught.value)


async def test_scratch_is_an_empty_directory(build: Build) -> None:
    scratch = ResultRef("")
    assert await build.read_dir(scratch, "/") == []
    assert (await build.stat(scratch, "/")).kind == "dir"
    for missing in (build.read_file(scratch, "/x"), build.stat(scratch, "/x"), build.read_dir(scratch, "/x")):
        with pytest.raises(NotFound):
            await missing


async def test_a_broken_op_fails_with_the_daemons_reason(build: Build) -> None:
    op = Source(platform=host_platform(), name="x", identifier="bogus://x", attrs=())
    with pytest.raises((SolveFailed, NotFound), match="bogus"):
        await solve(build, op)


async def test_a_dockerfile_builds_and_ops_can_follow_it(
    build: Build, upload: Callable[..., Output], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY data /data\nENV A=1\nCMD ["/run"]\n')
    (tmp_path / "data").write_text("content")
    context = marshal(upload(tmp_path))
    definition, config = await build.dockerfile(context, context, {"platform": host_platform()})
    ref = await build.solve(definition)
    assert await build.read_file(ref, "/data") == b"content"
    assert "A=1" in config["config"]["Env"]
    assert config["config"]["Cmd"] == ["/run"]


async def test_a_failing_dockerfile_is_a_solve_failure_with_its_line(
    build: Build, upload: Callable[..., Output], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY missing /\n")
    context = marshal(upload(tmp_path))
    with pytest.raises((SolveFailed, NotFound), match="missing"):
        await build.dockerfile(context, context, {})


async def test_solves_run_in_parallel(build: Build, shell: Callable[..., Exec]) -> None:
    began = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(solve, build, shell("sleep 5"))
    assert time.monotonic() - began < 18


async def test_a_build_outlives_none_of_its_results(client: Client, session: Session) -> None:
    action = FileChange(platform=host_platform(), name="x", base=None, actions=(Mkfile("/f", b"x"),))
    async with client.build(session) as build:
        ref = await solve(build, action)
        assert await build.read_file(ref, "/f") == b"x"
    with pytest.raises(SolveFailed, match="ended"):
        await build.read_file(ref, "/f")


async def test_an_exception_in_the_block_comes_out_as_it_is(client: Client) -> None:
    with pytest.raises(ZeroDivisionError):
        async with client.session() as session, client.build(session):
            raise ZeroDivisionError
