"""The project's own environment, of each kind of project, in a real container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gauntlet_verdict import Status

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

pytestmark = pytest.mark.engine

# six 1.17.0, a wheel of one file.
HASH = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"
SHOP = {"shop/__init__.py": "import six\n\nassert six.__version__ == '1.17.0'\n"}
PROJECT = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n'
POETRY = (
    '[tool.poetry]\nname = "shop"\nversion = "1"\ndescription = ""\nauthors = []\n'
    '[tool.poetry.dependencies]\npython = ">=3.11"\nsix = "^1.16"\n'
)
POETRY_LOCK = (
    '[[package]]\nname = "six"\nversion = "1.17.0"\noptional = false\npython-versions = "*"\n'
    f'files = [{{file = "six-1.17.0-py2.py3-none-any.whl", hash = "sha256:{HASH}"}}]\n\n'
    '[metadata]\nlock-version = "2.0"\npython-versions = ">=3.11"\ncontent-hash = "x"\n'
)
PDM_LOCK = (
    '[metadata]\ncontent_hash = "x"\n\n[[package]]\nname = "six"\nversion = "1.17.0"\n'
    f'groups = ["default"]\nfiles = [{{file = "six-1.17.0-py2.py3-none-any.whl", hash = "sha256:{HASH}"}}]\n'
)
KINDS: dict[str, dict[str, str]] = {
    "requirements.txt": {"requirements.txt": f"six==1.17.0 --hash=sha256:{HASH}\n", "pyproject.toml": PROJECT},
    "poetry.lock": {"pyproject.toml": POETRY, "poetry.lock": POETRY_LOCK},
    "pdm.lock": {"pyproject.toml": PROJECT + 'dependencies = ["six"]\n[tool.pdm]\n', "pdm.lock": PDM_LOCK},
    "pyproject.toml": {"pyproject.toml": PROJECT + 'dependencies = ["six==1.17.0"]\n'},
    "pyproject.toml of poetry": {"pyproject.toml": POETRY.replace("^1.16", "1.17.0")},
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_project_gets_the_versions_that_it_asks_for(examine: Examine, kind: str) -> None:
    verdict = examine("build:backend", SHOP | KINDS[kind])
    assert verdict.status is Status.PASS, (verdict.reason, verdict.findings)
    assert verdict.inputs["environment"].startswith(kind.split(maxsplit=1)[0])
    assert ("unlocked" in verdict.inputs["environment"]) == kind.startswith("pyproject.toml")


def test_a_download_that_is_not_what_the_lock_says_is_a_finding(examine: Examine) -> None:
    wrong = KINDS["requirements.txt"] | {"requirements.txt": f"six==1.17.0 --hash=sha256:{'0' * 64}\n"}
    verdict = examine("build:backend", SHOP | wrong)
    assert verdict.status is Status.FAIL
    assert [found.rule for found in verdict.findings] == ["environment:hash"]


def test_a_project_of_a_setup_py_is_built_and_its_dependencies_come_along(examine: Examine) -> None:
    arguments = "name='shop', version='3.4', packages=['shop'], install_requires=['six==1.17.0']"
    setup = f"from setuptools import setup\n\nsetup({arguments})\n"
    text = SHOP["shop/__init__.py"] + "from importlib.metadata import version\n\nassert version('shop') == '3.4'\n"
    verdict = examine("build:backend", {"setup.py": setup, "shop/__init__.py": text})
    assert verdict.status is Status.PASS, (verdict.reason, verdict.findings)


def test_a_lock_that_is_no_lock_is_a_finding(examine: Examine) -> None:
    files = SHOP | {"pyproject.toml": PROJECT + 'dependencies = ["six"]\n', "uv.lock": "<<<<<<< ours\n"}
    verdict = examine("build:backend", files)
    assert (verdict.status, [found.rule for found in verdict.findings]) == (Status.FAIL, ["environment:lock"])


def test_plain_scripts_need_no_manifest(examine: Examine) -> None:
    verdict = examine(
        "test:unit", {"tool.py": "def f(): return 1\n", "test_tool.py": "import tool\ndef test_f(): assert tool.f()\n"}
    )
    assert (verdict.status, verdict.looked_at) == (Status.PASS, {"tests": 1}), verdict.reason


HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
ITSELF = """
from importlib.metadata import entry_points, version
import subprocess
import shop.deep

def test_what_only_an_installed_project_has():
    assert version("shop") == "1"
    assert [point.load() for point in entry_points(group="shop.plugins")] == [shop.deep.plug]
    assert subprocess.check_output(["shop"], text=True) == "plugged\\n"
"""


def test_a_project_sees_its_own_metadata_entry_points_and_scripts(examine: Examine) -> None:
    points = '[project.scripts]\nshop = "shop.deep:plug"\n[project.entry-points."shop.plugins"]\np = "shop.deep:plug"\n'
    files = {"shop/__init__.py": "", "shop/deep.py": "def plug():\n    print('plugged')\n", "tests/test_it.py": ITSELF}
    verdict = examine("test:unit", files | {"pyproject.toml": PROJECT + points + HATCH})
    assert (verdict.status, verdict.looked_at) == (Status.PASS, {"tests": 1}), verdict.findings


def test_a_project_whose_build_fails_is_still_on_the_import_path(examine: Examine) -> None:
    broken = PROJECT + HATCH.replace("hatchling.build", "hatchling.nothing")
    test = "import shop\n\n\ndef test_it():\n    assert shop.ONE == 1\n"
    verdict = examine(
        "test:unit", {"shop/__init__.py": "ONE = 1\n", "tests/test_it.py": test, "pyproject.toml": broken}
    )
    assert verdict.status is Status.PASS, (verdict.reason, verdict.findings)
    assert "not installed" in verdict.inputs["environment:itself"]
