from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gauntlet.classify import classify, manifests_among

if TYPE_CHECKING:
    from gauntlet.project import Project

UV = """
[project]
name = "orders"
requires-python = ">=3.11"
dependencies = ["fastapi>=0.1", "asyncpg", "Redis[hiredis] >= 5 ; python_version > '3'"]
[project.optional-dependencies]
test = ["pytest"]
docs = ["sphinx"]
[dependency-groups]
dev = ["ruff", {include-group = "lint"}]
lint = ["pyright"]
[build-system]
requires = ["hatchling"]
[tool.uv]
"""


def project_of(*paths: str, **texts: str) -> Project:
    """Classify paths; texts by path with / written as __ and . as _dot_."""
    named = {name.replace("_dot_", ".").replace("__", "/"): text for name, text in texts.items()}
    return classify((*paths, *named), named)


def test_a_uv_project_in_src_layout() -> None:
    project = project_of(
        "uv.lock", "src/orders/__init__.py", "src/orders/api.py", "src/orders/__main__.py", "src/orders/db/__init__.py",
        "src/orders/templates/page.py", "tests/test_api.py", "noxfile.py", pyproject_dot_toml=UV,
    )  # fmt: skip
    assert (project.manager, project.layout, project.source_roots) == ("uv", "src", ("src",))
    assert project.modules == ("orders", "orders.api", "orders.db")
    assert project.module_files["orders.db"] == "src/orders/db/__init__.py"
    assert project.import_names == ("orders",)
    assert project.installable
    assert project.requires_python == ">=3.11"
    assert {"fastapi", "asyncpg", "redis", "pytest", "ruff"} <= set(project.dependencies)
    assert (project.extras, project.test_extras) == (("test", "docs"), ("test",))
    assert (project.groups, project.test_groups) == (("dev", "lint"), ("dev",))
    assert project.services == ("postgres", "redis")
    assert project.reasons["services.postgres"] == "a manifest asks for asyncpg"
    assert project.unit_tests == ("tests/test_api.py",)
    assert [(lock.kind, lock.manifest) for lock in project.locks] == [("uv", "pyproject.toml")]


def test_a_poetry_project_with_packages_from_a_folder_and_carets() -> None:
    text = """
[tool.poetry]
name = "shop"
packages = [{ include = "shop", from = "lib" }]
[tool.poetry.dependencies]
python = "^3.10"
psycopg2-binary = "*"
[tool.poetry.group.dev.dependencies]
pytest = "^8"
[build-system]
requires = ["poetry-core"]
"""
    project = project_of("poetry.lock", "lib/shop/__init__.py", "lib/other/__init__.py", pyproject_dot_toml=text)
    assert (project.manager, project.source_roots, project.modules) == ("poetry", ("lib",), ("shop",))
    assert project.requires_python == ">=3.10,<4"
    assert (project.groups, project.services) == (("dev",), ("postgres",))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("^3.11", ">=3.11,<4"),
        ("~3.11", ">=3.11,<3.12"),
        (">=3.9,<3.13", ">=3.9,<3.13"),
        ("3.12", "==3.12.*"),
        ("^3.8 || ^4", None),
        ("*", None),
    ],
)
def test_poetrys_python_is_said_in_pep_440(written: str, expected: str | None) -> None:
    text = f'[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\npython = "{written}"\n'
    assert project_of(pyproject_dot_toml=text).requires_python == expected


def test_a_poetry_style_pyproject_without_a_lock_is_still_poetrys() -> None:
    project = project_of(pyproject_dot_toml='[tool.poetry]\nname = "x"\n')
    assert (project.manager, project.locks) == ("poetry", ())


def test_a_pip_project_with_requirement_files() -> None:
    project = project_of(
        "app/__init__.py", "app/models.py", "tests/test_models.py",
        requirements_dot_txt="flask==3.0  # web\n-r base.txt\n",
        **{
            "requirements-dev_dot_txt": "pytest\nredis>=5\n",
            "requirements-docs_dot_txt": "sphinx\n",
            "constraints_dot_txt": "flask<4\n",
        },
    )  # fmt: skip
    assert (project.manager, project.layout, project.modules) == ("pip", "flat", ("app", "app.models"))
    assert project.requirements == ("requirements.txt", "requirements-dev.txt")
    assert project.test_requirements == ("requirements-dev.txt",)
    assert project.dependencies == ("flask", "pytest", "redis", "sphinx")
    assert not project.installable


