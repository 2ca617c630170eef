"""Whole runs of the command on the real engine, with custom stages that do what each promise needs."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Clone

pytestmark = pytest.mark.engine

COMMAND = str(Path(sys.executable).with_name("gauntlet"))
DOCUMENT = Path(__file__).parents[3] / "docs" / "custom-stages.md"
TODO = DOCUMENT.read_text().partition("```python\n")[2].partition("```")[0]
HEAD = """
import anyio
from gauntlet.stage import StageContext, Tier, stage
from gauntlet_verdict import Status, Verdict
"""
SLOW = f"""{HEAD}
@stage(id="own:slow", tier=Tier.FAST, summary="runs in a container until it is stopped")
async def slow(context: StageContext) -> Verdict:
    context.say("now it runs")
    await context.image.with_env_variable("ROUND", "ROUND_VALUE").with_exec(["sleep", "600"]).sync()
    raise AssertionError
"""
LISTING = f"""{HEAD}
@stage(id="own:listing", tier=Tier.FAST, summary="says what it sees")
async def listing(context: StageContext) -> Verdict:
    for name, tree in (("source", context.source), ("base", context.base), ("history", context.history)):
        if tree is not None:
            for path in sorted(await tree.glob("*")):
                context.say(f"{{name}}: {{path}}")
    for path in sorted(context.changed or ()):
        context.say(f"changed: {{path}}")
    return Verdict(stage="own:listing", status=Status.PASS, looked_at={{"files": 1}})
