from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet.classify import classify
from gauntlet.stages.tdd_oracle_check import OracleOptions, judge, plan_of
from gauntlet_verdict import Status
from gauntlet_verdict.readers import ReportError

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

PYPROJECT = (
    '[project]\nname = "shop"\nversion = "1"\n'
    '[tool.pytest.ini_options]\nmarkers = ["spec: the specification"]\npythonpath = ["tests"]\n'
)
SHOP = {"pyproject.toml": PYPROJECT, "src/shop/__init__.py": "PRICE = 3\n"}
CLEAN = "def test_price():\n    assert 1 + 2 == 3\n"
GUILTY = "from shop import PRICE\n\n\ndef test_price():\n    assert PRICE == 3\n"


def test_the_plan_names_the_implementation_and_the_tests() -> None:
    files = SHOP | {"tests/spec/test_a.py": CLEAN, "tests/unit/test_b.py": GUILTY}
    plan = plan_of(classify(tuple(sorted(files)), files), OracleOptions(markers=("oracle",)))
    assert (plan["implementation"], plan["specifications"]) == (["shop"], ["tests/spec/test_a.py"])
    assert plan["markers"] == ["spec", "oracle"]
    assert plan["tests"] == ["tests/spec/test_a.py", "tests/unit/test_b.py"]


def test_the_chain_is_in_the_finding() -> None:
    violation: dict[str, Any] = {
        "rule": "import",
        "path": "t.py",
        "line": 2,
        "message": "m",
        "chain": ["t.py:2: a", "h.py:1: b"],
    }
    report = {"specifications": [{"path": "t.py", "tests": 2}], "violations": [violation], "files_read": 2}
    judged = judge({"oracle": json.dumps(report)})
    assert judged.looked_at == {"tests": 2, "files": 2}
    assert "h.py:1: b" in (judged.findings[0].hint or "")
    with pytest.raises(ReportError):
        judge({"oracle": "{}"})


@pytest.mark.engine
def test_a_specification_test_that_knows_the_code_is_red_and_its_clean_twin_green(examine: Examine) -> None:
    red = examine("tdd:oracle-check", SHOP | {"tests/spec/test_price.py": GUILTY})
    assert red.status is Status.FAIL
    assert [(found.rule, str(found.location)) for found in red.findings] == [
        ("oracle:import", "tests/spec/test_price.py:1")
    ]
    green = examine("tdd:oracle-check", SHOP | {"tests/spec/test_price.py": CLEAN, "tests/test_unit.py": GUILTY})
    assert (green.status, green.looked_at) == (Status.PASS, {"tests": 1, "files": 1})


@pytest.mark.engine
def test_a_helper_that_hands_the_code_on_is_red(examine: Examine) -> None:
    helper = {"tests/support/__init__.py": "", "tests/support/shop_facts.py": "from shop import PRICE as THREE\n"}
    test = "@pytest.mark.spec\ndef test_price():\n    assert THREE == 3\n"
    text = f"import pytest\nfrom support.shop_facts import THREE\n\n\n{test}"
    verdict = examine("tdd:oracle-check", SHOP | helper | {"tests/test_price.py": text})
    assert [str(found.location) for found in verdict.findings] == ["tests/test_price.py:2"]


@pytest.mark.engine
def test_without_specification_tests_there_is_nothing_to_check(examine: Examine) -> None:
    verdict = examine("tdd:oracle-check", SHOP | {"tests/test_unit.py": GUILTY})
    assert verdict.status is Status.SKIP
