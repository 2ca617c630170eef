"""A host directory of 5,000 files, first and unchanged, against `tar` copying the same tree."""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from pathlib import Path

import anyio

from benchmarks.figure import Figure
from benchmarks.session import connected

FILES = 5000


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tree = Path(folder, "tree")
        dice = random.Random()  # noqa: S311 - not equal to what another run has uploaded, that is all
        for number in range(FILES):
            file = tree / f"d{number % 50}" / f"s{number % 7}" / f"f{number}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(dice.randbytes(2000))
        tar = _tar(tree, Path(folder, "copy"))
        first = anyio.run(_upload, tree)
        again = anyio.run(_upload, tree)
    return [
        Figure("upload of 5,000 files, first", first, tar, "tar | tar of the same tree", 3.0, absolute=True),
        Figure("upload of 5,000 files, unchanged", again, tar, "tar | tar of the same tree", 0.4, absolute=True),
    ]


def _tar(source: Path, target: Path) -> float:
    target.mkdir()
    began = time.perf_counter()
    with subprocess.Popen(["tar", "-C", source, "-cf", "-", "."], stdout=subprocess.PIPE) as packing:
        subprocess.run(["tar", "-C", target, "-xf", "-"], stdin=packing.stdout, check=True)
    return time.perf_counter() - began


async def _upload(tree: Path) -> float:
    async with connected():
        from dagger import dag  # noqa: PLC0415 - connected only now

        began = time.perf_counter()
        await dag.host().directory(str(tree)).sync()
        return time.perf_counter() - began
