from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gauntlet_checks.lockcheck import Plan, Report, check, main
from gauntlet_checks.locks.python import pdm_hashes, poetry_hashes

DATA = Path(__file__).parents[2] / "data" / "locks"


def lock(path: str, kind: str, *manifests: str) -> dict[str, Any]:
    return {"path": path, "kind": kind, "manifests": manifests}


def rules(report: Report) -> list[tuple[str, int, str]]:
    return [(problem.rule, problem.line, problem.message) for problem in report.problems]


UV = lock("uv.lock", "uv", "pyproject.toml")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project locked by uv itself: extras, groups that include others, markers, constraints."""
    return Path(shutil.copytree(DATA / "uv", tmp_path / "shop"))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_lock_that_uv_made_agrees_with_its_manifest(shop: Path) -> None:
    report = check(Plan(str(shop), (UV,)))
    assert (report.problems, report.locks, report.packages) == ([], 1, 6)


@pytest.mark.parametrize(
    ("before", "after", "rule", "says"),
    [
        ('"iniconfig>=2.0"', '"iniconfig>=2.0", "orjson>=3"', "stale", "orjson>=3 is not what was locked"),
        ('"iniconfig>=2.0", ', "", "stale", "iniconfig was locked and is no longer asked for"),
        ('"iniconfig>=2.0"', '"iniconfig>=2.1"', "stale", "iniconfig>=2.1"),
        ('"iniconfig>=2.0"', '"iniconfig>=99"', "mismatch", "2.3.1 is locked"),
        ("'3.13'", "'3.12'", "stale", "Typing"),
        ('"click>=8,<9"', '"click>=8"', "stale", "click>=8"),
        ('"pluggy>=1.5"', '"pluggy>=1.6"', "stale", "pluggy>=1.6"),
        ('"packaging>=24"', '"packaging>=25"', "stale", "packaging>=25"),
        ('"colorama>=0.4"', '"colorama>=0.3"', "stale", "colorama>=0.3"),
        ('requires-python = ">=3.11"', 'requires-python = ">=3.12"', "python", "the lock is for >=3.11"),
        ('name = "shop"', 'name = "other"', "stale", "does not know other"),
        ("dependencies = [", "dependencies = [[", "unreadable", "is no TOML"),
    ],
)
def test_each_change_of_the_manifest_alone_is_seen(shop: Path, before: str, after: str, rule: str, says: str) -> None:
    edit(shop / "pyproject.toml", before, after)
    report = check(Plan(str(shop), (UV,)))
    assert any(problem.rule == rule and says in problem.message for problem in report.problems), rules(report)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"click>=8,<9"', '"click<9,>=8"'),
        ("python_version < '3.13'", "python_full_version<'3.13'"),
        ('"Typing_Extensions[x]', '"typing-extensions[x]'),
        ('requires-python = ">=3.11"', 'requires-python = ">= 3.11.0"'),
        ('version = "1.0.0"', 'version = "2.0.0"'),
    ],
)
def test_what_means_the_same_is_no_departure(shop: Path, before: str, after: str) -> None:
    edit(shop / "pyproject.toml", before, after)
    assert rules(check(Plan(str(shop), (UV,)))) == []


def test_a_departure_is_placed_at_its_line_of_the_manifest(shop: Path) -> None:
    edit(shop / "pyproject.toml", '"click>=8,<9"', '"click>=8.1,<9"')
    (problem,) = check(Plan(str(shop), (UV,))).problems
    line = (shop / "pyproject.toml").read_text().splitlines()[problem.line - 1]
    assert "click" in line
    assert problem.hint == "uv lock"


def test_a_lock_that_is_no_toml_is_said_so(shop: Path) -> None:
    (shop / "uv.lock").write_text("<<<<<<< ours\n")
    assert [problem.rule for problem in check(Plan(str(shop), (UV,))).problems] == ["unreadable"]


def test_packages_that_the_change_adds_are_listed_with_versions(shop: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(shop, tmp_path / "base"))
    edit(shop / "pyproject.toml", '"iniconfig>=2.0"', '"iniconfig>=2.0", "orjson>=3"')
    text = (shop / "uv.lock").read_text()
    text = text.replace(
        '    { name = "iniconfig", specifier = ">=2.0" },',
        '    { name = "iniconfig", specifier = ">=2.0" },\n    { name = "orjson", specifier = ">=3" },',
    )
    text += '\n[[package]]\nname = "orjson"\nversion = "3.11.0"\nsource = { registry = "r" }\n'
    text += '\n[[package]]\nname = "deep"\nversion = "1"\nsource = { registry = "r" }\n'
    (shop / "uv.lock").write_text(text)
    report = check(Plan(str(shop), (UV,), str(base)))
    assert report.problems == []
    assert [(found["name"], found["versions"], found["direct"]) for found in report.added] == [
        ("deep", ["1"], False),
        ("orjson", ["3.11.0"], True),
    ]
    assert check(Plan(str(shop), (UV,), str(shop))).added == []


# Both hashes were printed by the tools themselves (Poetry 2.5.1, pdm 2.29.3) for these manifests.
POETRY_2 = """\
[project]
name = "shop"
version = "1.0.0"
requires-python = ">=3.11,<4"
dependencies = ["iniconfig>=2.0", "colorama>=0.4 ; sys_platform == 'win32'"]

