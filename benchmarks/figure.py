"""One measured figure: ours, a rival's or a limit from the same run, and what was promised."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """Seconds of ours and of a rival. `at_most` is promised of their ratio, or with `absolute` of ours itself."""

    name: str
    ours: float
    rival: float
    rival_is: str
    at_most: float
    absolute: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours to the rival's."""
        return self.ours / self.rival

    @property
    def kept(self) -> bool:
        """Whether the promise holds in this run."""
        return (self.ours if self.absolute else self.ratio) <= self.at_most

    def __str__(self) -> str:
        promise = f"{self.at_most:g} s" if self.absolute else f"{self.at_most:g} x"
        return (
            f"{'ok  ' if self.kept else 'MISS'}  {self.name:<42} {self.ours:8.3f} s  {self.rival:8.3f} s  "
            f"{self.ratio:6.2f} x  (at most {promise})  rival: {self.rival_is}{'; ' + self.note if self.note else ''}"
        )


def median(values: Iterable[float]) -> float:
    """The median; a mean would be the machine's noise."""
    return statistics.median(values)


def seconds(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> float:
    """Wall-clock seconds of a program that must not end as an error of its own (exit code 2 or more)."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=quiet() | dict(env or {}), capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode > 1:
        raise RuntimeError(f"{command}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took


def quiet() -> dict[str, str]:
    """This environment, with bytecode: nobody works without it, and a start without it measures the compiler."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