def test_compiled_requirements_are_locks_of_their_source() -> None:
    hashed = "flask==3.0 \\\n    --hash=sha256:00\n"
    project = project_of(
        requirements_dot_in="flask\n", requirements_dot_txt=hashed, **{"dev-requirements_dot_txt": "x"}
    )
    assert [(lock.path, lock.kind, lock.manifest) for lock in project.locks] == [
        ("requirements.txt", "pip", "requirements.in")
    ]


def test_a_setup_py_is_read_without_running_it() -> None:
    text = """
from setuptools import setup, find_packages
import os
os.unlink("/tmp/never")
setup(name="old", version=open("V").read(), python_requires=">=3.8", package_dir={"": "source"},
      packages=find_packages("source"), install_requires=["psycopg[binary]>=3"], extras_require={"tests": ["pytest"]})
"""
    project = project_of("source/old/__init__.py", "source/old/a.py", setup_dot_py=text)
    assert (project.name, project.requires_python, project.manager) == ("old", ">=3.8", "pip")
    assert (project.modules, project.source_roots) == (("old", "old.a"), ("source",))
    assert (project.test_extras, project.services, project.installable) == (("tests",), ("postgres",), True)


def test_a_setup_cfg_is_read() -> None:
    text = """
[metadata]
name = cfg
[options]
package_dir =
    = src
install_requires =
    requests
    # psycopg2 is not wanted
[options.extras_require]
testing = pytest
"""
    project = project_of(
        "src/cfg/__init__.py", setup_dot_py="from setuptools import setup; setup()", setup_dot_cfg=text
    )
    assert (project.name, project.modules, project.test_extras) == ("cfg", ("cfg",), ("testing",))
    assert project.services == ()


def test_a_pdm_project() -> None:
    text = (
        '[project]\nname = "p"\n[tool.pdm.dev-dependencies]\ntest = ["pytest"]\n[tool.pdm.build]\npackage-dir = "src"\n'
    )
    project = project_of("pdm.lock", "src/p/__init__.py", pyproject_dot_toml=text)
    assert (project.manager, project.modules, project.test_groups) == ("pdm", ("p",), ("test",))


def test_plain_scripts_are_modules_when_there_is_nothing_else() -> None:
    project = project_of("tool.py", "other-tool.py", "setup_db.py", "conftest.py", "test_tool.py")
    assert (project.manager, project.layout, project.modules) == ("none", "flat", ("setup_db", "tool"))


def test_flat_layout_leaves_out_what_is_no_implementation() -> None:
    project = project_of(
        "pkg/__init__.py", "pkg/tests/__init__.py", "pkg/tests/test_a.py", "pkg/core.py", "docs/conf.py", "script.py",
        "tests/__init__.py", "examples/__init__.py", "benchmarks/__init__.py", "namespace/thing.py",
        pyproject_dot_toml='[project]\nname = "pkg"\n[build-system]\nrequires = []\n',
    )  # fmt: skip
    assert project.modules == ("pkg", "pkg.core")
    assert project.unit_tests == ("pkg/tests/test_a.py",)


def test_a_namespace_package_called_as_the_project_is_implementation() -> None:
    project = project_of("my_ns/thing.py", pyproject_dot_toml='[project]\nname = "my-ns"\n')
    assert project.modules == ("my_ns.thing",)


def test_a_src_that_is_itself_a_package_is_flat() -> None:
    project = project_of("src/__init__.py", "src/a.py")
    assert (project.layout, project.modules) == ("flat", ("src", "src.a"))


@pytest.mark.parametrize("root", ["", "src/"])
def test_a_module_that_flit_names_is_found_beside_the_manifest_and_in_src(root: str) -> None:
    text = '[project]\nname = "signer"\n[build-system]\nrequires = ["flit_core"]\n[tool.flit.module]\nname = "signer"\n'
    project = project_of(f"{root}signer/__init__.py", f"{root}signer/keys.py", pyproject_dot_toml=text)
    assert project.modules == ("signer", "signer.keys")
    assert project.source_roots == (root.rstrip("/") or ".",)


