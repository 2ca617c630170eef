"""A session on a state without a daemon, against buildkitd itself from its start to its first answer."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import anyio

from benchmarks.figure import Figure, median
from gauntlet_buildkit import buildkitd
from gauntlet_engine.buildkit import connect
from gauntlet_engine.daemon import stop_daemon
from gauntlet_engine.session import open_session
from gauntlet_engine.state import state_dirs

ROUNDS = 5


def measure() -> list[Figure]:
    pairs = [(_bare(), _ours()) for _ in range(ROUNDS)]
    return [
        Figure("engine ready from a cold daemon", median(ours for _, ours in pairs), median(bare for bare, _ in pairs),
               "buildkitd to its first answer", 1.0, absolute=True)
    ]  # fmt: skip


def _ours() -> float:
    async def ready() -> float:
        began = time.perf_counter()
        async with open_session(state=state):
            return time.perf_counter() - began

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = state_dirs({"GAUNTLET_ENGINE_STATE": folder})
        try:
            return anyio.run(ready)
        finally:
            stop_daemon(state)


def _bare() -> float:
    async def answers(address: str) -> None:
        async with connect(address, timeout_s=30) as client:
            await client.info()

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        socket = Path(folder, "sock")
        began = time.perf_counter()
        daemon = subprocess.Popen(
            [buildkitd(), "--root", f"{folder}/root", "--addr", f"unix://{socket}", "--containerd-worker=false"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ),
        )  # fmt: skip
        try:
            while not socket.exists():
                assert daemon.poll() is None, "buildkitd ended at its start"
                time.sleep(0.005)
            anyio.run(partial(answers, f"unix://{socket}"))
            return time.perf_counter() - began
        finally:
            daemon.terminate()
            daemon.wait()
