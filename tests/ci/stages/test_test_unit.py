"""test:unit: a pass is believed only where planted tests fail; a crash, a hang and a lie are no pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gauntlet.classify import classify
from gauntlet.pytest_plan import folders_to_cover, judge, plan_of, read_report, without_tests
from gauntlet_verdict import Status
from gauntlet_verdict.readers import ReportError

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

COUNTS = {"passed": 3, "failed": 0, "error": 0, "skipped": 0, "collected": 3, "written": 3}
REPORT: dict[str, Any] = {
    "state": "ran", "why": "", "exit_code": 0, "counts": COUNTS, "failures": [], "skips": [], "never_ran": [],
    "unfinished": [], "uncollected": [], "parallel_only": [], "proof": {"planted": 2, "failed": 2, "silent": []},
    "coverage": None, "added": {}, "refused": {}, "workers": 2,
}  # fmt: skip


def test_a_run_without_proof_is_a_doubt() -> None:
    lying = REPORT | {"proof": {"planted": 2, "failed": 0, "silent": ["tests"]}}
    assert "does not report failures" in judge(lying).doubt
    assert judge(REPORT).doubt == ""


def test_a_red_exit_without_a_failing_test_is_a_finding() -> None:
    assert [found.rule for found in judge(REPORT | {"exit_code": 1}).findings] == ["test:exit-code"]


def test_a_test_that_was_running_when_the_runner_died_is_named() -> None:
    begun = [{"id": "t.py::test_a", "file": "t.py", "line": 4}]
    died = REPORT | {"state": "died", "why": "pytest was killed by signal 9", "exit_code": -9, "proof": None}
    judged = judge(died | {"unfinished": begun})
    assert [(found.rule, str(found.location)) for found in judged.findings] == [("test:unfinished", "t.py:4")]
    assert judge(died).doubt == "pytest was killed by signal 9"


def test_tests_that_never_ran_block_and_files_never_collected_are_shown() -> None:
    judged = judge(REPORT | {"never_ran": ["t.py::test_b"], "uncollected": ["old/test_c.py"]})
    assert {found.rule: found.blocking for found in judged.findings} == {
        "test:never-ran": True, "test:not-collected": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"state": "no-tests", "counts": COUNTS | {"written": 0}}, Status.SKIP),
        ({"state": "no-tests"}, Status.INCONCLUSIVE),
        ({"state": "usage", "why": "pytest refuses"}, Status.INCONCLUSIVE),
        ({"counts": COUNTS | {"passed": 0, "skipped": 3}}, Status.SKIP),
    ],
)
def test_a_run_that_judged_nothing_is_no_pass(changes: dict[str, Any], status: Status) -> None:
    verdict = without_tests("test:unit", REPORT | changes)
    assert verdict is not None
    assert verdict.status is status


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_what_is_no_report_is_an_error_of_its_own(text: str) -> None:
    with pytest.raises(ReportError):
        read_report(text)


def test_integration_tests_are_left_out_by_folder_and_by_marker() -> None:
    files = {
        "pyproject.toml": '[tool.pytest.ini_options]\nmarkers = ["integration: far"]\n',
        "tests/unit/test_a.py": "", "tests/integration/test_b.py": "", "shop/__init__.py": "",
    }  # fmt: skip
    project = classify(tuple(sorted(files)), files)
    unit = plan_of(project, integration=False, timeout_s=1, workers=2, env={})
    assert unit["ignore"] == ["tests/integration/test_b.py"]
    assert unit["select"] == {"marker": "integration", "files": ["tests/integration/test_b.py"], "keep": False}
    far = plan_of(project, integration=True, timeout_s=1, workers=0, env={})
    assert (far["ignore"], far["cover"], far["select"]["keep"]) == ([], [], True)


def test_what_is_covered_are_the_projects_packages_and_modules() -> None:
    files = {
        "src/shop/__init__.py": "",
        "src/shop/a.py": "",
        "src/tool.py": "",
        "pyproject.toml": "[project]\nname='shop'\n",
    }
    assert set(folders_to_cover(classify(tuple(sorted(files)), files))) == {"src/shop", "tool"}


SHOP = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = []\n',
    "src/shop/__init__.py": "def half(x):\n    return x / 2\n",
}
TEST = "from shop import half\n\n\ndef test_half():\n    assert half(4) == 2\n"


@pytest.mark.engine
def test_a_failing_test_is_red_and_its_clean_twin_green(examine: Examine) -> None:
    red = examine("test:unit", SHOP | {"tests/test_half.py": TEST.replace("== 2", "== 3")})
    assert red.status is Status.FAIL
    (finding,) = red.findings
    assert str(finding.location) == "tests/test_half.py:5"
    assert "assert 2.0 == 3" in (finding.hint or "")
    green = examine("test:unit", SHOP | {"tests/test_half.py": TEST})
    assert (green.status, green.looked_at, green.metrics["coverage.line_rate"]) == (Status.PASS, {"tests": 1}, 1.0)
    assert "added because the project lacks it: pytest" in green.reason


@pytest.mark.engine
def test_a_conftest_that_turns_failures_into_passes_is_inconclusive(examine: Examine) -> None:
    cheat = (
        "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        "    outcome = yield\n    outcome.get_result().outcome = 'passed'\n"
    )
    files = SHOP | {"tests/test_half.py": TEST.replace("== 2", "== 3"), "tests/conftest.py": cheat}
    verdict = examine("test:unit", files)
    assert verdict.status is Status.INCONCLUSIVE
    assert "conftest" in verdict.reason


@pytest.mark.engine
@pytest.mark.parametrize(
    "body", ["os.killpg(0, 9)", "os._exit(0)", "print('x' * 50_000_000); os.kill(os.getpid(), 9)", "bytearray(6 << 30)"]
)
def test_a_test_that_takes_the_runner_with_it_is_no_pass(examine: Examine, body: str) -> None:
    text = f"import os\n\n\ndef test_a():\n    pass\n\n\ndef test_bad():\n    {body}\n"
    verdict = examine("test:unit", SHOP | {"tests/test_bad.py": text}, config="stages: {'test:unit': {workers: 0}}")
    assert verdict.status in {Status.FAIL, Status.INCONCLUSIVE}
    assert any("test_bad" in found.message for found in verdict.findings) or "memory" in verdict.reason


@pytest.mark.engine
def test_a_fork_bomb_ends_with_its_container(examine: Examine) -> None:
    text = "import os\n\n\ndef test_bomb():\n    while True:\n        os.fork()\n"
    files = SHOP | {"tests/test_bomb.py": text}
    verdict = examine("test:unit", files, config="stages: {'test:unit': {timeout: 30s, workers: 0}}")
    assert verdict.status not in {Status.PASS, Status.WARN, Status.SKIP}


@pytest.mark.engine
def test_a_test_that_hangs_is_a_timeout_that_names_it(examine: Examine) -> None:
    files = SHOP | {"tests/test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(600)\n"}
    verdict = examine("test:unit", files, config="stages: {'test:unit': {timeout: 20s}}")
    assert verdict.status is Status.TIMEOUT
    assert [str(found.location) for found in verdict.findings] == ["tests/test_slow.py:4"]


@pytest.mark.engine
def test_tests_have_no_network_and_see_no_package_settings(examine: Examine) -> None:
    text = (
        "import os, socket\n\nimport pytest\n\n\ndef test_alone():\n"
        "    own = [name for name in os.environ if name.startswith(('PIP_', 'UV_', 'NPM_'))]\n"
        "    assert [name for name in own if 'CERT' not in name] == []\n"
        "    with pytest.raises(OSError):\n        socket.create_connection(('192.0.2.1', 80), 2)\n"
    )
    assert examine("test:unit", SHOP | {"tests/test_alone.py": text}).status is Status.PASS


@pytest.mark.engine
def test_a_minimum_of_coverage_can_be_asked_for(examine: Examine) -> None:
    files = SHOP | {"tests/test_a.py": "import shop\n\n\ndef test_a():\n    assert shop\n"}
    verdict = examine("test:unit", files, config="stages: {'test:unit': {min_coverage: 90}}")
    assert (verdict.status, [found.rule for found in verdict.findings]) == (Status.FAIL, ["test:coverage"])
