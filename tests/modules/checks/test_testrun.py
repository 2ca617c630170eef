from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_checks.testrun import Plan, Report, is_green, main, run

if TYPE_CHECKING:
    from collections.abc import Callable

PACK = sys.prefix  # this environment has all that a pack has


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv with nothing in it, as a project without a test runner has."""
    folder = tmp_path_factory.mktemp("bare") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


@pytest.fixture
def tests(tmp_path: Path, bare: Path) -> Callable[..., Report]:
    """Runs the tests in the given files, serially unless asked."""

    def go(files: dict[str, str], **more: Any) -> Report:
        root = tmp_path / "src"
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        written = tuple(sorted(path for path in files if "test_" in path))
        asked: dict[str, Any] = {"environment": str(bare), "pack": PACK, "tests": written, **more}
        return run(Plan(str(root), **asked))

    return go


GREEN = "def test_a(): pass\ndef test_b(): pass\n"


def test_a_green_run_is_believed_because_planted_tests_fail(tests: Callable[..., Report]) -> None:
    report = tests({"tests/test_a.py": GREEN, "tests/deep/test_b.py": GREEN})
    assert (report.state, report.counts["passed"], report.failures, report.exit_code) == ("ran", 4, [], 0)
    assert report.proof == {"planted": 4, "failed": 4, "silent": ()}
    assert is_green(report)


def test_what_the_project_lacks_is_added_and_named(tests: Callable[..., Report]) -> None:
    report = tests({"test_a.py": GREEN})
    assert {"pytest", "pytest-xdist", "pytest-cov"} <= set(report.added)
    assert report.refused == {}


def test_a_failure_is_placed_at_its_line_with_its_long_traceback(tests: Callable[..., Report]) -> None:
    text = "from lib import half\n\ndef test_a():\n    assert half(3) == 1\n"
    report = tests({"tests/test_a.py": text, "tests/lib.py": "def half(x):\n    raise ValueError(x)\n"})
    (failure,) = report.failures
    assert (failure["file"], failure["line"], failure["kind"]) == ("tests/lib.py", 2, "failed")
    assert failure["id"] == "tests/test_a.py::test_a"
    assert "assert half(3) == 1" in failure["text"]
    assert report.proof is None
    assert not is_green(report)


def test_a_module_that_cannot_be_collected_is_a_failure_and_the_others_still_run(tests: Callable[..., Report]) -> None:
    files = {
        "tests/test_a.py": "import nowhere_at_all\n",
        "tests/test_b.py": GREEN,
        "tests/test_c.py": "x = 1\ndef (:\n",
    }
    report = tests(files)
    assert [(f["kind"], f["file"], f["line"]) for f in report.failures] == [
        ("error", "tests/test_a.py", 1),
        ("error", "tests/test_c.py", 2),
    ]
    assert report.failures[0]["id"] == "tests/test_a.py"
    assert report.counts["passed"] == 2


def test_no_tests_is_said_as_such(tests: Callable[..., Report]) -> None:
    report = tests({"src/a.py": ""})
    assert (report.state, report.exit_code) == ("no-tests", 5)


def test_tests_that_are_written_and_never_collected_are_told(tests: Callable[..., Report]) -> None:
    files = {"conftest.py": "collect_ignore = ['test_b.py']\n", "test_a.py": GREEN, "test_b.py": GREEN}
    report = tests(files)
    assert report.uncollected == ["test_b.py"]
    assert (report.counts["written"], report.counts["collected"]) == (4, 2)


@pytest.mark.parametrize(
    "cheat",
    [
        # Every report says "passed".
        (
            "import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
            "    outcome = yield\n    report = outcome.get_result()\n    report.outcome = 'passed'\n"
        ),
        # No test function is ever called.
        "def pytest_itemcollected(item):\n    item.runtest = lambda: None\n",
        # Everything but what is known is dropped.
        "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'canary' not in i.nodeid]\n",
        # Everything is expected to fail.
        "import pytest\ndef pytest_itemcollected(item):\n    item.add_marker(pytest.mark.xfail)\n",
    ],
    ids=["reports", "calls", "drops", "xfails"],
)
def test_a_conftest_that_turns_failures_into_passes_is_found_out(tests: Callable[..., Report], cheat: str) -> None:
    report = tests({"tests/conftest.py": cheat, "tests/test_a.py": "def test_a(): assert True\n"})
    assert report.counts["passed"] == 1
    assert report.proof is not None
    assert report.proof["silent"] == ("tests",)
    assert not is_green(report)


def test_tests_that_were_collected_and_are_in_no_report_are_told(tests: Callable[..., Report]) -> None:
    drop = (
        "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_protocol(item):\n"
        "    return True if item.name == 'test_b' else None\n"
    )
    report = tests({"conftest.py": drop, "test_a.py": GREEN})
    assert report.never_ran == ["test_a.py::test_b"]
    assert not is_green(report)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("os._exit(0)", "exit code 0 and left no report"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("os.killpg(0, signal.SIGKILL)", "signal 9"),
        ("os.abort()", "signal 6"),
    ],
)
def test_a_test_that_kills_its_runner_is_no_pass_and_is_named(
    tests: Callable[..., Report], body: str, says: str
) -> None:
    report = tests({"test_a.py": f"import os, signal\ndef test_a(): pass\n\ndef test_bad():\n    {body}\n"})
    assert report.state == "died"
    assert says in report.why
    assert report.unfinished == [{"id": "test_a.py::test_bad", "file": "test_a.py", "line": 4}]
    assert not is_green(report)


def test_with_workers_a_killed_one_is_a_failure_of_the_test(tests: Callable[..., Report]) -> None:
    bad = "import os\ndef test_a(): pass\ndef test_bad():\n    os._exit(0)\n"
    report = tests({"test_a.py": bad, "test_b.py": GREEN}, workers=2)
    assert report.unfinished[0]["id"] == "test_a.py::test_bad"
    assert not is_green(report)


def test_a_conftest_that_ends_the_process_is_no_pass(tests: Callable[..., Report]) -> None:
    report = tests({"conftest.py": "import os\nos._exit(0)\n", "test_a.py": GREEN})
    assert (report.state, report.unfinished) == ("died", [])


def test_a_test_that_hangs_is_ended_and_named(tests: Callable[..., Report]) -> None:
    text = "import subprocess, time\ndef test_a():\n    subprocess.Popen(['sleep', '300'])\n    time.sleep(300)\n"
    report = tests({"test_a.py": text}, timeout_s=3.0)
    assert (report.state, [test["id"] for test in report.unfinished]) == ("timeout", ["test_a.py::test_a"])


def test_a_test_that_prints_fifty_megabytes_is_like_any_other(tests: Callable[..., Report]) -> None:
    report = tests({"test_a.py": "def test_a():\n    print('x' * 50_000_000)\n    assert False\n"})
    assert [failure["file"] for failure in report.failures] == ["test_a.py"]
    assert len(json.dumps(report.failures)) < 20_000


def test_a_thousand_failures_still_make_a_short_report(tests: Callable[..., Report]) -> None:
    text = "import pytest\n@pytest.mark.parametrize('n', range(1000))\ndef test_a(n):\n    assert n == 'y' * 5000\n"
    report = tests({"test_a.py": text})
    assert report.counts["failed"] == 1000
    assert len(json.dumps(report.failures)) < 400_000


def test_workers_are_started_only_where_enough_tests_are_written(tests: Callable[..., Report]) -> None:
    assert tests({"test_a.py": GREEN}, workers=2, worth_workers=3).workers == 0
    assert tests({"test_a.py": GREEN, "test_b.py": GREEN}, workers=2, worth_workers=3).workers == 2


def test_workers_share_the_tests_and_the_count_is_the_same(tests: Callable[..., Report]) -> None:
    report = tests({"test_a.py": GREEN, "test_b.py": GREEN}, workers=2)
    assert (report.workers, report.counts["passed"], report.counts["collected"], report.never_ran) == (2, 4, 4, [])


def test_tests_that_never_promised_to_run_beside_each_other_are_judged_alone(
    tests: Callable[..., Report], tmp_path: Path
) -> None:
    lock = tmp_path / "held"
    text = (
        "import pathlib, time\n\ndef test_a():\n"
        f"    held = pathlib.Path({str(lock)!r})\n    held.touch(exist_ok=False)\n"
        "    time.sleep(1)\n    held.unlink()\n"
    )
    report = tests({"test_a.py": text, "test_b.py": text}, workers=2)
    assert (report.failures, report.workers) == ([], 0)
    assert report.parallel_only


def test_a_project_that_refuses_our_options_runs_without_them(tests: Callable[..., Report]) -> None:
    files = {"pytest.ini": "[pytest]\naddopts = -p no:xdist -p no:pytest_cov\n", "test_a.py": GREEN, "lib.py": ""}
    report = tests(files, workers=2, cover=(".",))
    assert (report.state, report.counts["passed"], report.workers) == ("ran", 2, 0)


def test_what_pytest_and_coverage_write_is_kept_where_it_is_asked_for(
    tests: Callable[..., Report], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    files = {
        "src/lib.py": "def f():\n    return 1\n",
        "test_a.py": "from lib import f\ndef test_a(): assert f() == 2\n",
    }
    tests(files, cover=("lib",), roots=("src",), keep=str(kept))
    assert 'name="test_a"' in (kept / "junit.xml").read_text()
    assert 'filename="src/lib.py"' in (kept / "coverage.xml").read_text()


def test_coverage_is_measured_with_branches(tests: Callable[..., Report]) -> None:
    files = {
        "lib.py": "def f(x):\n    if x:\n        return 1\n    return 2\n",
        "test_a.py": "import lib\ndef test_a(): assert lib.f(1) == 1\n",
    }
    coverage = tests(files, cover=(".",), roots=(".",)).coverage
    assert coverage is not None
    assert 0 < coverage["branch_rate"] < 1
    assert coverage["branches"] == 4


def test_a_rule_of_the_projects_own_makes_it_red_though_no_test_fails(tests: Callable[..., Report]) -> None:
    files = {"lib.py": "def f():\n    return 1\n", "test_a.py": GREEN, ".coveragerc": "[report]\nfail_under = 99\n"}
    report = tests(files, cover=(".",))
    assert (report.state, report.failures, report.exit_code) == ("ran", [], 1)
    assert not is_green(report)


SLOW = (
    "import time\nfrom hypothesis import given, settings, strategies as st\n\n"
    "@settings(max_examples=2{more})\n@given(st.integers())\ndef test_a(n):\n    time.sleep(0.3)\n"
)


def test_hypothesis_makes_no_demands_on_a_machines_speed_but_the_projects_own(tmp_path: Path) -> None:
    for more, failures in (("", 0), (", deadline=100", 1)):
        (tmp_path / "test_a.py").write_text(SLOW.replace("{more}", more))
        environment = tmp_path / "env"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        site = next(environment.glob("lib/python3.*/site-packages"))
        for name in ("hypothesis", "_hypothesis_globals.py", "sortedcontainers"):
            source = Path(pytest.__file__).parents[1] / name
            if source.exists() and not (site / name).exists():
                (site / name).symlink_to(source)
        report = run(Plan(str(tmp_path), str(environment), PACK, arguments=("test_a.py",)))
        assert (report.state, len(report.failures)) == ("ran", failures), report


MARKED = "import pytest\n@pytest.mark.integration\ndef test_far(): assert False\ndef test_near(): pass\n"


def test_the_selection_leaves_integration_tests_to_others_and_the_reverse(tests: Callable[..., Report]) -> None:
    files = {"tests/test_a.py": MARKED, "tests/integration/test_b.py": "def test_far_too(): assert False\n"}
    chosen = {"marker": "integration", "files": ["tests/integration/test_b.py"]}
    unit = tests(files, select={**chosen, "keep": False})
    assert (unit.counts["passed"], unit.counts["failed"]) == (1, 0)
    far = tests(files, select={**chosen, "keep": True})
    assert (far.counts["passed"], far.counts["failed"]) == (0, 2)


def test_files_to_ignore_are_not_even_imported(tests: Callable[..., Report]) -> None:
    report = tests({"test_a.py": GREEN, "test_b.py": "1 / 0"}, ignore=("test_b.py",))
    assert (report.state, report.failures, report.uncollected) == ("ran", [], [])


def test_a_runner_that_is_too_old_for_our_parts_keeps_its_own_and_says_so(tmp_path: Path) -> None:
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    site = next(environment.glob("lib/python3.*/site-packages"))
    meta = site / "pytest-6.0.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: pytest\nVersion: 6.0.0\n")
    report = run(Plan(str(tmp_path), str(environment), PACK))
    assert "the project has pytest 6.0.0" in report.refused["pytest-xdist"]
    assert report.runner == {"pytest": "6.0.0"}


def test_the_command_ends_with_0_only_where_everything_is_proven(tmp_path: Path, bare: Path) -> None:
    (tmp_path / "test_a.py").write_text(GREEN)
    plan, out = tmp_path / "plan.json", tmp_path / "report.json"
    plan.write_text(json.dumps({"root": str(tmp_path), "environment": str(bare), "pack": PACK, "arguments": ["."]}))
    assert main(["--plan", str(plan), "--out", str(out)]) == 0
    assert json.loads(out.read_text())["proof"]["failed"] == 2
    (tmp_path / "test_a.py").write_text("def test_a(): assert False\n")
    assert main(["--plan", str(plan), "--out", str(out)]) == 1
