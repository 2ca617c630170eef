"""`call` and `functions` of a real module in its own container."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("module")]


class Dagger(Protocol):
    def __call__(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]: ...


def said(ran: subprocess.CompletedProcess[str]) -> str:
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_functions_lists_what_the_module_has(dagger: Dagger) -> None:
    listed = dict(line.split(maxsplit=1) for line in said(dagger("functions")).splitlines())
    assert listed["greet"] == "Greet somebody."
    assert listed["files"] == "Name the source's files."


def test_a_chain_calls_function_after_function(dagger: Dagger) -> None:
    assert said(dagger("call", "--greeting=good day", "greet", "--name=Ann", "loud")) == "GOOD DAY ANN\n"


def test_an_object_prints_its_scalar_fields(dagger: Dagger) -> None:
    ran = dagger("call", "--json", "greet", "--mood=loud")
    assert json.loads(said(ran)) == {"_type": "GreeterGreeting", "text": "HELLO WORLD", "length": 11}


def test_what_a_function_prints_is_shown_on_stderr_only(dagger: Dagger) -> None:
    ran = dagger("call", "greet", "--name=Ann", "text")
    assert said(ran) == "hello Ann\n"
    assert {"greeting Ann", "to the side"} <= set(ran.stderr.splitlines())
    assert "answered" not in ran.stderr


def test_quiet_is_quiet(dagger: Dagger) -> None:
    assert dagger("call", "-q", "greet").stderr == ""


def test_the_default_path_is_the_repository_less_what_is_ignored(dagger: Dagger) -> None:
    files = said(dagger("call", "files")).splitlines()
    assert "dagger.json" in files
    assert "mine.secret" not in files


def test_a_directory_argument_is_a_folder_of_the_host(dagger: Dagger) -> None:
    assert said(dagger("call", "--source=src", "files")) == "greeter/\n"


def test_a_directory_is_exported(dagger: Dagger, tmp_path: Path) -> None:
    said(dagger("call", "tree", "export", f"--path={tmp_path / 'out'}"))
    assert (tmp_path / "out" / "b" / "c.txt").read_text() == "C"


def test_lists_and_flags_become_values(dagger: Dagger) -> None:
    assert float(said(dagger("call", "total", "--numbers=1,2", "--numbers=4", "--half"))) == 3.5


def test_a_secret_reaches_the_function_and_never_the_output(dagger: Dagger) -> None:
    ran = dagger("call", "reveal", "--secret=env:GREETER_SECRET", GREETER_SECRET="open-sesame")
    assert said(ran) == "11\n"
    assert "sesame" not in ran.stderr


def test_a_raising_function_is_exit_code_1_with_its_words(dagger: Dagger) -> None:
    ran = dagger("call", "boom")
    assert ran.returncode == 1
    assert "Error: FunctionError: this went wrong" in ran.stderr
    assert ran.stdout == ""


def test_a_failed_exec_s_exit_code_is_the_call_s(dagger: Dagger) -> None:
    assert dagger("call", "refuse").returncode == 7


def test_a_process_that_leaves_without_an_answer_is_an_error(dagger: Dagger) -> None:
    ran = dagger("call", "leave")
    assert ran.returncode == 1
    assert "Error" in ran.stderr


def test_no_call_sees_what_another_left_in_memory(dagger: Dagger) -> None:
    assert [said(dagger("call", "counted")) for _ in range(2)] == ["1\n", "1\n"]


def test_a_folder_that_is_not_there_is_a_usage_error(dagger: Dagger) -> None:
    ran = dagger("call", "--source=/no/such/folder", "files")
    assert ran.returncode == 1
    assert "--source: there is no folder /no/such/folder" in ran.stderr
