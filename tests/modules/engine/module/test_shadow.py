"""Our `dagger` never stands in the way of a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OURS = Path(sys.executable).parent / "dagger"


def test_a_real_dagger_elsewhere_on_path_is_run_instead(tmp_path: Path) -> None:
    real = tmp_path / "dagger"
    real.write_text('#!/bin/sh\necho "the real one: $*"\nexit 42\n')
    real.chmod(0o755)
    for path in (f"{OURS.parent}:{tmp_path}", f"{tmp_path}:{OURS.parent}"):
        ran = _run(path, "call", "--x", "y")
        assert (ran.returncode, ran.stdout) == (42, "the real one: call --x y\n")


def test_a_link_to_ours_is_not_taken_for_a_real_one(tmp_path: Path) -> None:
    (tmp_path / "dagger").symlink_to(OURS)
    ran = _run(f"{tmp_path}:{OURS.parent}", "--help")
    assert ran.returncode == 0
    assert "call|functions" in ran.stdout


def _run(path: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OURS, *words], env=os.environ | {"PATH": f"{path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