def test_members_of_a_uv_workspace_belong_to_the_project_and_other_projects_do_not() -> None:
    workspace = '[project]\nname = "root"\n[tool.uv.workspace]\nmembers = ["modules/*"]\nexclude = ["modules/b"]\n'
    project = project_of(
        "modules/a/src/a_mod/__init__.py", "examples/demo/src/demo/__init__.py", "examples/demo/tests/test_x.py",
        pyproject_dot_toml=workspace,
        modules__a__pyproject_dot_toml='[project]\nname = "a-mod"\ndependencies = ["redis"]\n',
        modules__b__pyproject_dot_toml='[project]\nname = "b"\n',
        examples__demo__pyproject_dot_toml='[project]\nname = "demo"\ndependencies = ["asyncpg"]\n',
    )  # fmt: skip
    assert project.modules == ("a_mod",)
    assert project.nested == ("examples/demo", "modules/b")
    assert project.tests == ()
    assert project.services == ("redis",)
    assert "examples/demo/src/demo/__init__.py" in project.python_files


def test_tests_are_sorted_by_folder_and_name() -> None:
    project = project_of(
        "tests/test_a.py", "tests/unit/test_b.py", "tests/spec/test_c.py", "tests/integration/test_d.py",
        "tests/e2e/test_e.py", "tests/test_integration_f.py", "tests/spec/deep/g_test.py", "tests/helpers.py",
        "tests/integration/unit/test_h.py", "build/test_i.py", ".hidden/test_j.py",
    )  # fmt: skip
    assert project.specification_tests == ("tests/spec/deep/g_test.py", "tests/spec/test_c.py")
    assert project.integration_tests == (
        "tests/integration/test_d.py", "tests/integration/unit/test_h.py", "tests/test_integration_f.py",
    )  # fmt: skip
    assert project.tests_of("unit") == ("tests/test_a.py", "tests/unit/test_b.py")
    assert project.tests_of("other") == ("tests/e2e/test_e.py",)
    assert project.test_roots == ("tests",)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", '[tool.pytest.ini_options]\ntestpaths = ["checks"]\nmarkers = ["spec: oracle", "slow"]\n'),
        ("pyproject.toml", '[tool.pytest]\ntestpaths = ["checks"]\nmarkers = ["spec", "slow: long"]\n'),
        ("pytest.ini", "[pytest]\ntestpaths = checks\nmarkers =\n    spec: oracle\n    slow\n"),
        ("tox.ini", "[pytest]\ntestpaths = checks\nmarkers =\n    spec\n    slow\n"),
        ("setup.cfg", "[tool:pytest]\ntestpaths = checks\nmarkers =\n    spec(x): y\n    slow\n"),
    ],
)
def test_pytests_settings_are_read_wherever_they_are(path: str, text: str) -> None:
    project = classify((path, "checks/test_a.py", "elsewhere/test_b.py"), {path: text})
    assert project.unit_tests == ("checks/test_a.py",)
    assert (project.test_roots, project.markers) == (("checks",), ("spec", "slow"))
    assert (project.specification_marker, project.integration_marker) == ("spec", None)


def test_markers_registered_in_a_conftest_count() -> None:
    text = 'def pytest_configure(config):\n    config.addinivalue_line("markers", "integration: needs services")\n'
    assert project_of("tests/test_a.py", tests__conftest_dot_py=text).integration_marker == "integration"


def test_migrations_come_in_their_order_with_their_way_back() -> None:
    project = project_of(
        "migrations/9_b.up.sql", "migrations/9_b.down.sql", "migrations/10_c.up.sql", "migrations/10_c.down.sql",
        "src/app/migrations/up/001.sql", "src/app/migrations/down/001.sql", "db/migration/V1__x.sql",
        "db/migration/U1__x.sql", "alembic.ini", "queries/report.sql",
    )  # fmt: skip
    found = {item.path: item for item in project.migrations}
    assert found["alembic.ini"].kind == "alembic"
    assert found["migrations"].ups == ("migrations/9_b.up.sql", "migrations/10_c.up.sql")
    assert found["migrations"].downs == ("migrations/10_c.down.sql", "migrations/9_b.down.sql")
    assert found["src/app/migrations"].downs == ("src/app/migrations/down/001.sql",)
    assert found["db/migration"].downs == ("db/migration/U1__x.sql",)
    assert "queries" not in found


