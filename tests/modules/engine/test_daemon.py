"""The daemon's life, each test with a state of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.abc
import pytest

from gauntlet_engine import prerequisites
from gauntlet_engine.buildkit import DaemonGone, EngineError, SessionGone, connect
from gauntlet_engine.daemon import find_daemon, holding_daemon, running_daemon, stop_daemon
from gauntlet_engine.graph import marshal
from gauntlet_engine.state import StateDirs, state_dirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gauntlet_engine.buildkit import Attachables
    from gauntlet_engine.graph import Exec

pytestmark = pytest.mark.engine


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "GAUNTLET_ENGINE_STATE": str(tmp_path / "state")}


@pytest.fixture
def state(environ: dict[str, str]) -> Iterator[StateDirs]:
    dirs = state_dirs(environ)
    yield dirs
    stop_daemon(dirs)


def gone(pid: int, within: float = 10) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def interface(state: StateDirs) -> str:
    return json.loads((state.root / "keeper.json").read_text())["bridge"]


def leftovers(state: StateDirs) -> list[str]:
    """Mounts, containers, network rules and interfaces that belong to this state."""
    found = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(state.root) in line]
    found += [str(path) for path in (state.root / "runc").glob("*")]
    bridge = interface(state)
    rules = subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout
    found += [rule for rule in rules.splitlines() if bridge in rule]
    found += [bridge] if Path(f"/sys/class/net/{bridge}").exists() else []
    return found


def test_a_daemon_starts_once_and_is_found_again(state: StateDirs, environ: dict[str, str]) -> None:
    said: list[str] = []
    with holding_daemon(state, environ, log=said.append) as first, holding_daemon(state, environ) as second:
        assert first == second == find_daemon(state)
    assert said == ["starting the engine's daemon"]
    assert find_daemon(state) is not None, "it stays for the next run"


def test_nothing_is_left_after_a_stop(state: StateDirs, environ: dict[str, str]) -> None:
    with holding_daemon(state, environ) as running:
        pass
    assert stop_daemon(state) is True
    assert gone(running.pid)
    assert gone(running.keeper)
    assert find_daemon(state) is None
    assert leftovers(state) == []
    assert stop_daemon(state) is False


def test_a_daemon_of_another_release_is_replaced_once_nobody_uses_it(
    state: StateDirs, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with holding_daemon(state, environ) as first:
        monkeypatch.setattr("gauntlet_engine.daemon.VERSION", "v99")
        with holding_daemon(state, environ) as used:
            assert used == first
    with holding_daemon(state, environ) as second:
        assert second.pid != first.pid
        assert gone(first.pid)


def test_many_processes_at_once_start_one_daemon(state: StateDirs, environ: dict[str, str]) -> None:
    program = (
        "import os; from gauntlet_engine.daemon import holding_daemon; from gauntlet_engine.state import state_dirs\n"
        "with holding_daemon(state_dirs(os.environ), os.environ) as running: print(running.pid)"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", program], env=environ, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    pids = {starter.communicate(timeout=60)[0] for starter in starters}
    running = find_daemon(state)
    assert running is not None
    assert pids == {f"{running.pid}\n"}


def test_an_unused_daemon_ends_by_itself_and_a_used_one_does_not(state: StateDirs, environ: dict[str, str]) -> None:
    environ["GAUNTLET_ENGINE_IDLE_SECONDS"] = "1"
    with holding_daemon(state, environ) as running:
        time.sleep(4)
        assert find_daemon(state) == running
    assert gone(running.keeper, within=15)
    assert find_daemon(state) is None
    with holding_daemon(state, environ) as again:
        assert again.pid != running.pid


@pytest.mark.parametrize("victim", ["pid", "keeper"])
def test_kill_minus_nine_of_either_process_leaves_a_usable_state(
    state: StateDirs, environ: dict[str, str], victim: str
) -> None:
    with holding_daemon(state, environ) as running:
        os.kill(getattr(running, victim), signal.SIGKILL)
        assert gone(running.pid)
        assert gone(running.keeper)
    with holding_daemon(state, environ) as again:
        assert again.pid != running.pid
        anyio.run(answer, again.address)


async def answer(address: str) -> None:
    async with connect(address) as client:
        assert (await client.info()).version


@pytest.mark.anyio
@pytest.mark.parametrize("victim", ["pid", "keeper"])
async def test_a_daemon_killed_in_mid_run_is_a_typed_error_and_leaves_nothing_behind(
    state: StateDirs, environ: dict[str, str], attachables: Attachables, shell: Callable[..., Exec], victim: str
) -> None:
    # `shell` has registered the base image's store in `attachables`; this other daemon reads it from there.
    op = shell("sleep 98765")
    async with running_daemon(state, environ) as address, connect(address) as client:
        running = find_daemon(state)
        assert running is not None
        with pytest.RaisesGroup(pytest.RaisesExc((DaemonGone, SessionGone))):
            async with (
                client.session(attachables) as session,
                client.build(session) as build,
                anyio.create_task_group() as tasks,
            ):

                async def kill() -> None:
                    while not list((state.root / "runc").glob("*")):
                        await anyio.sleep(0.02)
                    os.kill(getattr(running, victim), signal.SIGKILL)

                tasks.start_soon(kill)
                await build.solve(marshal(op.root_output))
    assert gone(running.keeper)
    assert gone(running.pid)
    if victim == "keeper":  # nobody is left to clean up but the next one
        with holding_daemon(state, environ) as again:
            assert again.pid != running.pid
        stop_daemon(state)
    assert leftovers(state) == []
    assert subprocess.run(["pgrep", "-f", "sleep 98765"], check=False).returncode == 1


def test_what_is_missing_is_named_with_its_remedy(
    state: StateDirs, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prerequisites, "_SYSTEM_PATH", str(tmp_path))
    environ["PATH"] = str(tmp_path)
    with pytest.raises(DaemonGone, match="runc is missing") as caught, holding_daemon(state, environ):
        pass
    assert "apt-get install runc" in caught.value.diagnostics()


def test_a_daemon_that_dies_at_its_start_shows_its_own_words(state: StateDirs, environ: dict[str, str]) -> None:
    state.prepare()
    (state.root / "buildkit").write_text("a file where a directory should be")
    with pytest.raises(DaemonGone, match=r"buildkit.*not a directory"), holding_daemon(state, environ):
        pass


@pytest.mark.anyio
async def test_buildkit_host_names_another_daemon(state: StateDirs, daemon_address: str) -> None:
    async with running_daemon(state, {"BUILDKIT_HOST": daemon_address}) as address:
        assert address == daemon_address
    assert not state.root.exists()


@pytest.mark.anyio
async def test_a_tcp_address_works_as_well(daemon_address: str) -> None:
    path = daemon_address.removeprefix("unix://")

    async def forward(client: anyio.abc.SocketStream) -> None:
        async with client, await anyio.connect_unix(path) as server, anyio.create_task_group() as tasks:
            tasks.start_soon(pump, client, server)
            await pump(server, client)
            tasks.cancel_scope.cancel()

    async def pump(source: anyio.abc.SocketStream, target: anyio.abc.SocketStream) -> None:
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for data in source:
                await target.send(data)

    async with anyio.create_task_group() as tasks:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610  no Django here
        tasks.start_soon(listener.serve, forward)
        async with connect(f"tcp://127.0.0.1:{port}") as client:
            assert (await client.info()).version
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_nobody_there_and_a_wrong_address_are_clear_errors(state: StateDirs, tmp_path: Path) -> None:
    with pytest.raises(DaemonGone, match="No BuildKit daemon answers at unix:"):
        async with connect(f"unix://{tmp_path}/nobody", timeout_s=0.3):
            pass
    with pytest.raises(EngineError, match="Not a BuildKit address") as caught:
        async with connect("docker-container://x"):
            pass
    assert "tcp://host:port" in caught.value.diagnostics()
