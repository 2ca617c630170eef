"""An exec through the whole API and the shim, against the same process as a bare op on the same daemon.

Twice: as a stage has it (`gauntlet`'s client, in this process; no network) and as a script has it (dagger-io over HTTP;
with network, and so with the host's certificates and package settings, which a bare op does not get).
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING

import anyio

from benchmarks.figure import Figure, median
from benchmarks.session import connected
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.graph import Exec, Output, Source, marshal

if TYPE_CHECKING:
    from gauntlet_engine.graph.process import Network

ROUNDS = 25
OVERHEAD_S = 0.015


def measure() -> list[Figure]:
    # First the script's: what quickens the client for `gauntlet` stays in force in this process.
    return [
        _figure("exec as a script has it, over the daemon's", anyio.run(_pairs, False, "bridge")),
        _figure("exec as a stage has it, over the daemon's", anyio.run(_pairs, True, "none")),
    ]


def _figure(name: str, pairs: list[tuple[float, float]]) -> Figure:
    ours, bare = median(ours for ours, _ in pairs), median(bare for _, bare in pairs)
    return Figure(
        name, max(ours - bare, 0.0), bare, "the same exec as a bare op", OVERHEAD_S, absolute=True,
        note=f"whole exec {ours:.3f} s",
    )  # fmt: skip


async def _pairs(in_process: bool, network: Network) -> list[tuple[float, float]]:
    async with connected(in_process=in_process) as handle:
        from dagger import dag  # noqa: PLC0415 - connected only now

        base = dag.container().from_("gauntlet/base:trixie")
        if network != "bridge":
            base = base.with_env_variable("_GAUNTLET_CONFINEMENT", json.dumps({"network": network}))
        await base.sync()
        image = await handle.engine.images.resolve("gauntlet/base:trixie")
        root = Output(
            Source(
                platform=host_platform(), name="base", identifier=image.identifier,
                attrs=tuple(sorted(image.attrs.items())),
            )
        )  # fmt: skip

        async def ours() -> float:
            began = time.perf_counter()
            await base.with_env_variable("SALT", uuid.uuid4().hex).with_exec(["true"]).sync()
            return time.perf_counter() - began

        async def bare() -> float:
            op = Exec(
                platform=host_platform(), name="true", args=("/bin/true",), env=(("SALT", uuid.uuid4().hex),),
                cwd="/", root=root, network=network,
            )  # fmt: skip
            began = time.perf_counter()
            await handle.engine.build.solve(marshal(op.root_output))
            return time.perf_counter() - began

        await ours()
        await bare()
        return [(await ours(), await bare()) for _ in range(ROUNDS)]