def test_typescript_docker_openapi_and_kubernetes_are_seen() -> None:
    project = project_of(
        "client/pnpm-lock.yaml", "client/src/index.ts", "client/node_modules/x/index.ts", "Dockerfile",
        "docker/api.Dockerfile", "openapi.yaml", "docs/api-openapi.json", "k8s/api.yaml", "charts/x/Chart.yaml",
        "config/settings.yaml", client__package_dot_json='{"scripts": {"test": "vitest", "build": "tsc"}}',
    )  # fmt: skip
    assert [(item.root, item.manager, item.files, item.scripts) for item in project.typescript] == [
        ("client", "pnpm", ("client/src/index.ts",), ("build", "test"))
    ]
    assert project.dockerfiles == ("Dockerfile", "docker/api.Dockerfile")
    assert project.openapi == ("docs/api-openapi.json", "openapi.yaml")
    assert project.kubernetes == ("charts/x/Chart.yaml", "k8s/api.yaml")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", "x = " + "[" * 2000),
        ("setup.cfg", "no section\n"),
        ("setup.py", "def ("),
        ("setup.py", "\0"),
    ],
)
def test_a_manifest_that_can_not_be_read_is_a_problem_and_not_the_end(path: str, text: str) -> None:
    project = classify((path, "app/__init__.py"), {path: text})
    assert len(project.problems) == 1
    assert project.problems[0].startswith(f"{path}: ")
    assert project.modules == ("app",)


def test_other_peoples_manifests_and_packages_are_not_this_projects_concern() -> None:
    project = project_of(
        "src/a/__init__.py", "src/a/_vendor/lark/__init__.py",
        pyproject_dot_toml='[project]\nname = "a"\n', tests__fixtures__broken__pyproject_dot_toml="[project\n",
    )  # fmt: skip
    assert project.problems == ()
    assert project.nested == ("tests/fixtures/broken",)
    assert project.modules == ("a",)


def test_only_a_handful_of_files_are_read_of_a_large_tree() -> None:
    paths = [f"p{n}/pyproject.toml" for n in range(500)] + [f"src/m{n}.py" for n in range(5000)] + ["pyproject.toml"]
    assert len(manifests_among(sorted(paths))) <= 61


_PARTS = st.sampled_from(
    [
        "src",
        "tests",
        "app",
        "spec",
        "integration",
        "migrations",
        "node_modules",
        "a b",
        "x\ny",
        "caf\udce9",
        ".git",
        "ünï",
    ]
)
_NAMES = st.sampled_from(
    [
        "__init__.py",
        "a.py",
        "test_a.py",
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "uv.lock",
        "requirements.txt",
        "conftest.py",
        "package.json",
        "index.ts",
        "001.up.sql",
        "1.down.sql",
        "Dockerfile",
        "x�.py",
        "no-module.py",
    ]
)
_PATHS = st.tuples(st.lists(_PARTS, max_size=4), _NAMES).map(lambda found: "/".join([*found[0], found[1]]))
_TEXTS = st.sampled_from([UV, "", "[", "{}", '{"scripts": 3}', "[project]\nname = 3\n", "setup(", "[tool]\nuv = 1\n"])


@given(st.lists(_PATHS, unique=True, max_size=12), st.data())
@settings(max_examples=300, deadline=None)
def test_any_tree_is_classified_and_every_path_it_names_exists(paths: list[str], data: st.DataObject) -> None:
    texts = {path: data.draw(_TEXTS) for path in manifests_among(paths)}
    project = classify(paths, texts)
    known = set(paths)
    named = {*project.python_files, *project.module_files.values(), *(test.path for test in project.tests)}
    named |= {*(lock.path for lock in project.locks), *(item.path for item in project.manifests)}
    assert named <= known
    assert not any("node_modules" in path or ".git/" in path for path in project.files)
    assert set(project.modules) == set(project.module_files)
    assert all(part.isidentifier() for module in project.modules for part in module.split("."))
    assert project == classify(sorted(paths, reverse=True), texts)
