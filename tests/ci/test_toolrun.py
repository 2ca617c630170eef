"""Running a tool on the real engine: what is remembered, what is not, and what an outcome tells."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from dagger import dag

from gauntlet.toolrun import Report, SetupFailedError, ToolCrashedError, outcome_in, run_tool

if TYPE_CHECKING:
    from collections.abc import Callable

    import dagger
    from anyio.from_thread import BlockingPortal

    from gauntlet.toolrun import Outcome

pytestmark = pytest.mark.engine
BIG = "import os, sys; open('/outcome/r.txt', 'w').write(os.urandom(150_000).hex()); sys.exit(1)"


@pytest.fixture(scope="module")
def run(engine: BlockingPortal) -> Callable[..., Outcome]:
    """Run a command in the base image, with `mark` as a part of what the engine knows it by."""

    async def tool(
        argv: list[str], mark: str = "", change: Callable[[dagger.Container], dagger.Container] | None = None,
        **options: Any,
    ) -> Outcome:  # fmt: skip
        container = dag.container().from_("gauntlet/base:trixie").with_env_variable("MARK", mark)
        options = {"timeout_s": 20.0, "cwd": "/", **options}
        return await run_tool(change(container) if change else container, argv, **options)

    return lambda *args, **options: engine.call(lambda: tool(*args, **options))


def fresh() -> str:
    return str(time.time_ns())


def stamp(run: Callable[..., Outcome], mark: str, code: int, **options: Any) -> str:
    """The moment at which the process really ran."""
    return run(["sh", "-c", f"date +%s%N; exit {code}"], mark, ok=(0, 1), **options).stdout


def test_a_pure_answer_is_remembered_be_it_good_or_bad(run: Callable[..., Outcome]) -> None:
    for code in (0, 1):
        mark = fresh()
        assert stamp(run, mark, code) == stamp(run, mark, code)


def test_a_session_answer_is_remembered_only_when_it_is_good(run: Callable[..., Outcome]) -> None:
    mark = fresh()
    assert stamp(run, mark, 0, cache="session") == stamp(run, mark, 0, cache="session")


def test_with_cache_never_it_always_runs(run: Callable[..., Outcome]) -> None:
    mark = fresh()
    assert stamp(run, mark, 0, cache="never") != stamp(run, mark, 0, cache="never")


def test_a_failing_run_hands_over_its_reports(run: Callable[..., Outcome]) -> None:
    script = "echo '<testsuite/>' > /outcome/j.xml; exit 1"
    outcome = run(
        ["sh", "-c", script], fresh(), ok=(0, 1), cache="session", reports={"junit": Report("/outcome/j.xml", "junit")}
    )
    assert (outcome.complete, outcome.exit_code) == (True, 1)
    assert outcome.reports == {"junit": "<testsuite/>\n"}


def test_a_report_that_does_not_fit_into_an_error_comes_all_the_same(run: Callable[..., Outcome]) -> None:
    outcome = run(
        ["python3", "-c", BIG], fresh(), ok=(0, 1), cache="session", reports={"r": Report("/outcome/r.txt", "text")}
    )
    assert outcome.complete
    assert len(outcome.reports["r"]) == 300_000


def test_an_incomplete_run_says_why(run: Callable[..., Outcome]) -> None:
    outcome = run(["sh", "-c", "echo said >&2; exit 3"], fresh())
    assert (outcome.complete, outcome.exit_code) == (False, 3)
    assert outcome.stderr == "said\n"
    assert "exit code 3" in outcome.why


def test_a_tool_that_hangs_times_out_and_is_not_remembered(run: Callable[..., Outcome]) -> None:
    outcome = run(["sleep", "60"], fresh(), timeout_s=1.0)
    assert (outcome.timed_out, outcome.complete) == (True, False)


def test_a_tool_that_stops_its_wrapper_is_ended_by_the_engine(
    run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gauntlet.toolrun.BACKSTOP_S", 2.0)
    outcome = run(["sh", "-c", "kill -STOP $PPID; sleep 60"], fresh(), timeout_s=1.0)
    assert outcome.timed_out


def test_a_tool_that_kills_everything_is_an_error_and_no_verdict(run: Callable[..., Outcome]) -> None:
    with pytest.raises(ToolCrashedError):
        run(["sh", "-c", "kill -9 $PPID; sleep 5"], fresh())


def test_a_failed_installation_is_told_apart_from_the_tool(run: Callable[..., Outcome]) -> None:
    def broken(container: dagger.Container) -> dagger.Container:
        return container.with_exec(["sh", "-c", "echo no network >&2; exit 7"])

    with pytest.raises(SetupFailedError, match=r"exit code 7.*no network") as caught:
        run(["true"], fresh(), broken)
    assert caught.value.exit_code == 7


def test_there_is_no_network_unless_it_is_asked_for(run: Callable[..., Outcome]) -> None:
    interfaces = ["python3", "-c", "import socket; print(sorted(name for _, name in socket.if_nameindex()))"]
    without = run(interfaces, fresh())
    assert "eth0" not in without.stdout
    assert without.confinement.network == "none"
    with_network = run(interfaces, fresh(), network=True)
    assert with_network.confinement.network == "bridge"


def test_fifty_megabytes_of_output_are_survived(run: Callable[..., Outcome]) -> None:
    outcome = run(["sh", "-c", "yes x | head -c 52428800; echo last"], fresh())
    assert outcome.complete
    assert outcome.stdout.endswith("last\n")
    assert len(outcome.stdout) < 3 << 20


def test_hostile_files_in_the_working_directory_do_not_reach_the_wrapper(run: Callable[..., Outcome]) -> None:
    def hostile(container: dagger.Container) -> dagger.Container:
        for name in ("json.py", "subprocess.py", "gauntlet_checks.py", "sitecustomize.py"):
            container = container.with_new_file(f"/src/{name}", "raise SystemExit(0)\n")
        return container.with_workdir("/src")

    outcome = run(["sh", "-c", "exit 4"], fresh(), hostile, cwd="/src")
    assert (outcome.complete, outcome.exit_code) == (False, 4)


def test_an_outcome_that_was_cut_is_none() -> None:
    assert outcome_in("no mark") is None
    assert outcome_in("--- gauntlet outcome ---\neJxLTEoGAAJNASc") is None
    assert outcome_in("--- gauntlet outcome ---\n") is None
