"""build:backend: every module imports in the project's own environment, or the line that keeps it from it is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet.project import Project
from gauntlet.stages.build_backend import judge, modules_to_import
from gauntlet_verdict import FixCategory, Status
from gauntlet_verdict.readers import ReportError

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

MODULES = {"shop": "shop/__init__.py", "shop.a": "shop/a.py", "shop.ab": "shop/ab.py", "shop.a.x": "shop/a/x.py"}


def report(*failures: dict[str, Any], canary: bool = True) -> dict[str, str]:
    return {"imports": json.dumps({"modules": 4, "failures": failures, "fresh": True, "canary_failed": canary})}


def failure(missing: str | None) -> dict[str, Any]:
    message = f"No module named {missing!r}"
    return {
        "module": "shop.a", "path": "shop/a.py", "line": 3, "type": "ModuleNotFoundError", "message": message,
        "missing": missing,
    }  # fmt: skip


def test_a_module_that_lacks_an_undeclared_package_blocks() -> None:
    (finding,) = judge(report(failure("orjson")), Project()).findings
    assert (finding.blocking, finding.fix, str(finding.location)) == (True, FixCategory.DEPENDENCY, "shop/a.py:3")


def test_a_module_that_only_lacks_an_extra_is_shown() -> None:
    project = Project(dependencies=("orjson",), extras=("fast",))
    assert [found.blocking for found in judge(report(failure("orjson")), project).findings] == [False]


def test_an_importer_that_lies_is_a_doubt() -> None:
    assert "planted" in judge(report(canary=False), Project()).doubt


def test_an_excluded_module_takes_those_below_it_along_and_no_namesakes() -> None:
    project = Project(modules=tuple(MODULES), module_files=MODULES)
    assert list(modules_to_import(project, ("shop.a",))) == ["shop", "shop.ab"]


@pytest.mark.parametrize("text", ["[]", "{}", "nonsense"])
def test_what_is_no_report_is_no_pass(text: str) -> None:
    with pytest.raises(ReportError):
        judge({"imports": text}, Project())


PYPROJECT = '[project]\nname = "shop"\nversion = "1.2"\nrequires-python = ">=3.11"\ndependencies = []\n'
SHOP = {
    "pyproject.toml": PYPROJECT + '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
    "src/shop/__init__.py": "from importlib.metadata import version\n\n__version__ = version('shop')\n",
    "src/shop/price.py": "from shop import __version__\n\nassert __version__ == '1.2'\n",
}


@pytest.mark.engine
def test_a_module_that_does_not_import_is_red_and_its_clean_twin_green(examine: Examine) -> None:
    red = examine("build:backend", SHOP | {"src/shop/tax.py": "import json\nfrom shop.price import rate\n"})
    assert red.status is Status.FAIL
    assert [(found.rule, str(found.location)) for found in red.findings] == [
        ("import:ImportError", "src/shop/tax.py:2")
    ]
    green = examine("build:backend", SHOP | {"src/shop/tax.py": "import shop.price\n"})
    assert (green.status, green.looked_at) == (Status.PASS, {"modules": 3})
    assert green.confinement is not None
    assert green.confinement.network == "none"


@pytest.mark.engine
def test_a_python_that_the_image_has_not_is_inconclusive_with_the_reason(examine: Examine) -> None:
    other = SHOP["pyproject.toml"].replace(">=3.11", "==3.9.*")
    verdict = examine("build:backend", SHOP | {"pyproject.toml": other})
    assert verdict.status is Status.INCONCLUSIVE
    assert "needs Python ==3.9.* and the image has 3." in verdict.reason


@pytest.mark.engine
def test_a_dependency_that_does_not_exist_is_a_finding(examine: Examine) -> None:
    wrong = SHOP["pyproject.toml"].replace("dependencies = []", 'dependencies = ["shop-no-such-package-zq==1"]')
    verdict = examine("build:backend", SHOP | {"pyproject.toml": wrong})
    assert verdict.status is Status.FAIL
    assert [found.rule for found in verdict.findings] == ["environment:resolution"]
    other = examine("test:unit", SHOP | {"pyproject.toml": wrong, "tests/test_a.py": "def test_a(): pass\n"})
    assert (other.status, other.findings) == (Status.INCONCLUSIVE, ())


@pytest.mark.engine
@pytest.mark.slow
def test_a_package_that_needs_a_compiler_is_inconclusive_with_the_reason(examine: Examine) -> None:
    setup = "from setuptools import Extension, setup\nsetup(name='shop', ext_modules=[Extension('fast', ['f.c'])])\n"
    compiled = {"setup.py": setup, "f.c": "int x;\n", "shop.py": ""}
    verdict = examine("build:backend", compiled)
    assert verdict.status is Status.INCONCLUSIVE
    assert "compile" in verdict.reason
