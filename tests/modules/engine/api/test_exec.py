from __future__ import annotations

import os
import time

import anyio
import dagger
import pytest

from gauntlet_engine.session import open_session

from .conftest import BASE, connected

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


async def failure(container: dagger.Container) -> dagger.ExecError:
    with pytest.raises(dagger.ExecError) as caught:
        await container.sync()
    return caught.value


def shell(base: dagger.Container, script: str, **options: object) -> dagger.Container:
    return base.with_exec(["sh", "-c", script], **options)  # pyright: ignore[reportArgumentType]


async def test_stdout_stderr_and_both_are_told(base: dagger.Container) -> None:
    ran = shell(base, "echo out; echo err >&2")
    assert await ran.stdout() == "out\n"
    assert await ran.stderr() == "err\n"
    assert sorted((await ran.combined_output()).split()) == ["err", "out"]
    assert await ran.exit_code() == 0


async def test_a_failed_exec_says_command_code_and_output_without_their_last_newline(base: dagger.Container) -> None:
    error = await failure(shell(base, "echo out; echo err >&2; exit 7"))
    assert (error.exit_code, error.message) == (7, "exit code: 7")
    assert error.command == ["sh", "-c", "echo out; echo err >&2; exit 7"]
    assert (error.stdout, error.stderr) == ("out", "err")
    assert error.error.path == ["container", "from", "withExec", "sync"]


async def test_a_failed_exec_is_remembered_in_its_session_and_run_again_in_the_next(tmp_path: object) -> None:
    script = f"cat /proc/sys/kernel/random/uuid; echo {time.time_ns()}; exit 3"
    seen: list[str] = []
    for _ in range(2):
        async with open_session() as engine, connected(engine) as connection:
            container = shell(dagger.Client.from_connection(connection).container().from_(BASE), script)
            first, second = await failure(container), await failure(container)
            assert first.stdout == second.stdout
            seen.append(first.stdout)
    assert seen[0] != seen[1]


async def test_a_succeeded_exec_runs_once_over_sessions(tmp_path: object) -> None:
    script = f"cat /proc/sys/kernel/random/uuid; echo {time.time_ns()}"
    seen: list[str] = []
    for _ in range(2):
        async with open_session() as engine, connected(engine) as connection:
            seen.append(await shell(dagger.Client.from_connection(connection).container().from_(BASE), script).stdout())
    assert seen[0] == seen[1]


async def test_concurrent_askers_share_one_execution(base: dagger.Container) -> None:
    ran = shell(base, f"cat /proc/sys/kernel/random/uuid; sleep 0.5; echo {time.time_ns()}")
    outputs: list[str] = []

    async def ask() -> None:
        outputs.append(await ran.stdout())

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert len(set(outputs)) == 1


@pytest.mark.parametrize("code", [0, 1, 127])
async def test_expect_any_takes_plain_exit_codes(base: dagger.Container, code: int) -> None:
    assert await shell(base, f"exit {code}", expect=dagger.ReturnType.ANY).exit_code() == code


async def test_expect_failure_refuses_success(base: dagger.Container) -> None:
    assert await shell(base, "exit 9", expect=dagger.ReturnType.FAILURE).exit_code() == 9
    assert (await failure(shell(base, "exit 0", expect=dagger.ReturnType.FAILURE))).exit_code == 0


@pytest.mark.parametrize(("signal", "code"), [("KILL", 137), ("TERM", 143)])
async def test_death_by_signal_fails_whatever_is_expected(base: dagger.Container, signal: str, code: int) -> None:
    error = await failure(shell(base, f"kill -{signal} $$", expect=dagger.ReturnType.ANY))
    assert error.exit_code == code


async def test_a_missing_program_is_exit_code_1_with_the_reason_in_stderr(base: dagger.Container) -> None:
    error = await failure(base.with_exec(["no-such-program"]))
    assert (error.exit_code, error.message) == (1, "exit code: 1")
    assert 'exec: "no-such-program": executable file not found in $PATH' in error.stderr
    assert await base.with_exec(["no-such-program"], expect=dagger.ReturnType.ANY).exit_code() == 1