[project.optional-dependencies]
cli = ["click>=8"]

[dependency-groups]
dev = ["pluggy>=1.5"]

[build-system]
requires = ["poetry-core>=2"]
build-backend = "poetry.core.masonry.api"
"""
POETRY_1 = """\
[tool.poetry]
name = "shop"
version = "1.0.0"
description = ""
authors = []

[tool.poetry.dependencies]
python = "^3.11"
iniconfig = "^2.0"
click = {version = "^8.0", optional = true}

[tool.poetry.group.dev.dependencies]
pluggy = "*"

[tool.poetry.extras]
cli = ["click"]

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
PDM = """\
[project]
name = "shop"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ["iniconfig>=2.0", "colorama>=0.4 ; sys_platform == 'win32'"]

[project.optional-dependencies]
cli = ["click>=8"]

[dependency-groups]
test = ["pluggy>=1.5"]

[tool.pdm.dev-dependencies]
dev = ["packaging>=24"]

[build-system]
requires = ["pdm-backend"]
build-backend = "pdm.backend"
"""


@pytest.mark.parametrize(
    ("manifest", "digest"),
    [
        (POETRY_2, "de9c117997f3c8e4c099a774bae30d859d1c0de294718d741dc1fae4b861cc8d"),
        (POETRY_2, "ce73dc20be37b1028f1baeb53b42d88cf49b45b98126cf7b5bff83803aaf0347"),
        (POETRY_1, "0eb44cd3fd13bcf1d44a61696da66322a47e7872591595c9d29236be81a4d6e4"),
    ],
)
def test_poetrys_content_hash_is_computed_as_poetry_does(manifest: str, digest: str) -> None:
    assert digest in poetry_hashes(tomllib.loads(manifest))


def test_pdms_content_hash_is_computed_as_pdm_does() -> None:
    digest = "e02a8d5f407ebcae34f89c49011f4664cddd03eaad9f921da2a424a68a48af40"
    assert digest in pdm_hashes(tomllib.loads(PDM))


def locked_by_hash(root: Path, manifest: str, kind: str) -> Path:
    digest = min(poetry_hashes(tomllib.loads(manifest))) if kind == "poetry" else ""
    if kind == "pdm":
        digest = f"sha256:{min(pdm_hashes(tomllib.loads(manifest)))}"
    packages = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n\n'
        for name, version in (("iniconfig", "2.3.1"), ("click", "8.5.1"), ("pluggy", "1.7.0"), ("packaging", "26.3"))
    )
    if "colorama" in manifest:
        packages += '[[package]]\nname = "colorama"\nversion = "0.4.6"\n\n'
    key = "content-hash" if kind == "poetry" else "content_hash"
    (root / "pyproject.toml").write_text(manifest)
    (root / f"{kind}.lock").write_text(f'{packages}[metadata]\n{key} = "{digest}"\n')
    return root


@pytest.mark.parametrize(("manifest", "kind"), [(POETRY_2, "poetry"), (POETRY_1, "poetry"), (PDM, "pdm")])
def test_a_manifest_that_changed_after_it_was_locked_is_seen(tmp_path: Path, manifest: str, kind: str) -> None:
    plan = Plan(str(locked_by_hash(tmp_path, manifest, kind)), (lock(f"{kind}.lock", kind, "pyproject.toml"),))
    assert rules(check(plan)) == []
    new = '"iniconfig>=2.0", "orjson"' if "iniconfig>=2.0" in manifest else 'iniconfig = "^2.0"\norjson = "*"'
    old = '"iniconfig>=2.0"' if "iniconfig>=2.0" in manifest else 'iniconfig = "^2.0"'
    edit(tmp_path / "pyproject.toml", old, new)
    found = {problem.rule: problem.message for problem in check(plan).problems}
    assert "has changed since" in found["stale"]
    assert "orjson is asked for and not locked" in found["missing"]


PINNED = "iniconfig==2.3.1 \\\n    --hash=sha256:aa\n# via x\nclick==8.5.1 ; python_version > '3.8' --hash=sha256:bb\n"


def test_a_requirement_file_is_compared_with_its_in_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(PINNED)
    (tmp_path / "requirements.in").write_text("iniconfig>=2\nclick\n")
    plan = Plan(str(tmp_path), (lock("requirements.txt", "pip", "requirements.in"),))
    assert rules(check(plan)) == []
    (tmp_path / "requirements.in").write_text("iniconfig>=3\nclick\norjson\n")
    assert [(problem.rule, problem.line) for problem in check(plan).problems] == [("mismatch", 1), ("missing", 3)]


