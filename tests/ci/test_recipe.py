from __future__ import annotations

import tomllib

import pytest

from gauntlet.classify import classify
from gauntlet.recipe import WRITTEN, Recipe, recipe_of, texts_needed

LINUX = {"sys_platform": "linux", "python_version": "3.13", "python_full_version": "3.13.5", "extra": ""}
PYPROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["six"]\n'
BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def recipe(files: dict[str, str]) -> Recipe:
    project = classify(tuple(sorted(files)), files)
    return recipe_of(project, {path: files[path] for path in texts_needed(project)}, LINUX)


def test_a_uv_project_installs_its_lock_and_reads_nothing_but_manifests_and_lock() -> None:
    found = recipe({"pyproject.toml": PYPROJECT + BUILD, "uv.lock": "", "src/shop/__init__.py": "", "README.md": ""})
    assert (found.kind, found.locked, found.whole_source) == ("uv.lock", True, False)
    assert found.mounted == ("pyproject.toml", "uv.lock")
    assert "--frozen" in found.script
    assert "--no-install-workspace" in found.script


def test_uv_extras_are_all_installed_but_documentation() -> None:
    extras = '[project.optional-dependencies]\ncli = ["click"]\ndocs = ["sphinx"]\n'
    script = recipe({"pyproject.toml": PYPROJECT + extras, "uv.lock": ""}).script
    assert "--all-extras --no-extra docs" in script


def test_extras_that_conflict_are_not_installed_together() -> None:
    extras = '[project.optional-dependencies]\na = ["six<1"]\nb = ["six>1"]\ntest = ["pytest"]\n'
    conflicts = '[tool.uv]\nconflicts = [[{ extra = "a" }, { extra = "b" }]]\n'
    script = recipe({"pyproject.toml": PYPROJECT + extras + conflicts, "uv.lock": ""}).script
    assert "--all-extras" not in script
    assert "--extra test" in script


def test_workspace_members_manifests_decide_too() -> None:
    files = {
        "pyproject.toml": PYPROJECT + '[tool.uv.workspace]\nmembers = ["libs/*"]\n',
        "uv.lock": "",
        "libs/a/pyproject.toml": PYPROJECT.replace("shop", "a"),
    }
    assert "libs/a/pyproject.toml" in recipe(files).mounted


def test_a_poetry_lock_becomes_requirements_with_hashes() -> None:
    lock = '[[package]]\nname = "six"\nversion = "1.16"\nfiles = [{file = "a", hash = "sha256:aa"}]\n'
    poetry = '[tool.poetry]\nname = "shop"\nversion = "1"\n[tool.poetry.dependencies]\nsix = "*"\n'
    found = recipe({"pyproject.toml": poetry, "poetry.lock": lock})
    assert (found.kind, found.locked) == ("poetry.lock", True)
    assert found.written == {WRITTEN: "six==1.16 --hash=sha256:aa\n"}
    assert "--require-hashes" in found.script
    assert "--no-deps" in found.script


def test_requirement_files_are_installed_together_without_the_project_itself() -> None:
    files = {
        "requirements.txt": "-e .\nsix==1.16\n",
        "requirements-dev.txt": "-r requirements.txt\npytest==8.0\n",
        "a.py": "",
    }
    found = recipe(files)
    assert found.written["requirements.txt"] == "six==1.16\n"
    assert "-r requirements.txt" in found.script
    assert "-r requirements-dev.txt" in found.script
    assert not found.locked


def test_without_a_lock_the_manifest_is_resolved_and_said_to_be_unlocked() -> None:
    found = recipe(
        {"pyproject.toml": PYPROJECT + '[project.optional-dependencies]\ntest = ["pytest"]\n', "shop.py": ""}
    )
    assert (found.kind, found.locked) == ("pyproject.toml", False)
    assert "-r pyproject.toml --extra test" in found.script


def test_a_folder_of_scripts_has_an_empty_environment() -> None:
    found = recipe({"a.py": ""})
    assert (found.kind, len(found.commands)) == ("nothing", 1)


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "from setuptools import setup\nsetup(name='shop')\n", "shop.py": ""},
        {"pyproject.toml": PYPROJECT + BUILD.replace("hatchling", "maturin"), "src/lib.rs": ""},
        {"pyproject.toml": PYPROJECT + BUILD, "setup.py": "", "shop/fast.pyx": ""},
        {
            "pyproject.toml": PYPROJECT + BUILD + '[tool.hatch.build.hooks.vcs]\nversion-file = "shop/_v.py"\n',
            "shop/__init__.py": "",
        },
    ],
    ids=["setup.py", "maturin", "cython", "version-file"],
)
def test_what_files_alone_cannot_be_is_built(files: dict[str, str]) -> None:
    found = recipe(files)
    assert found.whole_source
    assert "--editable" in found.build_script


def test_a_version_file_that_is_there_needs_no_build() -> None:
    hook = '[tool.hatch.build.hooks.vcs]\nversion-file = "shop/_v.py"\n'
    assert not recipe(
        {"pyproject.toml": PYPROJECT + BUILD + hook, "shop/__init__.py": "", "shop/_v.py": ""}
    ).whole_source


def test_a_locked_project_that_is_built_installs_no_unlocked_dependency() -> None:
    found = recipe(
        {"pyproject.toml": PYPROJECT + BUILD.replace("hatchling", "maturin"), "uv.lock": "", "src/lib.rs": ""}
    )
    assert "--no-deps --editable ./" in found.build_script


def test_a_project_with_a_build_system_is_installed_too_by_the_files_that_describe_it() -> None:
    member = {"libs/a/pyproject.toml": PYPROJECT.replace("shop", "a") + BUILD, "libs/a/a.py": ""}
    root = PYPROJECT + BUILD + '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
    found = recipe({"pyproject.toml": root, "uv.lock": "", "src/shop/__init__.py": "", "src/shop/b.py": ""} | member)
    assert (found.whole_source, found.build_script.split()[-4:]) == (
        False, ["--editable", "./", "--editable", "./libs/a/"],
    )  # fmt: skip
    assert {"pyproject.toml", "libs/a/pyproject.toml", "**/__init__.py", "*.md", "libs/a/*.md"} <= set(found.skeleton)
    assert not any("b.py" in pattern for pattern in found.skeleton)


def test_a_project_without_a_build_system_is_not_installed() -> None:
    assert not recipe({"pyproject.toml": PYPROJECT, "shop/__init__.py": ""}).build


def test_a_manifest_that_is_no_toml_is_an_error() -> None:
    project = classify(("pyproject.toml",), {"pyproject.toml": PYPROJECT})
    with pytest.raises(tomllib.TOMLDecodeError):
        recipe_of(project, {"pyproject.toml": "[[["}, LINUX)
