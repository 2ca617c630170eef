from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gauntlet.cli import main

if TYPE_CHECKING:
    from gauntlet_engine.state import StateDirs

    from .conftest import Clone

COMMAND = Path(sys.executable).with_name("gauntlet")


def exit_code_of(*arguments: str) -> int:
    """The exit code of the command, in this process; argparse leaves by SystemExit."""
    try:
        return main(arguments)
    except SystemExit as left:
        return int(left.code or 0)


def test_help_names_every_subcommand_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of("--help") == 0
    shown = capsys.readouterr().out
    assert all(
        f"    {name} " in shown for name in ("fast", "standard", "full", "run", "plan", "stages", "doctor", "init")
    )
    assert "exit codes: 0 all passed" in shown


def test_help_loads_neither_the_engine_nor_dagger() -> None:
    code = "import sys; from gauntlet.cli import _parser; _parser(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    heavy = {"dagger", "gauntlet_engine", "gauntlet_verdict", "pydantic", "yaml", "rich", "anyio", "grpc", "graphql"}
    assert heavy.isdisjoint(loaded)


def test_a_full_disk_is_the_machines_fault_and_not_ours() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([COMMAND, "stages"], stdout=full, stderr=subprocess.PIPE, check=False, text=True)
    assert ended.returncode == 3
    assert "nothing can be written: No space left on device" in ended.stderr
    assert "bug" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "required: COMMAND"),
        (("fsat",), "invalid choice: 'fsat'"),
        (("fast", "--jobs", "0"), "'0' is not a number from 1 to 256"),
        (("fast", "--jobs", "many"), "'many' is not a number from 1 to 256"),
        (("fast", "--format", "pretty"), "invalid choice: 'pretty'"),
        (("run",), "required: STAGE"),
        (("plan", "slow"), "invalid choice: 'slow'"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(*arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said", "advice"),
    [
        (("fast", "--source", "nowhere"), "--source nowhere: there is no such folder", "check the path"),
        (("fast", "--engine", "docker"), "--engine docker: no such engine", "use embedded, dagger, tcp://"),
        (("fast", "--engine", "unix:///no.sock"), "there is no such socket", "start the daemon"),
        (("fast", "--base", "nowhere"), "--base nowhere: there is no such commit", "git fetch origin"),
        (("fast", "--only", "lint:pyhton"), "--only lint:pyhton: there is no such stage", "mean 'lint:python'?"),
        (("fast", "--skip", "no:*"), "--skip no:*: there is no such stage", "`gauntlet stages` lists them"),
        (("run", "lint:pyhton"), "STAGE lint:pyhton: there is no such stage", "mean 'lint:python'?"),
        (("plan", "--only", "lint:pyhton"), "there is no such stage", "mean 'lint:python'?"),
    ],
)
def test_what_can_not_be_done_is_exit_code_2_with_what_to_do_and_no_traceback(
    clone: Clone,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
    advice: str,
) -> None:
    clone.commit(a_dot_py="x = 1\n")
    monkeypatch.chdir(clone.root)
    assert exit_code_of(*arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert advice in error.partition("what now:")[2]
    assert "Traceback" not in error


def test_a_broken_configuration_is_refused_before_an_engine_starts_and_exit_code_says_2(
    clone: Clone, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAUNTLET_ENGINE_STATE", str(tmp_path / "state"))
    clone.commit(gauntlet_dot_yaml="jbs: 3\nstages:\n  lint:pyton: {}\n")
    assert exit_code_of("fast", "--source", str(clone.root)) == 2
    assert capsys.readouterr().err.splitlines()[:2] == [
        "gauntlet: gauntlet.yaml:1:1: unknown key 'jbs'; did you mean 'jobs'?",
        "gauntlet.yaml:3:3: unknown stage 'lint:pyton'; did you mean 'lint:python'?",
    ]
    assert (clone.root / ".gauntlet" / "exit-code").read_text() == "2\n"
    assert not (tmp_path / "state").exists()


def test_an_old_exit_code_does_not_outlive_a_run_that_was_refused(clone: Clone) -> None:
    clone.commit(gauntlet_dot_yaml="jobs: x\n")
    folder = clone.root / ".gauntlet"
    folder.mkdir()
    (folder / "exit-code").write_text("0\n")
    assert exit_code_of("fast", "--source", str(clone.root)) == 2
    assert (folder / "exit-code").read_text() == "2\n"


def test_reports_are_invisible_to_git(clone: Clone) -> None:
    clone.commit(gauntlet_dot_yaml="jobs: x\n")
    exit_code_of("fast", "--source", str(clone.root))
    assert (clone.root / ".gauntlet").is_dir()
    assert clone.git("status", "--porcelain", "--untracked-files=all") == ""


def with_dagger_cli(text: str, folder: Path, clone: Clone) -> subprocess.CompletedProcess[str]:
    """`gauntlet run` on a Dagger engine whose CLI is the given program."""
    program = folder / "dagger"
    program.write_text(text)
    program.chmod(0o755)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DAGGER_SESSION_")}
    return subprocess.run(
        [COMMAND, "run", "lint:python", "--source", clone.root, "--engine", "dagger"],
        env=ours | {"_EXPERIMENTAL_DAGGER_CLI_BIN": str(program)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


# What stands for a Dagger CLI: our own session command, after more words than a pipe holds.
TALKATIVE = """#!/bin/sh
head -c 1000000 /dev/zero | tr '\\0' x >&2
exec {engine} "$@"
"""


@pytest.mark.engine
@pytest.mark.timeout(120)
def test_a_dagger_cli_may_say_as_much_as_it_likes(clone: Clone, engine_state: StateDirs, tmp_path: Path) -> None:
    clone.commit(a_dot_py="import os\n", gauntlet_dot_yaml="image: gauntlet/base:trixie\n")
    ran = with_dagger_cli(TALKATIVE.format(engine=COMMAND.with_name("gauntlet-engine")), tmp_path, clone)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "a.py:1:8" in ran.stdout


def test_a_dagger_cli_that_fails_is_quoted(clone: Clone, tmp_path: Path) -> None:
    clone.commit(a_dot_py="x = 1\n")
    failing = "#!/bin/sh\necho 'no container runtime on this machine' >&2\nexit 1\n"
    ran = with_dagger_cli(failing, tmp_path, clone)
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert "no container runtime on this machine" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_an_engine_that_is_not_there_is_exit_code_3_with_every_report_written(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.commit(a_dot_py="x = 1\n")
    listener = socket.socket(socket.AF_UNIX)
    # A socket that nobody listens on any more, as a daemon leaves it that was killed.
    listener.bind(str(clone.root / "no.sock"))
    listener.close()
    address = f"unix://{clone.root}/no.sock"
    assert exit_code_of("run", "lint:python", "--source", str(clone.root), "--engine", address) == 3
    error = capsys.readouterr().err
    assert "what now:" in error
    assert "Traceback" not in error
    folder = clone.root / ".gauntlet"
    assert (folder / "exit-code").read_text().strip() == "3"
    run = json.loads((folder / "run.json").read_text())
    assert set(run["not_run"]) == {"lint:python"}
    assert {path.name for path in folder.iterdir()} >= {"junit.xml", "results.sarif", "feedback.json", "report.html"}


def test_reports_that_can_not_be_written_are_said_before_anything_runs(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.commit(a_dot_py="x = 1\n")
    (clone.root / "taken").write_text("a file")
    arguments = ("fast", "--source", str(clone.root), "--report-dir", str(clone.root / "taken"))
    assert exit_code_of(*arguments) == 3
    assert "name another folder with --report-dir" in capsys.readouterr().err


def test_stages_lists_ours_and_custom_ones_with_their_file(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    decorated = "@stage(id='own:x', tier=Tier.FULL, summary='mine')\nasync def run(context): ...\n"
    text = f"from gauntlet.stage import Tier, stage\n{decorated}"
    clone.commit(gauntlet_dot_yaml="custom_stages: [s.py]\n", s_dot_py=text)
    assert exit_code_of("stages", "--source", str(clone.root)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("lint:python ") for line in lines)
    assert any(line.split() == ["own:x", "full", "mine", "(s.py)"] for line in lines)
    assert exit_code_of("stages", "--source", str(clone.root), "--format", "json") == 0
    assert {"id": "own:x", "origin": "s.py"}.items() <= json.loads(capsys.readouterr().out)[-1].items()


def test_the_schema_is_json_with_every_stage(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of("init", "--schema") == 0
    schema = json.loads(capsys.readouterr().out)
    assert "lint:python" in schema["properties"]["stages"]["properties"]


def test_init_writes_its_files_at_the_top_of_the_repository(
    clone: Clone, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.commit(sub__a_dot_py="x = 1\n")
    monkeypatch.chdir(clone.root / "sub")
    assert exit_code_of("init", "--ci", "gitlab") == 0
    assert "next: gauntlet fast" in capsys.readouterr().out
    written = set(clone.git("status", "--porcelain", "--untracked-files=all").split()) - {"??"}
    assert written == {"gauntlet.yaml", "AGENTS.md", ".pre-commit-config.yaml", ".gitlab-ci.yml"}


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "import sys; from gauntlet.cli import main; sys.exit(main(['stages', '--format', 'json']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parent
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    error = process.stderr.read().decode()
    process.wait(timeout=60)
    assert "Traceback" not in error
    assert "Exception ignored" not in error


def test_a_bug_of_ours_shows_its_traceback_only_when_asked(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.commit(a_dot_py="x = 1\n")

    def broken(*_: object) -> float:
        return 1 / 0

    monkeypatch.setattr("gauntlet.cli.checkout.look_at", broken)
    assert exit_code_of("stages", "--source", str(clone.root)) == 3
    error = capsys.readouterr().err
    assert "this is a bug in gauntlet: ZeroDivisionError" in error
    assert "GAUNTLET_DEBUG=1" in error
    monkeypatch.setenv("GAUNTLET_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["stages", "--source", str(clone.root)])


def test_latin_1_terminals_get_question_marks_and_no_crash(clone: Clone) -> None:
    clone.commit(gauntlet_dot_yaml="ünï: 1\n")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [str(COMMAND), "fast", "--source", str(clone.root)], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