def test_an_unpinned_line_of_a_lock_is_a_departure(tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("pluggy>=1\n")
    (tmp_path / "requirements.txt").write_text(f"-r base.txt\n{PINNED}")
    report = check(Plan(str(tmp_path), (lock("requirements.txt", "pip"),)))
    assert [(problem.rule, problem.path) for problem in report.problems] == [("unpinned", "base.txt")]


NPM = lock("client/package-lock.json", "npm", "client/package.json")


@pytest.fixture
def client(tmp_path: Path) -> Path:
    shutil.copytree(DATA / "npm", tmp_path / "client")
    return tmp_path


def test_a_lock_that_npm_made_agrees_with_its_manifest(client: Path) -> None:
    report = check(Plan(str(client), (NPM,)))
    assert (report.problems, report.packages) == ([], 2)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('"ms": "^2.1.0"', '"ms": "^2.1.0", "left-pad": "1.3.0"', "left-pad 1.3.0 is asked for and not locked"),
        ('"ms": "^2.1.0"', '"ms": "^3.0.0"', "the lock is for ^2.1.0"),
        ('"isarray": "2.0.5"', "", "isarray was locked and is no longer asked for"),
        ('{"name"', '<"name"', "is no JSON"),
    ],
)
def test_each_change_of_a_package_json_alone_is_seen(client: Path, before: str, after: str, says: str) -> None:
    edit(client / "client/package.json", before, after)
    assert any(says in problem.message for problem in check(Plan(str(client), (NPM,))).problems)


PNPM_LOCK = """\
lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      ms:
        specifier: ^2.1.0
        version: 2.1.3
    devDependencies:
      '@types/node':
        specifier: 20.19.25
        version: 20.19.25

packages:

  '@types/node@20.19.25':
    resolution: {integrity: sha512-x}

  ms@2.1.3:
    resolution: {integrity: sha512-y}
"""
YARN_LOCK = """\
# yarn lockfile v1

"@types/node@20.19.25":
  version "20.19.25"

ms@^2.0.0, ms@^2.1.0:
  version "2.1.3"
"""


@pytest.mark.parametrize(
    ("kind", "name", "text"), [("pnpm", "pnpm-lock.yaml", PNPM_LOCK), ("yarn", "yarn.lock", YARN_LOCK)]
)
def test_pnpm_and_yarn_locks_are_compared_too(tmp_path: Path, kind: str, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    manifest = {"dependencies": {"ms": "^2.1.0"}, "devDependencies": {"@types/node": "20.19.25"}}
    (tmp_path / "package.json").write_text(json.dumps(manifest))
    plan = Plan(str(tmp_path), (lock(name, kind, "package.json"),))
    report = check(plan)
    assert (rules(report), report.packages) == ([], 2)
    manifest["dependencies"] |= {"ms": "^3.0.0", "left-pad": "1.3.0"}
    (tmp_path / "package.json").write_text(json.dumps(manifest))
    assert len(check(plan).problems) == 2


POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\nclick = "*"\n'


@pytest.mark.parametrize(
    ("path", "before", "now", "new"),
    [
        ("pyproject.toml", '[project]\nname="shop"\ndependencies=["Six"]\n',
         '[project]\nname="shop"\ndependencies=["six", "Click>=8"]\n[dependency-groups]\ntest=["shop[a]", "pytest"]\n',
         "click>=8 pytest"),
        ("pyproject.toml", POETRY, POETRY + 'rich = "*"\n', "rich"),
        ("requirements.txt", "six==1.17.0\n", "-r more.txt\nsix==1.16.0\n", "rich>=13"),
        ("client/package.json", '{"dependencies": {"ms": "1"}}', '{"devDependencies": {"ms": "1", "left-pad": "2"}}',
         "left-pad2"),
        ("new/pyproject.toml", None, '[project]\ndependencies=["six"]\n', "six"),
        ("setup.py", "", "anything(", ""),
        ("pyproject.toml", "[project]\n", "[[[", ""),
    ],
)  # fmt: skip
def test_without_a_lock_what_a_manifest_newly_asks_for_is_listed(
    tmp_path: Path, path: str, before: str | None, now: str, new: str
) -> None:
    for tree, text in (("base", before), ("now", now)):
        place = tmp_path / tree / path
        place.parent.mkdir(parents=True)
        if text is not None:
            place.write_text(text)
        (tmp_path / tree / "more.txt").write_text("rich>=13\n")
    report = check(Plan(str(tmp_path / "now"), (), str(tmp_path / "base"), unlocked=(path,)))
    assert " ".join(package["name"] + "".join(package["versions"]) for package in report.added) == new


def test_the_command_ends_with_1_on_a_departure(shop: Path, tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.json", tmp_path / "report.json"
    plan.write_text(json.dumps({"root": str(shop), "locks": [UV]}))
    assert main(["--plan", str(plan), "--out", str(out)]) == 0
    assert json.loads(out.read_text())["packages"] == 6
    edit(shop / "pyproject.toml", '"click>=8,<9"', '"click"')
    assert main(["--plan", str(plan), "--out", str(out)]) == 1
