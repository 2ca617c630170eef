from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from defusedxml.ElementTree import fromstring

from gauntlet_verdict.errors import StoreError
from gauntlet_verdict.store import evidence_digests, log_name, reports, write_reports

if TYPE_CHECKING:
    from pathlib import Path

    from gauntlet_verdict import Run

NAMES = {
    "run.json", "junit.xml", "results.sarif", "gl-code-quality.json", "feedback.json", "report.html", "exit-code",
}  # fmt: skip
# A process that writes the reports of a run named by its argument, over and over.
WRITER = """
import sys
from pathlib import Path
from gauntlet_verdict import Run
from gauntlet_verdict.store import write_reports
run = Run.model_validate_json(Path(sys.argv[1]).read_bytes())
run = run.model_copy(update={"tier": sys.argv[3]})
for _ in range(int(sys.argv[4])):
    write_reports(run, {"lint:python": sys.argv[3] * 100_000}, Path(sys.argv[2]))
    print("written", flush=True)
"""


def writer(run: Run, directory: Path, tier: str, times: int) -> subprocess.Popen[str]:
    source = directory.with_name("source.json")
    source.write_bytes(reports(run)["run.json"])
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, source, directory, tier, str(times)], stdout=subprocess.PIPE, text=True
    )


def test_every_report_is_written_and_the_exit_code_last(example: Run, tmp_path: Path) -> None:
    paths = write_reports(example, {"lint:python": "said\n"}, tmp_path / "new" / ".gauntlet")
    names = [path.relative_to(tmp_path / "new" / ".gauntlet").as_posix() for path in paths]
    assert set(names) == NAMES | {"logs/lint-python.log"}
    assert names[-1] == "exit-code"
    assert {name: path.read_bytes() for name, path in zip(names, paths, strict=True)} == reports(
        example, {"lint:python": "said\n"}
    )


def test_what_a_stage_keeps_lies_in_its_own_folder_and_an_earlier_runs_is_removed(example: Run, tmp_path: Path) -> None:
    write_reports(example, {}, tmp_path, {"test:unit": {"junit.xml": "<a/>"}, "other:one": {"x": "x"}})
    (tmp_path / "evidence" / "notes.txt").write_text("somebody's own")
    write_reports(example, {}, tmp_path, {"test:unit": {"coverage.xml": "<b/>"}})
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("evidence/**/*") if path.is_file()}
    assert found == {"evidence/test-unit/coverage.xml", "evidence/notes.txt"}
    assert (tmp_path / "evidence/test-unit/coverage.xml").read_text() == "<b/>"


def test_a_verdict_names_its_evidence_by_digest() -> None:
    digest = "sha256:66f3ba34f971cfe335adb4de5084282bc7acff027f4ec7c1613ced11d1afc2f8"
    assert evidence_digests("test:unit", {"../junit.xml": "<junit/>"}) == {"evidence/test-unit/-junit.xml": digest}


@pytest.mark.parametrize("link", ["evidence", "evidence/test-unit"])
def test_evidence_never_follows_a_link_out_of_the_directory(example: Run, tmp_path: Path, link: str) -> None:
    outside, reports_folder = tmp_path / "outside", tmp_path / "reports"
    (outside / "test-unit").mkdir(parents=True)
    for name in ("mine.txt", "test-unit/mine.txt"):
        (outside / name).write_text("kept")
    (reports_folder / link).parent.mkdir(parents=True, exist_ok=True)
    (reports_folder / link).symlink_to(outside)
    with pytest.raises(StoreError, match="symbolic link"):
        write_reports(example, {}, reports_folder, {"test:unit": {"junit.xml": "<a/>"}})
    write_reports(example, {}, reports_folder)
    assert (outside / "mine.txt").exists()
    assert (outside / "test-unit" / "mine.txt").exists()
    assert not (outside / "junit.xml").exists()


def test_nothing_else_is_left_in_the_directory(example: Run, tmp_path: Path) -> None:
    write_reports(example, {}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == NAMES | {"logs"}


def test_others_may_read_what_the_umask_lets_them(example: Run, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        paths = write_reports(example, {}, tmp_path)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o644}


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("lint:python", "logs/lint-python.log"),
        ("../../etc/cron.d/x", "logs/-..-etc-cron.d-x.log"),
        ("a\x00\n/b", "logs/a---b.log"),
        ("", "logs/-.log"),
        ("x" * 500, f"logs/{'x' * 200}.log"),
    ],
)
def test_a_log_has_a_harmless_name(stage: str, name: str) -> None:
    assert log_name(stage) == name


def test_logs_of_two_ids_with_one_name_are_both_kept(example: Run) -> None:
    assert reports(example, {"a:b": "one\n", "a-b": b"two\n"})["logs/a-b.log"] == b"one\ntwo\n"


@pytest.mark.parametrize(
    ("log", "kept"), [("caf\udce9", b"caf\xe9"), ("\ud800", b"\\ud800"), (b"\xff\x00", b"\xff\x00")]
)
def test_a_log_keeps_its_bytes(example: Run, log: str | bytes, kept: bytes) -> None:
    assert reports(example, {"a": log})["logs/a.log"] == kept


