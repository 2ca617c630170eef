"""The shim as it is in the wheel, run on this machine in place of a container."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import pytest

from gauntlet_buildkit import exec_shim

if TYPE_CHECKING:
    from collections.abc import Mapping

as_root = pytest.mark.skipif(os.getuid() != 0, reason="changing the user needs root")
as_init = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("unshare") is None, reason="a process namespace needs root"
)

PROC = Path("/proc")
BASE = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}


@dataclass(frozen=True)
class Ran:
    exit: int
    code: str
    stdout: str
    stderr: str
    combined: str
    live: tuple[str, str]


class Run(Protocol):
    def __call__(
        self, *args: str, env: Mapping[str, str] = ..., prefix: tuple[str, ...] = ..., **spec: object
    ) -> Ran: ...


@pytest.fixture
def meta(tmp_path: Path) -> Path:
    return tmp_path / "meta"


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    directory = tmp_path / "cwd"
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    return directory


@pytest.fixture
def run(meta: Path, cwd: Path) -> Run:
    """Runs a command through the shim: keyword arguments are the keys of the specification."""

    def run(*args: str, env: Mapping[str, str] | None = None, prefix: tuple[str, ...] = (), **spec: object) -> Ran:
        done = subprocess.run(
            [*prefix, exec_shim(), "exec", "--meta", meta, json.dumps({"args": args, **spec})],
            cwd=cwd,
            env={**BASE, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return collect(meta, done.returncode, (done.stdout, done.stderr))

    return run


def collect(meta: Path, code: int, live: tuple[str, str] = ("", "")) -> Ran:
    def read(name: str) -> str:
        path = meta / name
        return path.read_text() if path.exists() else ""

    return Ran(code, read("exit-code"), read("stdout"), read("stderr"), read("combined"), live)


def alive(marker: str) -> bool:
    return any(
        marker in command.read_bytes().decode(errors="replace")
        for command in [path / "cmdline" for path in PROC.iterdir() if path.name.isdigit()]
        if command.exists()
    )


def test_both_outputs_are_recorded_and_shown_live(run: Run) -> None:
    ran = run("sh", "-c", "echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three")
    assert (ran.stdout, ran.stderr, ran.combined) == ("one\nthree\n", "two\n", "one\ntwo\nthree\n")
    assert ran.live == (ran.stdout, ran.stderr)
    assert (ran.exit, ran.code) == (0, "0")


@pytest.mark.parametrize(
    ("expect", "script", "code", "status"),
    [
        ("SUCCESS", "exit 3", "3", 3),
        ("FAILURE", "exit 3", "3", 0),
        ("ANY", "exit 3", "3", 0),
        ("FAILURE", "exit 0", "0", 1),
        ("ANY", "exit 200", "200", 200),
        ("ANY", "kill -9 $$", "137", 137),
        ("FAILURE", "kill -TERM $$", "143", 143),
    ],
)
def test_only_a_plain_exit_code_satisfies_an_expectation(
    run: Run, expect: str, script: str, code: str, status: int
) -> None:
    ran = run("sh", "-c", script, expect=expect)
    assert (ran.code, ran.exit) == (code, status)


@pytest.mark.parametrize(("expect", "status"), [("SUCCESS", 1), ("ANY", 0)])
def test_a_missing_program_is_exit_code_1_with_the_reason(run: Run, expect: str, status: int) -> None:
    ran = run("no-such-program", expect=expect)
    assert (ran.code, ran.exit) == ("1", status)
    assert ran.stderr == 'exec: "no-such-program": executable file not found in $PATH\n'


def test_a_file_that_is_no_program_is_exit_code_1_with_the_reason(run: Run, cwd: Path) -> None:
    (cwd / "data").write_bytes(b"\x7fELF but not really")
    (cwd / "data").chmod(0o755)
    ran = run("./data")
    assert (ran.code, ran.exit) == ("1", 1)
    assert ran.stderr == "fork/exec ./data: exec format error\n"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"user": "no-such-user"}, "unable to find user no-such-user"),
        ({"redirectStdout": "missing/out"}, "no such file or directory"),
        ({"redirectStdin": "missing"}, "no such file or directory"),
        ({"secretFiles": ["/nonexistent"]}, "read a secret to scrub"),
        ({"expect": "MAYBE"}, "not one of SUCCESS, FAILURE, ANY"),
    ],
)
def test_a_command_that_is_never_reached_has_code_minus_1_and_a_reason(
    run: Run, spec: dict[str, Any], reason: str
) -> None:
    ran = run("true", **cast("Any", {"expect": "ANY", **spec}))
    assert (ran.code, ran.exit) == ("-1", 255)
    assert reason in ran.stderr
    assert reason in ran.live[1]


def test_the_environment_is_the_containers_without_reserved_names(run: Run, cwd: Path) -> None:
    ran = run("env", env={"A": "b", "_GAUNTLET_CONFINEMENT": "{}"})
    home = pwd.getpwuid(os.getuid()).pw_dir  # the shim asks /etc/passwd, not the caller's HOME
    assert sorted(ran.stdout.splitlines()) == sorted(["A=b", f"HOME={home}", f"PATH={BASE['PATH']}", f"PWD={cwd}"])


def test_build_kits_own_trace_variables_are_left_out_and_the_users_are_not(run: Run) -> None:
    names = {"OTEL_TRACES_EXPORTER": "otlp", "TRACEPARENT": "00-1-2-01"}
    endpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    assert "TRACE" not in run("env", env={**names, endpoint: "unix:///dev/otel-grpc.sock"}).stdout
    assert run("env", env={**names, endpoint: "http://collector.example"}).stdout.count("TRACE") == 3


@as_root
def test_a_user_has_its_own_groups_and_home(run: Run) -> None:
    ran = run("sh", "-c", "id -u; id -g; id -G; echo $HOME", user="nobody", env={"HOME": "/root"})
    assert ran.stdout == "65534\n65534\n65534\n/nonexistent\n"
    assert run("sh", "-c", "echo $HOME", user="nobody", homeSet=True, env={"HOME": "/set"}).stdout == "/set\n"
    assert run("sh", "-c", "id -u; id -g", user="1234").stdout == "1234\n0\n"
    assert run("sh", "-c", "id -u; id -g; id -G", user="nobody:daemon").stdout == "65534\n1\n1\n"


def test_secrets_are_scrubbed_also_in_pieces_but_never_in_files(run: Run, cwd: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cr3t\n")
    script = "printf hunt; sleep 0.1; printf 'er2 hunter'; sleep 0.1; echo ' s3cr3t.' >&2"
    ran = run(
        "sh", "-c", script, env={"PASSWORD": "hunter2"}, secretEnv=["PASSWORD"], secretFiles=[str(tmp_path / "token")],
        redirectStdout="out",
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("*** hunter", " ***.\n")
    assert ran.live == (ran.stdout, ran.stderr)
    assert (cwd / "out").read_text() == "hunter2 hunter"


def test_a_secret_of_one_letter_is_scrubbed_too(run: Run) -> None:
    assert run("echo", "xylophone x", env={"S": "x"}, secretEnv=["S"]).stdout == "***ylophone ***\n"


def test_a_secret_in_the_shims_own_words_is_scrubbed(run: Run) -> None:
    assert "hunter2" not in run("/hunter2/bin", env={"S": "hunter2"}, secretEnv=["S"]).stderr


def test_standard_input_is_empty_unless_given(run: Run, cwd: Path) -> None:
    (cwd / "in").write_text("from a file")
    assert run("cat").stdout == ""
    assert run("cat", stdin="from text").stdout == "from text"
    assert run("cat", redirectStdin="in").stdout == "from a file"
    assert run("cat", stdinFile=str(cwd / "in")).stdout == "from a file"
    assert run("true", stdin="x" * 90_000).code == "0"


@as_root
def test_a_redirected_output_is_still_recorded_and_belongs_to_the_user(run: Run, cwd: Path) -> None:
    (cwd / "out").write_text("something longer that was there before")
    ran = run("echo", "hi", redirectStdout="out", user="nobody")
    assert ran.stdout == (cwd / "out").read_text() == "hi\n"
    assert (cwd / "out").stat().st_uid == 65534


def test_a_time_limit_kills_every_process_and_is_never_satisfied(run: Run) -> None:
    began = time.monotonic()
    ran = run("sh", "-c", "echo begun; setsid sleep 61.5 & sleep 61.5", expect="ANY", limits={"timeoutSeconds": 0.5})
    assert time.monotonic() - began < 50
    assert (ran.code, ran.exit, ran.stdout) == ("124", 124, "begun\n")
    assert ran.stderr.splitlines()[-1] == "gauntlet: killed after 0.5 s (time limit)"
    assert not alive("61.5")


def test_nothing_survives_the_command(run: Run) -> None:
    began = time.monotonic()
    ran = run("sh", "-c", "setsid sleep 62.5 & echo done")
    assert time.monotonic() - began < 50
    assert (ran.code, ran.stdout) == ("0", "done\n")
    assert not alive("62.5")


@as_init
@pytest.mark.parametrize("bare", [False, True])
def test_as_init_it_keeps_the_commands_own_exit_status_among_orphans(run: Run, bare: bool) -> None:
    script = "for i in $(seq 60); do (sleep 0.0$i; exit 9) & done; (setsid sleep 63.5 &); sleep 0.3; exit 5"
    ran = run("sh", "-c", script, noInit=bare, prefix=("unshare", "--pid", "--fork", "--mount-proc"))
    assert (ran.code, ran.exit) == ("5", 5)
    assert not alive("63.5")


@as_init
def test_as_init_it_reaps_orphans(run: Run) -> None:
    script = "for i in 1 2 3 4 5; do (sleep 0.05 &) ; done; sleep 0.3; grep -l 'State:.Z' /proc/[0-9]*/status; exit 0"
    assert run("sh", "-c", script, prefix=("unshare", "--pid", "--fork", "--mount-proc")).stdout == ""


def test_an_output_limit_cuts_the_record_and_not_the_command(run: Run) -> None:
    ran = run("sh", "-c", "yes | head -c 1000000; echo fine >&2; exit 4", limits={"outputBytes": 10})
    assert ran.stdout == "y\ny\ny\ny\ny\n\ngauntlet: output cut after 10 bytes (output limit)\n"
    assert (ran.stderr, ran.code) == ("fine\n", "4")


def test_limits_bind_the_command(run: Run) -> None:
    limits = {"addressSpaceBytes": 1 << 30, "processes": 4000, "fileBytes": 1 << 20, "openFiles": 99, "cpuSeconds": 7}
    ran = run("bash", "-c", "ulimit -v; ulimit -u; ulimit -f; ulimit -n; ulimit -t", limits=limits)
    assert ran.stdout.split() == ["1048576", "4000", "1024", "99", "7"]


def test_a_small_address_space_binds_the_command_and_not_the_shim(run: Run) -> None:
    for _ in range(60):
        ran = run("true", limits={"addressSpaceBytes": 30_000_000, "processes": 100})
        assert (ran.exit, ran.stderr) == (0, "")


def test_too_many_processes_end_the_command_also_for_root(run: Run) -> None:
    script = "for i in $(seq 40); do sleep 64.5 & done; wait"
    ran = run("sh", "-c", script, expect="ANY", limits={"processes": 20} if os.getuid() == 0 else {"processes": 1})
    assert ran.exit != 0
    assert not alive("64.5")


def test_large_outputs_stream_in_bounded_memory(run: Run, meta: Path) -> None:
    script = "head -c 60000000 /dev/zero; grep VmHWM /proc/$PPID/status >&2"
    ran = run("sh", "-c", script, env={"S": "hunter2"}, secretEnv=["S"])
    assert (meta / "stdout").stat().st_size == 60_000_000
    assert int(ran.stderr.split()[1]) < 32 << 10  # KiB


def test_signals_reach_the_command(meta: Path, cwd: Path) -> None:
    spec = {"args": ["sh", "-c", "trap 'echo got it; exit 6' TERM; echo ready; while :; do sleep 0.05; done"]}
    child = subprocess.Popen(
        [exec_shim(), "exec", "--meta", meta, json.dumps(spec)], cwd=cwd, env=BASE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGTERM)
    rest, _ = child.communicate(timeout=30)
    assert (rest, child.returncode) == ("got it\n", 6)


def test_host_settings_fill_gaps_and_hide_their_credentials(run: Run, tmp_path: Path) -> None:
    settings, bundle = tmp_path / "settings.json", tmp_path / "ca.crt"
    index = "https://me:hunter2@packages.example/simple"
    settings.write_text(json.dumps({"env": {"PIP_INDEX_URL": index, "UV_INDEX_URL": "https://host.example"}}))
    bundle.write_text("-----BEGIN CERTIFICATE-----\n")
    ran = run(
        "sh", "-c", "echo $PIP_INDEX_URL $UV_INDEX_URL $SSL_CERT_FILE $PIP_CERT; echo ${#PIP_INDEX_URL}",
        env={"UV_INDEX_URL": "https://own.example", "PIP_CERT": "/own.crt"},
        hostSettings=str(settings), caBundle=str(bundle),
    )  # fmt: skip
    assert ran.stdout == (f"https://***@packages.example/simple https://own.example {bundle} /own.crt\n{len(index)}\n")


def test_absent_host_files_change_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    ran = run("env", hostSettings="/nonexistent/settings.json", caBundle=str(tmp_path / "empty"))
    assert "SSL_CERT_FILE" not in ran.stdout
    assert ran.code == "0"


def test_a_long_specification_comes_from_a_file(meta: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    text = "x" * 120_000
    spec.write_text(json.dumps({"args": ["echo", text], "stdin": text * 5}))
    done = subprocess.run([exec_shim(), "exec", "--meta", meta, f"@{spec}"], env=BASE, capture_output=True, check=False)
    assert done.returncode == 0
    assert (meta / "stdout").read_text() == f"{text}\n"


def test_a_command_cannot_plant_its_exit_code(run: Run, meta: Path, tmp_path: Path) -> None:
    bait = tmp_path / "bait"
    ran = run("sh", "-c", f"ln -s {bait} {meta}/exit-code.new; echo 0 > {meta}/exit-code; exit 3")
    assert ran.code == "3"
    assert not (meta / "exit-code").is_symlink()
    assert not bait.exists()
