from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import dagger
import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("daemon_address")]

COMMAND = [sys.executable, "-c", "import sys; from gauntlet_engine.cli import main; sys.exit(main())", "session"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, "--label", "dagger.io/sdk.name:python", "--load-workspace-modules"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        yield started
        started.kill()


def parameters(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert set(line) == {"port", "session_token"}
    return f"http://127.0.0.1:{line['port']}/query", line["session_token"]


def answers(url: str, token: str) -> bool:
    return httpx.post(url, json={"query": "{version}"}, auth=(token, "")).json()["data"]["version"] != ""


def test_one_line_says_where_the_session_is_and_it_ends_with_stdin(process: subprocess.Popen[str]) -> None:
    url, token = parameters(process)
    assert answers(url, token)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        answers(url, token)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(process: subprocess.Popen[str], number: signal.Signals) -> None:
    url, token = parameters(process)
    assert answers(url, token)
    process.send_signal(number)
    assert process.wait(30) == 0


def test_two_sessions_share_the_daemon_and_not_their_tokens(process: subprocess.Popen[str]) -> None:
    url, token = parameters(process)
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other_url, other_token = parameters(other)
        assert answers(url, token)
        assert answers(other_url, other_token)
        assert httpx.post(url, json={"query": "{version}"}, auth=(other_token, "")).status_code == 401
        other.communicate()


@pytest.mark.anyio
async def test_the_sdk_provisions_it_as_it_would_dagger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "engine"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{COMMAND[2]}" "$@"\n')
    program.chmod(0o755)
    (tmp_path / "mark").write_text("here")
    monkeypatch.setenv("_EXPERIMENTAL_DAGGER_CLI_BIN", str(program))
    monkeypatch.delenv("DAGGER_SESSION_PORT", raising=False)
    async with dagger.Connection(dagger.Config(workdir=tmp_path)) as dag:
        assert await dag.host().directory(".").file("mark").contents() == "here"


def test_no_daemon_is_said_on_stderr_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {**os.environ, "BUILDKIT_HOST": "unix:///nonexistent/buildkitd.sock"}
    finished = subprocess.run(COMMAND, input="", capture_output=True, text=True, env=environ, check=False)
    assert finished.returncode != 0
    assert finished.stdout == ""
    assert "gauntlet-engine" in finished.stderr
    assert "Traceback" not in finished.stderr