def test_an_earlier_runs_logs_go_and_other_peoples_files_stay(example: Run, tmp_path: Path) -> None:
    write_reports(example, {"old:stage": "x", "lint:python": "x"}, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "logs" / "notes.txt").write_text("mine")
    write_reports(example, {"lint:python": "y"}, tmp_path)
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"lint-python.log", "notes.txt"}
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_two_runs_at_once_leave_the_whole_set_of_one(example: Run, tmp_path: Path) -> None:
    directory = tmp_path / "reports"
    writers = [writer(example, directory, tier, 15) for tier in ("aaa", "bbb")]
    seen = 0
    while any(each.poll() is None for each in writers):
        if (directory / "run.json").exists():
            assert json.loads((directory / "run.json").read_bytes())["tier"] in {"aaa", "bbb"}
            seen += 1
        if (directory / "junit.xml").exists():
            assert fromstring((directory / "junit.xml").read_bytes()).tag == "testsuites"
    assert [each.wait() for each in writers] == [0, 0]
    tier = json.loads((directory / "run.json").read_bytes())["tier"]
    assert f'name="gauntlet {tier}"'.encode() in (directory / "junit.xml").read_bytes()
    assert json.loads((directory / "feedback.json").read_bytes())["tier"] == tier
    assert (directory / "logs" / "lint-python.log").read_text() == tier * 100_000
    assert {path.name for path in directory.iterdir()} == NAMES | {"logs"}
    assert seen > 0


def test_a_killed_writer_leaves_whole_files_and_the_next_one_tidies_up(example: Run, tmp_path: Path) -> None:
    directory = tmp_path / "reports"
    for pause in (0.0, 0.003, 0.01):
        victim = writer(example, directory, "ccc", 1000)
        assert victim.stdout is not None
        victim.stdout.readline()
        time.sleep(pause)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stdout.close()
        for name in ("run.json", "feedback.json", "results.sarif"):
            json.loads((directory / name).read_bytes())
        if (directory / "exit-code").exists():
            assert (directory / "exit-code").read_bytes() == b"1\n"
    (directory / ".gauntlet-0123456789abcdef.tmp").write_text("half")
    write_reports(example, {}, directory)
    assert {path.name for path in directory.iterdir()} == NAMES | {"logs"}


def test_a_file_in_the_way_of_the_directory_is_named_with_a_remedy(example: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        write_reports(example, {}, tmp_path / "file" / "reports")
    assert caught.value.path == tmp_path / "file" / "reports"
    assert "Not a directory" in str(caught.value)
    assert "--report-dir" in caught.value.remedy


def test_a_directory_in_the_way_of_a_report_is_named(example: Run, tmp_path: Path) -> None:
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(StoreError) as caught:
        write_reports(example, {}, tmp_path)
    assert caught.value.path == tmp_path / "junit.xml"
    assert not (tmp_path / "exit-code").exists()
    assert not list(tmp_path.glob(".gauntlet-*"))


def test_logs_that_lead_elsewhere_are_refused(example: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.log").write_text("keep")
    directory = tmp_path / "reports"
    directory.mkdir()
    (directory / "logs").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="symbolic link"):
        write_reports(example, {"lint:python": "x"}, directory)
    assert [path.name for path in elsewhere.iterdir()] == ["precious.log"]


def test_a_report_that_is_a_link_is_replaced_and_its_target_left_alone(example: Run, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("keep")
    directory = tmp_path / "reports"
    directory.mkdir()
    (directory / "run.json").symlink_to(target)
    write_reports(example, {}, directory)
    assert target.read_text() == "keep"
    assert not (directory / "run.json").is_symlink()


def failing_in_a_process(run: Run, directory: Path, before: str) -> str:
    """What a process says that writes reports after `before`, a line of Python."""
    source = directory.with_name("source.json")
    source.write_bytes(reports(run)["run.json"])
    code = f"""
import os, resource, signal, sys
from pathlib import Path
from gauntlet_verdict import Run
from gauntlet_verdict.errors import StoreError
from gauntlet_verdict.store import reports, write_reports
run = Run.model_validate_json(Path(sys.argv[1]).read_bytes())
reports(run)
{before}
try:
    write_reports(run, {{}}, Path(sys.argv[2]))
except StoreError as error:
    print(error.path.name, "|", error.why, "|", error.remedy)
"""
    done = subprocess.run([sys.executable, "-c", code, source, directory], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_limit_on_file_sizes_is_named_with_a_remedy(example: Run, tmp_path: Path) -> None:
    limit = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))"
    said = failing_in_a_process(example, tmp_path / "reports", limit)
    assert said.startswith("run.json | File too large | raise the limit")
    assert not list((tmp_path / "reports").glob(".gauntlet-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, or mounts a small disk")
def test_a_directory_of_somebody_else_is_named_with_a_remedy(example: Run, tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    (tmp_path / "reports").mkdir(mode=0o755)
    said = failing_in_a_process(example, tmp_path / "reports", "os.setuid(65534)")
    assert said.startswith("logs | Permission denied | make the directory writable")


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, or mounts a small disk")
def test_a_full_disk_is_named_with_a_remedy(example: Run, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount")
    try:
        with pytest.raises(StoreError) as caught:
            write_reports(example, {"lint:python": "x" * 10**6}, disk)
        assert "No space left on device" in str(caught.value)
        assert caught.value.remedy.startswith("free some space")
        assert not (disk / "exit-code").exists()
        assert not list(disk.glob("**/.gauntlet-*"))
    finally:
        subprocess.run(["umount", disk], check=True)