async def test_a_program_that_is_not_executable_says_so(base: dagger.Container) -> None:
    container = base.with_new_file("/tool", "#!/bin/sh\n", permissions=0o644)
    error = await failure(container.with_exec(["/tool"]))
    assert error.exit_code == 1
    assert "permission denied" in error.stderr


async def test_an_unknown_user_and_a_bad_redirect_are_exit_code_minus_1(base: dagger.Container) -> None:
    assert (await failure(base.with_user("nobody-here").with_exec(["true"]))).exit_code == -1
    assert (await failure(base.with_exec(["true"], redirect_stdout="/no/such/dir/out"))).exit_code == -1


async def test_redirected_output_is_in_the_file_and_still_told(base: dagger.Container) -> None:
    ran = shell(base, "echo out; echo err >&2", redirect_stdout="/out", redirect_stderr="/err")
    assert (await ran.stdout(), await ran.stderr()) == ("out\n", "err\n")
    assert (await ran.file("/out").contents(), await ran.file("/err").contents()) == ("out\n", "err\n")


async def test_standard_input_comes_from_text_or_file(base: dagger.Container) -> None:
    assert await base.with_exec(["cat"], stdin="héllo").stdout() == "héllo"
    assert (
        await base.with_new_file("/in", "from a file").with_exec(["cat"], redirect_stdin="/in").stdout()
        == "from a file"
    )
    with pytest.raises(dagger.QueryError, match="cannot set both stdin and redirectStdin"):
        await base.with_exec(["cat"], stdin="a", redirect_stdin="/b").stdout()


async def test_long_input_and_arguments_fit(base: dagger.Container) -> None:
    assert await base.with_exec(["sh", "-c", "wc -c"], stdin="x" * 300_000).stdout() == "300000\n"


async def test_output_without_an_exec_is_an_error_even_with_default_args(base: dagger.Container) -> None:
    with pytest.raises(dagger.QueryError, match="no command has been set"):
        await base.with_default_args(["echo", "hi"]).stdout()
    assert await base.with_default_args(["echo", "hi"]).with_exec([]).stdout() == "hi\n"


async def test_an_exec_without_any_command_is_an_error(base: dagger.Container) -> None:
    with pytest.raises(dagger.QueryError, match="no command has been set"):
        await base.without_default_args().with_exec([]).sync()


async def test_output_survives_later_changes(base: dagger.Container) -> None:
    ran = shell(base, "echo kept").with_new_file("/later", "x").with_env_variable("A", "b").with_workdir("/tmp")
    assert await ran.stdout() == "kept\n"


async def test_the_entrypoint_is_used_only_when_asked(base: dagger.Container) -> None:
    container = base.with_entrypoint(["echo", "entry"])
    assert await container.with_exec(["echo", "plain"]).stdout() == "plain\n"
    assert await container.with_exec(["args"], use_entrypoint=True).stdout() == "entry args\n"


async def test_setting_an_entrypoint_drops_default_args_unless_kept(base: dagger.Container) -> None:
    container = base.with_default_args(["a"])
    assert await container.with_entrypoint(["e"]).default_args() == []
    assert await container.with_entrypoint(["e"], keep_default_args=True).default_args() == ["a"]
    assert await container.with_entrypoint(["e"]).without_entrypoint().entrypoint() == []


async def test_variables_are_expanded_only_when_asked(base: dagger.Container) -> None:
    container = base.with_env_variable("NAME", "world")
    assert await container.with_exec(["echo", "$NAME ${NAME}!"]).stdout() == "$NAME ${NAME}!\n"
    assert await container.with_exec(["echo", "$NAME ${NAME}! $MISSING."], expand=True).stdout() == "world world! .\n"
    assert await container.with_env_variable("PATH", "/x:$PATH", expand=True).env_variable("PATH")
    assert await container.with_workdir("/$NAME", expand=True).workdir() == "/world"


