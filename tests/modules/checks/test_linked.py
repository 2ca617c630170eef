from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gauntlet_checks.linked import link, version_of
from gauntlet_checks.overlay import site_packages

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """\
[project]
name = "My.Shop"
version = "1.2"
[project.scripts]
shop = "shop.cli:main"
[project.entry-points."shop.plugins"]
one = "shop:ONE"
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    folder = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    package = tmp_path / "src tree" / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("ONE = 1\n")
    (package / "cli.py").write_text("def main():\n    print('hello')\n    return 3\n")
    (tmp_path / "src tree" / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path / "src tree"


def say(environment: Path, code: str) -> str:
    return subprocess.check_output([environment / "bin" / "python", "-c", code], text=True, cwd="/").strip()


def test_a_linked_project_has_its_modules_metadata_entry_points_and_scripts(environment: Path, root: Path) -> None:
    link(environment, root, ("src",), ("pyproject.toml",))
    assert say(environment, "import shop; print(shop.ONE)") == "1"
    assert say(environment, "from importlib.metadata import version; print(version('my-shop'))") == "1.2"
    points = "from importlib.metadata import entry_points as e; print([p.load() for p in e(group='shop.plugins')])"
    assert say(environment, points) == "[1]"
    done = subprocess.run([environment / "bin" / "shop"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "hello\n")


def test_linking_twice_changes_nothing(environment: Path, root: Path) -> None:
    link(environment, root, ("src",), ("pyproject.toml",))
    before = sorted(path.name for path in site_packages(environment).iterdir())
    link(environment, root, ("src",), ("pyproject.toml",))
    assert sorted(path.name for path in site_packages(environment).iterdir()) == before


def test_a_distribution_that_was_built_keeps_its_own_metadata(environment: Path, root: Path) -> None:
    built = site_packages(environment) / "my_shop-9.dist-info"
    built.mkdir()
    (built / "METADATA").write_text("Metadata-Version: 2.1\nName: My.Shop\nVersion: 9\n")
    link(environment, root, ("src",), ("pyproject.toml",))
    assert say(environment, "from importlib.metadata import version; print(version('my-shop'))") == "9"


def test_a_manifest_that_is_no_toml_links_the_sources_all_the_same(environment: Path, root: Path) -> None:
    (root / "pyproject.toml").write_text("[[[")
    link(environment, root, ("src",), ("pyproject.toml",))
    assert say(environment, "import shop; print(shop.ONE)") == "1"


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"PKG-INFO": "Metadata-Version: 2.1\nName: shop\nVersion: 4.5\n"}, "4.5"),
        ({"src/shop/__init__.py": "__version__: str = '2.0'\n"}, "2.0"),
        ({"shop/_version.py": 'version = __version__ = "3.0"\n__version__ = "3.0"\n'}, "3.0"),
        ({}, "0.0.0"),
    ],
)
def test_a_version_that_is_not_written_is_looked_for(tmp_path: Path, files: dict[str, str], version: str) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert version_of(tmp_path / "pyproject.toml", {"name": "shop", "dynamic": ["version"]}) == version


def test_poetrys_name_scripts_and_plugins_count_as_well(environment: Path, root: Path) -> None:
    poetry = '[tool.poetry]\nname = "shop"\nversion = "7"\n[tool.poetry.scripts]\nshop = "shop.cli:main"\n'
    (root / "pyproject.toml").write_text(poetry)
    link(environment, root, ("src",), ("pyproject.toml",))
    assert say(environment, "from importlib.metadata import version; print(version('shop'))") == "7"
    assert (environment / "bin" / "shop").exists()
