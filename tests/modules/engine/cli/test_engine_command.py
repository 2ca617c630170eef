"""The command `gauntlet-engine`, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gauntlet_engine.cli import SUBCOMMANDS, main
from gauntlet_engine.daemon import find_daemon, stop_daemon
from gauntlet_engine.state import StateDirs, state_dirs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StateDirs]:
    monkeypatch.setenv("GAUNTLET_ENGINE_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("BUILDKIT_HOST", raising=False)
    dirs = state_dirs(os.environ)
    yield dirs
    stop_daemon(dirs)


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("gauntlet-engine"))
    return subprocess.run(
        [program, *arguments], check=False, capture_output=True, text=True, env={**os.environ, **more}, timeout=120
    )


def test_help_names_every_subcommand_and_no_arguments_are_wrong_usage() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    assert all(f"  {name} " in shown.stdout for name in SUBCOMMANDS)
    assert run().returncode == 2
    wrong = run("bogus")
    assert wrong.returncode == 2
    assert "no such subcommand: bogus" in wrong.stderr


@pytest.mark.engine
def test_a_daemon_is_started_shown_pruned_and_stopped(state: StateDirs) -> None:
    assert run("status").returncode == 1
    started = run("start")
    assert (started.returncode, started.stdout.split()[0]) == (0, f"unix://{state.run}/buildkitd.sock")
    running = find_daemon(state)
    assert running is not None
    report = json.loads(run("status", "--json").stdout)
    assert (report["running"], report["pid"], report["version"]) == (True, running.pid, "v0.33.1")
    assert f"process {running.pid}" in run("status").stdout
    assert run("prune", "--images").stdout == "freed 0 MB\n"
    assert run("stop").stdout == "stopped\n"
    assert run("stop").stdout == "no daemon was running\n"
    assert find_daemon(state) is None


@pytest.mark.engine
def test_doctor_finds_this_machine_fit_and_starts_nothing(state: StateDirs) -> None:
    checks = json.loads(run("doctor", "--json").stdout)
    levels = {check["name"]: check["level"] for check in checks}
    assert {"kernel", "cgroup", "user", "buildkit", "programs", "network", "state", "disk", "daemon"} <= levels.keys()
    assert "fail" not in levels.values(), checks
    assert not state.root.exists()


@pytest.mark.engine
def test_doctor_names_what_is_missing_and_how_to_get_it(
    state: StateDirs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gauntlet_engine.prerequisites._SYSTEM_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["doctor"]) == 3
    said = capsys.readouterr().out
    assert "FAIL  programs       runc is missing" in said
    assert "→ apt-get install runc" in said


@pytest.mark.engine
def test_doctor_of_a_remote_daemon_asks_only_that(state: StateDirs) -> None:
    checks = json.loads(run("doctor", "--json", BUILDKIT_HOST="tcp://127.0.0.1:1").stdout)
    levels = {check["name"]: check["level"] for check in checks}
    assert levels["daemon"] == "fail"
    assert "programs" not in levels


@pytest.mark.engine
def test_an_error_has_its_remedy_and_exit_code_three(state: StateDirs, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    failed = run("start")
    assert failed.returncode == 3
    assert "gauntlet-engine start: Cannot create" in failed.stderr
    assert "GAUNTLET_ENGINE_STATE" in failed.stderr