async def test_the_bare_environment_is_home_path_and_pwd(base: dagger.Container) -> None:
    empty = base
    for variable in await base.env_variables():
        empty = empty.without_env_variable(await variable.name())
    names = {line.partition("=")[0] for line in (await empty.with_exec(["env"]).stdout()).splitlines()}
    assert {"HOME", "PATH"} <= names
    assert not {name for name in names if name.startswith(("OTEL", "TRACE", "_GAUNTLET"))}


async def test_home_comes_from_passwd(base: dagger.Container) -> None:
    container = base.with_exec(["sh", "-c", "echo app:x:1234:1235::/home/app:/bin/sh >> /etc/passwd"])
    assert await container.with_user("app").with_exec(["sh", "-c", "echo $HOME; id -u; id -g"]).stdout() == (
        "/home/app\n1234\n1235\n"
    )
    assert await base.with_user("1234").with_exec(["sh", "-c", "id -u; id -g"]).stdout() == "1234\n0\n"


async def test_processes_are_pid_1_only_without_init(base: dagger.Container) -> None:
    assert await shell(base, "echo $$").stdout() != "1\n"


async def test_invalid_utf8_is_replaced_and_nul_survives(base: dagger.Container) -> None:
    assert await base.with_exec(["printf", r"a\377b\000c"]).stdout() == "a�b\0c"


async def test_a_relative_workdir_starts_at_the_current_one(base: dagger.Container) -> None:
    container = base.with_workdir("/a").with_workdir("b")
    assert await container.workdir() == "/a/b"
    assert await container.with_exec(["pwd"]).stdout() == "/a/b\n"
    assert await container.without_workdir().workdir() == ""


async def test_what_an_exec_writes_stays_for_the_next(base: dagger.Container) -> None:
    container = shell(base, "echo 1 > /a").with_exec(["sh", "-c", "cat /a; echo 2 > /b"])
    assert await container.stdout() == "1\n"
    assert await container.file("/b").contents() == "2\n"


async def test_root_capabilities_are_given_only_when_asked(base: dagger.Container) -> None:
    mount = ["mount", "-t", "tmpfs", "none", "/mnt"]
    assert await base.with_exec(mount, expect=dagger.ReturnType.ANY).exit_code() != 0
    assert await base.with_exec(mount, insecure_root_capabilities=True).exit_code() == 0


async def test_nothing_of_ours_stays_in_the_root_file_system(base: dagger.Container) -> None:
    ran = shell(base, "true")
    assert not [name for name in await ran.rootfs().entries() if name.startswith(".gauntlet")]


async def test_a_client_that_goes_away_takes_its_processes_with_it(
    dag: dagger.Client, base: dagger.Container, unique: str
) -> None:
    beating = base.with_mounted_cache("/c", dag.cache_volume(unique))

    async def beats(number: int) -> int:
        return int(await shell(beating, f"wc -l < /c/beats # {number}").stdout())

    with anyio.move_on_after(2):
        await shell(beating, "while true; do echo >> /c/beats; sleep 0.05; done").sync()
    await anyio.sleep(1)
    stopped_at = await beats(0)
    assert stopped_at > 0
    await anyio.sleep(1)
    assert await beats(1) == stopped_at


async def test_an_asker_that_goes_away_leaves_the_others_their_exec(base: dagger.Container, unique: str) -> None:
    ran = shell(base, f"sleep 2; echo {unique}")
    outputs: list[str] = []

    async def ask() -> None:
        outputs.append(await ran.stdout())

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        with anyio.move_on_after(0.5):
            await ran.stdout()
    assert outputs == [f"{unique}\n"]


