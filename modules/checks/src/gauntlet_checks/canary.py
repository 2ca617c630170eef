"""Planted tests that must fail: where the runner calls one of them a success, nothing else that it says is believed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gauntlet_checks.results import Case

MAX_PLANTED = 16
PREFIX = "test_gauntlet_canary_"
# unittest's own naming: a project may have set python_functions and python_classes to something else.
_TEXT = """\
import unittest


class Canary(unittest.TestCase):
    def test_a_failed_assertion(self):
        self.assertEqual("planted", "this must be reported as a failure")

    def test_an_error(self):
        raise RuntimeError("planted: this must be reported as a failure")
"""
_TESTS = 2


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of the canaries: how many were planted and reported as failed, and the folders where one was not."""

    planted: int
    failed: int
    silent: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every planted test was reported as failed."""
        return self.planted > 0 and not self.silent


def folders_to_prove(cases: Iterable[Case]) -> list[str]:
    """Folders with tests that are said to have passed, the busiest first: each has its own conftest files in force."""
    counts: dict[str, int] = {}
    for case in cases:
        if case.outcome == "passed" and case.file:
            folder = PurePosixPath(case.file).parent.as_posix()
            counts[folder] = counts.get(folder, 0) + 1
    return sorted(counts, key=lambda folder: (-counts[folder], folder))[:MAX_PLANTED]


def plant(root: Path, folders: Sequence[str]) -> list[Path]:
    """Write one canary into each folder; names nobody can have written down before."""
    planted: list[Path] = []
    for number, folder in enumerate(folders):
        path = root / folder / f"{PREFIX}{number}_{secrets.token_hex(6)}.py"
        path.write_text(_TEXT, encoding="utf-8")
        planted.append(path)
    return planted


def judge(planted: Sequence[Path], root: Path, cases: Sequence[Case] | None) -> Proof:
    """Compare what was planted with what the runner said about it (None: nothing)."""
    silent: list[str] = []
    failed = 0
    for path in planted:
        told = [case for case in cases or () if case.file == path.relative_to(root).as_posix()]
        reds = sum(case.outcome in {"failed", "error"} for case in told)
        failed += reds
        if reds < _TESTS:
            silent.append(path.parent.relative_to(root).as_posix())
    return Proof(len(planted) * _TESTS, failed, tuple(silent))
