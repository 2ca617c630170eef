"""`withExec(["true"])` through the whole API and the shim, against the same process as a bare op on the same daemon."""

from __future__ import annotations

import time
import uuid

import anyio

from benchmarks.figure import Figure, median
from benchmarks.session import connected
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.graph import Exec, Output, Source, marshal

ROUNDS = 25
OVERHEAD_S = 0.015


def measure() -> list[Figure]:
    pairs = anyio.run(_pairs)
    ours, bare = median(ours for ours, _ in pairs), median(bare for _, bare in pairs)
    return [
        Figure("exec: what is on top of the daemon's own", max(ours - bare, 0.0), bare, "the same exec as a bare op",
               OVERHEAD_S, absolute=True, note=f"whole exec {ours:.3f} s")
    ]  # fmt: skip


async def _pairs() -> list[tuple[float, float]]:
    async with connected() as handle:
        from dagger import dag  # noqa: PLC0415 - connected only now

        base = dag.container().from_("gauntlet/base:trixie")
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
                cwd="/", root=root,
            )  # fmt: skip
            began = time.perf_counter()
            await handle.engine.build.solve(marshal(op.root_output))
            return time.perf_counter() - began

        await ours()
        await bare()
        return [(await ours(), await bare()) for _ in range(ROUNDS)]