async def test_confinement_takes_the_network_away(base: dagger.Container) -> None:
    confined = base.with_env_variable("_GAUNTLET_CONFINEMENT", '{"network":"none"}')
    routes = await confined.with_exec(["cat", "/proc/net/route"]).stdout()
    assert len(routes.splitlines()) == 1
    assert "_GAUNTLET" not in await confined.with_exec(["env"]).stdout()
    assert len((await base.with_exec(["cat", "/proc/net/route"]).stdout()).splitlines()) > 1


async def test_confinement_limits_time(base: dagger.Container) -> None:
    confined = base.with_env_variable("_GAUNTLET_CONFINEMENT", '{"timeout_s":1}')
    error = await failure(shell(confined, f"echo {time.time_ns()}; sleep 60"))
    assert error.exit_code == 124
    assert error.stderr.splitlines()[-1] == "gauntlet: killed after 1 s (time limit)"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's daemon has cgroups to write to")
async def test_a_fork_bomb_meets_a_limit_that_the_kernel_keeps(base: dagger.Container, unique: str) -> None:
    confined = base.with_env_variable("_GAUNTLET_CONFINEMENT", '{"pids":50}').with_env_variable("UNIQUE", unique)
    limit = await shell(confined, "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>&- || true").stdout()
    assert 50 < int(limit) < 50 + 100 + (os.cpu_count() or 1) ** 2
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except BlockingIOError:\n        pass\n"
    error = await failure(confined.with_exec(["python3", "-c", bomb]))
    assert error.exit_code == 137
    assert error.stderr.splitlines()[-1] == "gauntlet: killed with more than 50 processes (process limit)"


@pytest.mark.parametrize("value", ["{", '{"network":"host"}', '{"speed":1}', '{"pids":-1}'])
async def test_a_confinement_that_makes_no_sense_is_refused(base: dagger.Container, value: str) -> None:
    with pytest.raises(dagger.QueryError, match="_GAUNTLET_CONFINEMENT"):
        await base.with_env_variable("_GAUNTLET_CONFINEMENT", value).with_exec(["true"]).sync()


NESTED = (
    "import base64, json, os, sys, urllib.request\n"
    "port, token = os.environ['DAGGER_SESSION_PORT'], os.environ['DAGGER_SESSION_TOKEN']\n"
    "query = json.dumps({'query': sys.argv[1]}).encode()\n"
    "request = urllib.request.Request(f'http://127.0.0.1:{port}/query', query)\n"
    "request.add_header('Authorization', 'Basic ' + base64.b64encode(f'{token}:'.encode()).decode())\n"
    "print(urllib.request.urlopen(request).read().decode(), token)\n"
)


async def test_a_nested_exec_speaks_to_the_same_session(base: dagger.Container) -> None:
    query = '{ container { withLabel(name: "l", value: "nested") { label(name: "l") } } }'
    ran = base.with_exec(["python3", "-c", NESTED, query], experimental_privileged_nesting=True)
    answer, _, token = (await ran.stdout()).rpartition(" ")
    assert '"label":"nested"' in answer
    assert token == "***\n"
    with pytest.raises(dagger.ExecError, match="exit code: 1"):
        await base.with_exec(["python3", "-c", NESTED, query]).sync()


@pytest.mark.parametrize(
    "query",
    [
        '{ host { directory(path: "/etc") { entries } } }',
        '{ host { file(path: "/etc/passwd") { contents } } }',
        '{ host { findUp(name: "etc") } }',
        '{ directory { export(path: "/tmp/escaped") } }',
        '{ container { export(path: "/tmp/escaped") } }',
        '{ secret(uri: "env://PATH") { plaintext } }',
        '{ secret(uri: "cmd://id") { plaintext } }',
    ],
)
async def test_a_nested_exec_has_no_access_to_the_host(base: dagger.Container, query: str) -> None:
    ran = base.with_exec(["python3", "-c", NESTED, query], experimental_privileged_nesting=True)
    assert "it has no access to the host" in await ran.stdout()
