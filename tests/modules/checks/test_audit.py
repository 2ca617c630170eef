"""The audit's own answers, before and without pip-audit: what can't be read, and who does not answer."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_checks.audit import BAD_LOCK, NO_ANSWER, main, probed, read_pins, requirement_files
from gauntlet_checks.osv import Advisories
from gauntlet_checks.osv_server import serving
from gauntlet_checks.pins import Pins

if TYPE_CHECKING:
    from pathlib import Path

LOCK = '[[package]]\nname = "a"\nversion = "1"\nsource = { registry = "r" }\n'


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "uv.lock"
    path.write_text(LOCK)
    return path


def audit(tmp_path: Path, *options: str) -> tuple[int, dict[str, Any]]:
    facts = tmp_path / "facts.json"
    report = tmp_path / "report.json"
    code = main(["--facts", str(facts), "--report", str(report), "--pip-audit", "/no/pip-audit", *options])
    assert not report.exists()
    return code, json.loads(facts.read_text())


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_source_that_does_not_answer_is_told_and_never_a_pass(tmp_path: Path, lock: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1/query"
    code, facts = audit(tmp_path, "--url", url, f"uv={lock}")
    assert code == NO_ANSWER
    assert facts["answered"] is False
    assert "does not answer" in facts["why"]
    assert facts["packages"] == 1


def test_a_folder_without_advisories_is_no_answer(tmp_path: Path, lock: Path) -> None:
    empty = tmp_path / "advisories"
    empty.mkdir()
    code, facts = audit(tmp_path, "--folder", str(empty), f"uv={lock}")
    assert (code, facts["answered"]) == (NO_ANSWER, False)
    assert "no advisory" in facts["why"]


def test_a_damaged_lock_is_no_answer_and_names_the_file(tmp_path: Path) -> None:
    damaged = tmp_path / "uv.lock"
    damaged.write_text("[[package")
    code, facts = audit(tmp_path, "--pypi", f"uv={damaged}")
    assert code == BAD_LOCK
    assert "uv.lock" in facts["why"]


def test_locks_of_all_kinds_are_read_together(tmp_path: Path, lock: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("b==2\nc\n")
    assert read_pins([f"uv={lock}", f"pip={requirements}"]) == Pins((("a", "1"), ("b", "2")), ("c",))


def test_two_versions_of_a_package_go_into_two_files(tmp_path: Path) -> None:
    files = requirement_files(Pins((("a", "1"), ("a", "2"), ("b", "1"))), tmp_path)
    assert [file.read_text() for file in files] == ["a==1\nb==1\n", "a==2\n"]


def test_a_server_that_answers_osv_is_an_answer(tmp_path: Path) -> None:
    with serving(Advisories()) as server:
        assert probed(server.url) == ("", None)
