from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """\
import subprocess, sys
from gauntlet_checks.privileges import give_up_for_children
give_up_for_children()
sys.exit(subprocess.run([sys.executable, "-c", sys.argv[1]]).returncode)
"""


def run(code: str) -> int:
    return subprocess.run([sys.executable, "-c", CODE, code], check=False, stderr=subprocess.DEVNULL).returncode


def test_a_file_that_forbids_reading_cannot_be_read_not_even_by_root(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0)
    assert run(f"open({str(secret)!r})") == 1
    secret.chmod(0o600)
    assert run(f"open({str(secret)!r})") == 0


@pytest.mark.parametrize("module", ["imports", "testrun", "integration"])
def test_who_calls_a_check_in_its_own_process_keeps_its_powers(module: str) -> None:
    """As the tests do; a worker of theirs that lost its powers failed everything after it that needs a root."""
    with pytest.raises((OSError, SystemExit)):
        importlib.import_module(f"gauntlet_checks.{module}").main(["--plan", "/no/plan", "--out", "/no/out"])
    assert "NoNewPrivs:\t0\n" in Path("/proc/self/status").read_text()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has capabilities to give up")
def test_the_children_have_no_capabilities_at_all() -> None:
    assert run("assert int(open('/proc/self/status').read().split('CapEff:')[1].split()[0], 16) == 0") == 0