"""
CONFIG = "custom_stages: [ci_stages/{name}.py]\n"


def with_stage(clone: Clone, name: str, text: str) -> str:
    clone.write(**{f"ci_stages__{name}_dot_py": text.replace("ROUND_VALUE", os.urandom(8).hex())})
    return clone.commit(gauntlet_dot_yaml=CONFIG.format(name=name), a_dot_py="x = 1\n")


def run(clone: Clone, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "run", *arguments]
    return subprocess.run(command, cwd=clone.root, capture_output=True, text=True, check=False, timeout=500)


def report_of(clone: Clone) -> dict[str, Any]:
    return json.loads((clone.root / ".gauntlet" / "run.json").read_text())


def log_of(clone: Clone, stage: str) -> list[str]:
    return (clone.root / ".gauntlet" / "logs" / f"{stage.replace(':', '-')}.log").read_text().splitlines()


def test_the_documented_custom_stage_finds_what_it_should(clone: Clone) -> None:
    with_stage(clone, "todo", TODO)
    clone.write(b_dot_py="y = 2  # TODO later\nz = 3  # TODO(#12) later\n")
    done = run(clone, "own:todo", "--format", "plain")
    assert done.returncode == 1, done.stdout + done.stderr
    (verdict,) = report_of(clone)["verdicts"]
    assert verdict["status"] == "FAIL"
    assert [finding["location"] for finding in verdict["findings"]] == [
        {**dict.fromkeys(verdict["findings"][0]["location"]), "path": "b.py", "line": 1}
    ]
    assert "  b.py:1: y = 2  # TODO later [todo]" in done.stdout
    assert "  again: gauntlet run own:todo" in done.stdout
    assert (clone.root / ".gauntlet" / "exit-code").read_text().strip() == "1"


def test_a_stage_sees_source_base_history_and_what_changed(clone: Clone) -> None:
    base = with_stage(clone, "listing", LISTING)
    clone.commit(_dot_gitignore="ignored\n", b_dot_py="1")
    clone.write(ignored="1", new_dot_py="1", node_modules__x_dot_js="1")
    done = run(clone, "own:listing", "--base", base)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = [line.removesuffix("/") for line in log_of(clone, "own:listing")]
    assert [line for line in seen if line.startswith("source: ")] == [
        f"source: {name}" for name in (".gitignore", "a.py", "b.py", "ci_stages", "gauntlet.yaml", "new.py")
    ]
    assert [line for line in seen if line.startswith("base: ")] == [
        f"base: {name}" for name in ("a.py", "ci_stages", "gauntlet.yaml")
    ]
    assert "history: .git" in seen
    assert {"changed: .gitignore", "changed: b.py", "changed: new.py"} <= set(seen)
    assert "changed: ignored" not in seen
    assert report_of(clone)["source"]["base"] == base


def test_configuration_decides_what_the_source_is(clone: Clone) -> None:
    with_stage(clone, "listing", LISTING)
    clone.write(_dot_gitignore="ignored\n", ignored="1", b_dot_py="1", c_dot_txt="1")
    clone.write(gauntlet_dot_yaml=CONFIG.format(name="listing") + "source: {exclude: [c.txt], gitignore: false}\n")
    done = run(clone, "own:listing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line for line in log_of(clone, "own:listing") if line.startswith("source: ")} >= {
        "source: b.py",
        "source: ignored",
    }
    assert not any("c.txt" in line or ".gauntlet" in line for line in log_of(clone, "own:listing"))


def test_without_git_it_works_without_history(tmp_path: Path) -> None:
    (tmp_path / "ci_stages").mkdir()
    (tmp_path / "ci_stages" / "listing.py").write_text(LISTING)
    (tmp_path / "gauntlet.yaml").write_text(CONFIG.format(name="listing"))
    command = [COMMAND, "run", "own:listing", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["verdicts"][0]["status"] == "PASS"
    assert "commit" not in data["source"]
    assert "history" not in (tmp_path / ".gauntlet" / "logs" / "own-listing.log").read_text()


def test_odd_names_and_links_do_not_stop_a_run(clone: Clone) -> None:
    with_stage(clone, "listing", LISTING)
    for name in (b"with space.py", b"line\nbreak.py", "日本.py".encode(), b"caf\xe9.py"):
        (clone.root / os.fsdecode(name)).write_text("1")
    (clone.root / "loop").symlink_to("loop")
    (clone.root / "out").symlink_to("/etc")
    done = run(clone, "own:listing")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_a_run_ends_it_soon_with_every_report(clone: Clone, number: signal.Signals) -> None:
    with_stage(clone, "slow", SLOW)
    process = subprocess.Popen(
        [COMMAND, "run", "own:slow", "--format", "plain"], cwd=clone.root, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = ""
    while "now it runs" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    time.sleep(1)
    process.send_signal(number)
    rest = process.stdout.read()
    assert process.wait(timeout=60) == 3
    assert f"{number.name}: stopping" in rest
    report = report_of(clone)
    assert report["interrupted"] is True
    assert report["verdicts"] == []
    assert report["not_run"]["own:slow"].startswith("stopped after")
    assert (clone.root / ".gauntlet" / "exit-code").read_text().strip() == "3"


@pytest.mark.parametrize("delay_s", [0.15, 0.3, 0.5, 0.8, 1.2, 1.8, 2.5])
def test_ctrl_c_at_any_moment_leaves_either_nothing_or_every_report(clone: Clone, delay_s: float) -> None:
    with_stage(clone, "slow", SLOW)
    process = subprocess.Popen(
        [COMMAND, "run", "own:slow"], cwd=clone.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    folder = clone.root / ".gauntlet"
    assert "this is a bug" not in error
    if not folder.is_dir():
        # It was still starting: there was no run yet, so there is nothing to report.
        assert process.returncode != 0
        return
    assert process.returncode == 3, error
    assert report_of(clone)["interrupted"] is True
    assert (folder / "exit-code").read_text().strip() == "3"


def test_two_runs_at_once_in_one_repository_both_answer(clone: Clone) -> None:
    with_stage(clone, "todo", TODO)
    command = [COMMAND, "run", "own:todo", "--format", "json"]
    processes = [
        subprocess.Popen(command, cwd=clone.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        out, error = process.communicate(timeout=500)
        assert process.returncode == 0, error
        assert json.loads(out)["verdicts"][0]["status"] == "PASS"
    assert report_of(clone)["verdicts"][0]["status"] == "PASS"


def test_the_plan_says_what_runs_and_why(clone: Clone) -> None:
    with_stage(clone, "todo", TODO)
    command = [COMMAND, "plan", "--skip", "lint:secrets", "--format", "json"]
    done = subprocess.run(command, cwd=clone.root, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert "own:todo" in [entry["stage"] for entry in data["runs"]]
    assert {"stage": "lint:secrets", "why": "skip", "reason": "--skip lint:secrets was asked for"} in data["left_out"]


def test_the_board_on_a_terminal_ends_with_the_table_and_a_cursor(clone: Clone) -> None:
    with_stage(clone, "todo", TODO)
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(
        [COMMAND, "run", "own:todo"], cwd=clone.root, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    )
    os.close(terminal)
    written = b""
    while True:
        try:
            chunk = os.read(controller, 65536)
        except OSError:  # Linux answers EIO when the other side has closed
            break
        if not chunk:
            break
        written += chunk
    os.close(controller)
    assert process.wait(timeout=500) == 0
    shown = written.decode()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "own:todo" in shown.rpartition("\x1b[?25h")[2]
    assert "exit code 0" in shown
