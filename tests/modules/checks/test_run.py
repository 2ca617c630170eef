"""The wrapper, run for real as the engine runs it: a program with arguments, an outcome file and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gauntlet_checks
from gauntlet.toolrun import outcome_in

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKS = Path(gauntlet_checks.__file__).parent.parent
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Ran:
    code: int
    outcome: dict[str, Any]
    stdout: str
    stderr: str
    seconds: float


def run(tmp_path: Path, argv: Sequence[str], *options: str, env: dict[str, str] | None = None) -> Ran:
    out = tmp_path / "outcome" / "outcome.json"
    started = time.monotonic()
    finished = subprocess.run(
        [sys.executable, "-P", "-s", "-m", "gauntlet_checks.run", "--out", str(out), *options, "--", *argv],
        env={**os.environ, "PYTHONPATH": str(CHECKS), **(env or {})},
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
        timeout=90,
    )
    outcome = json.loads(out.read_text())
    return Ran(finished.returncode, outcome, finished.stdout, finished.stderr, time.monotonic() - started)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def alive(marker: str) -> bool:
    """Is a process alive that has the marker among its arguments?"""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in line:
                return True
    return False


def test_a_clean_run_is_complete_and_ends_with_zero(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sh", "-c", "echo out; echo err >&2"])
    assert ran.code == 0
    assert ran.outcome["complete"] is True
    assert (ran.outcome["stdout"], ran.outcome["stderr"]) == ("out\n", "err\n")
    assert ran.outcome["exit_code"] == 0
    assert ran.outcome["max_rss_bytes"] > 100_000


def test_an_expected_exit_code_is_an_answer(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sh", "-c", "exit 1"], "--ok=0", "--ok=1")
    assert (ran.code, ran.outcome["complete"], ran.outcome["exit_code"]) == (0, True, 1)


def test_an_unexpected_exit_code_is_no_answer(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sh", "-c", "exit 2"], "--ok=0", "--ok=1")
    assert ran.code == 70
    assert "exit code 2" in ran.outcome["why"]


def test_a_failure_is_not_cached_where_only_a_pass_may_be(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sh", "-c", "exit 1"], "--ok=0", "--ok=1", "--no-cache-failures")
    assert (ran.code, ran.outcome["complete"]) == (71, True)


def test_what_ends_nonzero_prints_the_outcome_that_toolrun_reads(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sh", "-c", "echo why; exit 9"])
    assert ran.code == 70
    assert outcome_in(ran.stdout) == ran.outcome


def test_the_printed_outcome_fits_into_what_dagger_keeps_of_an_error(tmp_path: Path) -> None:
    ran = run(tmp_path, python("import os; print(os.urandom(400_000).hex()); raise SystemExit(9)"))
    printed = outcome_in(ran.stdout[-100 * 1024 :])
    assert printed is not None
    assert printed["exit_code"] == 9
    assert len(ran.outcome["stdout"]) > 800_000


def test_a_tool_that_hangs_is_ended_in_time(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sleep", "60"], "--timeout", "0.5")
    assert ran.code == 124
    assert ran.outcome["timed_out"] is True
    assert ran.seconds < 50


def test_a_tool_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    ignoring = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on', flush=True)\ntime.sleep(60)"
    )
    ran = run(tmp_path, python(ignoring), "--timeout", "1")
    assert (ran.code, ran.outcome["signal"]) == (124, 9)
    assert ran.outcome["stdout"] == "on\n"
    assert ran.seconds < 50


def test_a_timeout_leaves_no_process_behind(tmp_path: Path) -> None:
    marker = f"left-over-{os.getpid()}-{time.monotonic_ns()}"
    script = f"(setsid sh -c 'sleep 60; echo {marker}' &) ; (sh -c 'sleep 60; echo {marker}' &) ; sleep 60"
    ran = run(tmp_path, ["sh", "-c", script], "--timeout", "1")
    assert ran.code == 124
    assert not alive(marker)


def test_a_daemon_that_keeps_the_output_open_is_killed_and_not_waited_for(tmp_path: Path) -> None:
    marker = f"daemon-{os.getpid()}-{time.monotonic_ns()}"
    ran = run(tmp_path, ["sh", "-c", f"echo started; setsid sh -c 'sleep 60; echo {marker}' & exit 0"])
    assert (ran.code, ran.outcome["stdout"]) == (0, "started\n")
    assert ran.seconds < 50
    assert not alive(marker)


def test_a_daemon_cannot_rewrite_a_report_after_it_was_read(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    outcome = tmp_path / "outcome" / "outcome.json"
    forging = f"setsid sh -c 'sleep 1; echo forged > {report}; echo forged > {outcome}' & exit 0"
    script = f"echo '{{}}' > {report}; {forging}"
    ran = run(tmp_path, ["sh", "-c", script], "--report", f"r={report}:json")
    time.sleep(1.5)
    assert ran.outcome["reports"] == {"r": "{}\n"}
    assert report.read_text() == "{}\n"
    assert json.loads(outcome.read_text()) == ran.outcome


def test_a_fork_storm_is_cleared_away(tmp_path: Path) -> None:
    marker = f"storm-{os.getpid()}-{time.monotonic_ns()}"
    storm = (
        "import os, time\n"
        "for _ in range(60):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        os.fork()\n"
        f"        time.sleep(60) or '{marker}'\n"
    )
    ran = run(tmp_path, python(storm))
    assert ran.code == 0
    assert not alive(marker)


def test_output_of_fifty_megabytes_keeps_its_head_and_its_tail(tmp_path: Path) -> None:
    flood = "import sys\nprint('first')\nfor _ in range(50): sys.stdout.write('x' * 1048576 + '\\n')\nprint('last')"
    ran = run(tmp_path, python(flood))
    kept = ran.outcome["stdout"]
    assert ran.code == 0
    assert kept.startswith("first\n")
    assert kept.endswith("last\n")
    assert "bytes left out" in kept
    assert len(kept) < 3 * MEGABYTE
    assert len(ran.stderr) < 5 * MEGABYTE


def test_a_tool_that_closes_its_output_is_still_waited_for(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sh", "-c", "echo said; exec >&- 2>&-; sleep 0.5; exit 3"])
    assert (ran.outcome["stdout"], ran.outcome["exit_code"], ran.code) == ("said\n", 3, 70)


def test_a_tool_that_kills_its_process_group_is_no_answer(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sh", "-c", "kill -9 0"])
    assert (ran.code, ran.outcome["signal"]) == (70, 9)
    assert "signal 9" in ran.outcome["why"]


def test_a_missing_program_is_no_answer(tmp_path: Path) -> None:
    ran = run(tmp_path, ["/no/such/program"])
    assert ran.code == 70
    assert "could not be started" in ran.outcome["why"]
    assert ran.outcome["exit_code"] is None


def test_invalid_utf8_and_nul_survive_as_text(tmp_path: Path) -> None:
    ran = run(tmp_path, ["printf", "a\\377b\\000c"])
    assert ran.outcome["stdout"] == "a\ufffdb\0c"


def test_a_required_report_that_is_missing_is_no_answer(tmp_path: Path) -> None:
    ran = run(tmp_path, ["true"], "--report", f"r={tmp_path}/no.json:json")
    assert ran.code == 70
    assert "no.json" in ran.outcome["why"]


def test_an_optional_report_may_be_missing(tmp_path: Path) -> None:
    ran = run(tmp_path, ["true"], "--optional", f"r={tmp_path}/no.json:json")
    assert (ran.code, ran.outcome["reports"]) == (0, {})
    assert "r" in ran.outcome["unread"]


def test_damaged_reports_are_no_answer(tmp_path: Path) -> None:
    bomb = "<!DOCTYPE a [<!ENTITY b 'bb'>]><testsuite>&b;</testsuite>"
    damaged = {
        "json": ['{"a": ', "", " \n", "[" * 100_000],
        "junit": ["<testsuite>", "<html/>", bomb, "not xml"],
        "xml": ["<a><b></a>", bomb],
        "text": [""],
    }
    for kind, texts in damaged.items():
        for text in texts:
            report = tmp_path / "report"
            report.write_text(text)
            ran = run(tmp_path, ["true"], "--report", f"r={report}:{kind}")
            assert ran.code == 70, (kind, text[:20])


def test_a_junit_report_is_handed_over_as_it_is(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    report.write_text('<?xml version="1.0"?><testsuites><testsuite tests="1"/></testsuites>')
    ran = run(tmp_path, ["true"], "--report", f"junit={report}:junit")
    assert (ran.code, ran.outcome["reports"]["junit"]) == (0, report.read_text())


def test_a_report_that_is_a_pipe_a_folder_or_endless_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for path in (tmp_path / "fifo", tmp_path / "zero", tmp_path):
        ran = run(tmp_path, ["true"], "--report", f"r={path}:text")
        assert ran.code == 70, path
        assert ran.seconds < 50


def test_a_report_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate((64 << 20) + 1)
    ran = run(tmp_path, ["true"], "--report", f"r={tmp_path}/huge.txt:text")
    assert ran.code == 70
    assert "larger than 64 MiB" in ran.outcome["why"]


def test_an_incomplete_run_prints_no_report_that_nobody_may_believe(tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    big.write_text(os.urandom(300_000).hex())
    ran = run(tmp_path, ["sh", "-c", "exit 9"], "--report", f"r={big}:text")
    printed = outcome_in(ran.stdout[-100 * 1024 :])
    assert printed is not None
    assert (printed["exit_code"], printed["reports"]) == (9, {})


def test_modules_in_the_working_directory_cannot_shadow_the_wrapper(tmp_path: Path) -> None:
    hostile = tmp_path / "src"
    (hostile / "gauntlet_checks").mkdir(parents=True)
    for name in ("json.py", "argparse.py", "gauntlet_checks/__init__.py", "gauntlet_checks/run.py", "sitecustomize.py"):
        (hostile / name).write_text("raise SystemExit(0)")
    out = tmp_path / "outcome.json"
    finished = subprocess.run(
        [sys.executable, "-P", "-s", "-m", "gauntlet_checks.run", "--out", str(out), "--", "sh", "-c", "exit 5"],
        cwd=hostile,
        env={**os.environ, "PYTHONPATH": str(CHECKS)},
        check=False,
        capture_output=True,
    )
    assert finished.returncode == 70
    assert json.loads(out.read_text())["exit_code"] == 5


def test_the_tool_does_not_see_the_wrappers_import_path(tmp_path: Path) -> None:
    show = ["sh", "-c", "echo ${PYTHONPATH-none}"]
    assert run(tmp_path, show).outcome["stdout"] == "none\n"
    assert run(tmp_path, show, env={"PYTHONPATH": f"{CHECKS}{os.pathsep}/own"}).outcome["stdout"] == "/own\n"
    assert run(tmp_path, show, "--env=PYTHONPATH=/given").outcome["stdout"] == "/given\n"


def test_cwd_and_environment_reach_the_tool(tmp_path: Path) -> None:
    ran = run(tmp_path, ["sh", "-c", "pwd; echo $A"], "--cwd", str(tmp_path), "--env=A=b=c d")
    assert ran.outcome["stdout"] == f"{tmp_path}\nb=c d\n"


def test_limits_bind_the_tool_and_not_the_wrapper(tmp_path: Path) -> None:
    writing = f"head -c 2000000 /dev/zero > {tmp_path}/large; echo code $?"
    ran = run(tmp_path, ["sh", "-c", writing], "--file-bytes", "1000000")
    assert (tmp_path / "large").stat().st_size == 1_000_000
    memory = run(tmp_path, python("bytearray(1 << 30)"), "--address-space-bytes", str(512 << 20))
    assert "MemoryError" in memory.outcome["stderr"]
    assert ran.code == 0
