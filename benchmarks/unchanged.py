"""An unchanged FAST on examples/orders, whole process, against importing dagger-io in the same run."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.figure import Figure, median, seconds

ROUNDS = 7


def measure() -> list[Figure]:
    command = [str(Path(sys.executable).with_name("gauntlet")), "fast", "--source", "examples/orders"]
    bare = [sys.executable, "-c", "import dagger"]
    seconds(command)  # what is not cached yet
    seconds(bare)
    # In turn, so that a busy minute is both's.
    pairs = [(seconds(bare), seconds(command)) for _ in range(ROUNDS)]
    return [
        Figure("unchanged FAST", median(ours for _, ours in pairs), median(theirs for theirs, _ in pairs),
               "python -c 'import dagger'", 2.0)
    ]  # fmt: skip
