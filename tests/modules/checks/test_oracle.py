from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gauntlet_checks.oracle import Plan, Report, check, main

if TYPE_CHECKING:
    from pathlib import Path

SPEC = "tests/spec/test_price.py"
CODE = {"src/orders/__init__.py": "", "src/orders/price.py": "def price(): return 1\n"}


def read(root: Path, files: dict[str, str], **more: tuple[str, ...]) -> Report:
    for path, text in (CODE | files).items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    tests = tuple(path for path in files if path.rpartition("/")[2].startswith("test_") or path.endswith("_spec.py"))
    return check(Plan(str(root), tests, ("orders",), tuple(CODE), **more))


def found(report: Report) -> list[tuple[str, str, int]]:
    return [(violation.rule, violation.path, violation.line) for violation in report.violations]


CLEAN = "import httpx\n\ndef test_a(client):\n    assert client\n"


def test_a_specification_test_that_imports_only_foreign_modules_is_clean(tmp_path: Path) -> None:
    report = read(tmp_path, {SPEC: CLEAN})
    assert found(report) == []
    assert [(s.path, s.tests) for s in report.specifications] == [(SPEC, 1)]


@pytest.mark.parametrize(
    "line",
    [
        "import orders",
        "import orders.price as p",
        "from orders import price",
        "from orders.price import price",
        "import importlib; m = importlib.import_module('orders.price')",
        "from importlib import import_module as im; m = im('orders.price')",
        "import importlib as il; load = il.import_module; load('orders')",
        "import importlib; getattr(importlib, 'import_' + 'module')('orders')",
        "NAME = 'orders' + '.price'; import importlib; importlib.import_module(NAME)",
        "import importlib; importlib.import_module('.'.join(['orders', 'price']))",
        "m = __import__('orders')",
        "import builtins; m = builtins.__import__('orders')",
        "m = globals()['__builtins__']; m = __builtins__['__import__']('orders')",
        "exec('from orders import price')",
        "exec(compile('import orders', 'x', 'exec'))",
        "eval(\"__import__('orders').price\")",
        "import pytest; orders = pytest.importorskip('orders')",
        "import runpy; runpy.run_module('orders.price')",
        "import runpy; runpy.run_path('src/orders/price.py')",
        "import pkgutil; pkgutil.resolve_name('orders.price:price')",
        "import sys; m = sys.modules['orders']",
        "import sys; m = sys.modules.get('orders')",
        "from importlib.util import spec_from_file_location as s; s('x', 'src/orders/price.py')",
        "from unittest import mock\nmock.patch('orders.price.price')",
        "from unittest.mock import patch\npatch('orders.price.price')",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import orders; print(orders)'])",
        "def test_b(mocker):\n    mocker.patch('orders.price.price')",
        "def test_b(monkeypatch):\n    monkeypatch.setattr('orders.price.price', 1)",
        "def test_b():\n    from orders import price",
        "if True:\n    import orders",
        "try:\n    import orders\nexcept ImportError:\n    pass",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import orders",
    ],
)
def test_every_way_of_importing_the_implementation_is_seen(tmp_path: Path, line: str) -> None:
    report = read(tmp_path, {SPEC: CLEAN + line + "\n"})
    assert {(v.rule, v.path) for v in report.violations} == {("import", SPEC)}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import importlib, os; importlib.import_module(os.environ['X'])", "computed-import"),
        ("exec(open('x').read())", "computed-import"),
        ("import sys; sys.modules[chr(111)]", "computed-import"),
        ("import sys; sys.path.insert(0, 'src/orders')", "import-path"),
        ("import sys; sys.path[:0] = ['src/orders']", "import-path"),
        ("import sys; sys.path += ['src/orders']", "import-path"),
        ("def test_b(monkeypatch):\n    monkeypatch.syspath_prepend('src/orders')", "import-path"),
    ],
)
def test_what_no_reader_can_follow_is_refused(tmp_path: Path, line: str, rule: str) -> None:
    assert {v.rule for v in read(tmp_path, {SPEC: CLEAN + line + "\n"}).violations} == {rule}


@pytest.mark.parametrize(
    "line",
    [
        "import subprocess, sys; subprocess.run([sys.executable, '-m', 'orders'])",
        "import importlib; importlib.import_module('json')",
        "eval('1 + 1')",
        "def test_b(monkeypatch):\n    monkeypatch.setenv('orders.x', '1')",
        "from support import http",
        "def test_b(mocker):\n    mocker.patch('time.sleep')",
    ],
)
def test_what_leaves_the_code_alone_is_no_finding(tmp_path: Path, line: str) -> None:
    files = {SPEC: CLEAN + line + "\n", "tests/support/__init__.py": "", "tests/support/http.py": "import httpx\n"}
    assert found(read(tmp_path, files)) == []


def test_a_reexport_through_helpers_is_followed_and_the_chain_is_told(tmp_path: Path) -> None:
    files = {
        SPEC: "from support.api import price\n\ndef test_a():\n    assert price() == 1\n",
        "tests/support/__init__.py": "",
        "tests/support/api.py": "from .deep import *\n",
        "tests/support/deep.py": "x = 1\nfrom orders.price import price\n",
    }
    report = read(tmp_path, files)
    assert found(report) == [("import", SPEC, 1)]
    assert [step.partition(": ")[0] for step in report.violations[0].chain] == [
        f"{SPEC}:1", "tests/support/api.py:1", "tests/support/deep.py:2",
    ]  # fmt: skip


def test_a_relative_import_into_a_flat_package_is_seen(tmp_path: Path) -> None:
    path = "src/orders/tests/spec/test_a.py"
    init = {f"src/orders/tests/{part}__init__.py": "" for part in ("", "spec/")}
    report = read(tmp_path, {path: "from ...price import price\n\ndef test_a(): pass\n", **init})
    assert ("import", path, 1) in found(report)


def test_the_package_that_a_test_lives_in_is_read_too(tmp_path: Path) -> None:
    report = read(tmp_path, {SPEC: CLEAN, "tests/spec/__init__.py": "import orders\n"})
    assert [v.rule for v in report.violations] == ["import"]


@pytest.mark.parametrize(
    "marked",
    [
        "import pytest\nimport orders\n\n@pytest.mark.spec\ndef test_a(): pass\n",
        "import pytest\nimport orders\n\n@pytest.mark.spec('REQ-1')\ndef test_a(): pass\n",
        "import pytest as p\nimport orders\npytestmark = [p.mark.slow, p.mark.specification]\n\ndef test_a(): pass\n",
        "import pytest\nimport orders\nspec = pytest.mark.spec\n\n@spec\ndef test_a(): pass\n",
        "from pytest import mark\nimport orders\n\n@mark.spec\nclass TestA:\n    def test_a(self): pass\n",
        "import pytest\nimport orders\n\nclass TestA:\n    pytestmark = pytest.mark.spec\n    def test_a(self): pass\n",
    ],
)
def test_marked_tests_are_specification_tests_wherever_they_are(tmp_path: Path, marked: str) -> None:
    assert found(read(tmp_path, {"tests/unit/test_mixed.py": marked})) == [("import", "tests/unit/test_mixed.py", 2)]


def test_unit_tests_may_import_what_they_like(tmp_path: Path) -> None:
    report = read(tmp_path, {"tests/unit/test_a.py": "import orders\n\ndef test_a(): pass\n"})
    assert (report.specifications, report.violations) == ([], [])


def test_a_file_name_can_say_it_too(tmp_path: Path) -> None:
    assert found(read(tmp_path, {"tests/price_spec.py": "import orders\n\ndef test_a(): pass\n"})) == [
        ("import", "tests/price_spec.py", 1)
    ]


USES = "def test_a(thing):\n    assert thing\n"


@pytest.mark.parametrize(
    "fixture",
    [
        "from orders.price import price\n@pytest.fixture\ndef thing(): return price\n",
        "import orders.price as p\n@pytest.fixture()\ndef thing():\n    yield p.price\n",
        "import orders\n@pytest.fixture\ndef thing():\n    x = [orders]\n    y = {'a': x}\n    return y\n",
        "import orders\n@pytest.fixture\ndef thing():\n    x = {}\n    x['a'] = orders\n    return x\n",
        "import orders\n@pytest.fixture\ndef thing():\n    x = Space()\n    x.a.b = orders\n    return x\n",
        "import orders\n@pytest.fixture\ndef thing():\n    x = []\n    x.append(orders)\n    return x\n",
        "@pytest.fixture\ndef thing():\n    from orders import price\n    return price.price()\n",
        "@pytest.fixture\ndef thing():\n    import importlib\n    return importlib.import_module('orders')\n",
        "from orders import price\n@pytest.fixture(name='thing')\ndef other(): return lambda: price.price()\n",
        "from orders import price\n@pytest.fixture\ndef thing():\n    def make(): return price()\n    return make\n",
        "from orders import app\n@pytest.fixture\ndef one(): return app\n@pytest.fixture\ndef thing(one): return one\n",
        "from orders import price\n@pytest.fixture\ndef thing():\n    with price.x() as y:\n        yield y\n",
        "from orders import Base\nclass Thing(Base): pass\n@pytest.fixture\ndef thing(): return Thing()\n",
        "class T:\n    def f(self):\n        import orders\n        return orders\n@pytest.fixture\ndef thing(): return T",  # noqa: E501
        "from support.make import build\n@pytest.fixture\ndef thing(): return build()\n",
        "from support.make import *\n@pytest.fixture\ndef thing(): return build()\n",
        "from support import make\n@pytest.fixture\ndef thing(): return make.build()\n",
        "pytest_plugins = ['support.plugin']\n",
        "from support.plugin import thing\n",
    ],
)
def test_a_fixture_that_hands_over_the_implementation_is_seen(tmp_path: Path, fixture: str) -> None:
    files = {
        SPEC: USES,
        "tests/conftest.py": "import pytest\n" + fixture,
        "tests/support/__init__.py": "",
        "tests/support/make.py": "from orders.price import price\ndef build():\n    return price()\n",
        "tests/support/plugin.py": "import pytest, orders\n@pytest.fixture\ndef thing(): return orders\n",
    }
    assert found(read(tmp_path, files)) == [("fixture", SPEC, 1)]


@pytest.mark.parametrize(
    "fixture",
    [
        (
            "from orders import app\nfrom starlette.testclient import TestClient\n"
            "@pytest.fixture\ndef thing():\n    with TestClient(app) as client:\n        yield client\n"
        ),
        (
            "from orders import create\nimport httpx\n@pytest.fixture\nasync def thing():\n"
            "    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=create())) as c:\n        yield c\n"
        ),
        (
            "from orders import app\nfrom x import TestClient\n@pytest.fixture\ndef app_(): return app\n"
            "@pytest.fixture\ndef thing(app_): return TestClient(app_)\n"
        ),
        (
            "import subprocess, sys\n@pytest.fixture\ndef thing():\n"
            "    yield subprocess.Popen([sys.executable, '-m', 'orders'])\n"
        ),
        (
            "import orders\n@pytest.fixture\ndef thing(): return 'http://127.0.0.1'\n"
            "@pytest.fixture\ndef unused(): return orders\n"
        ),
        (
            "from orders import create\n@pytest.fixture\ndef thing():\n    app = create()\n"
            "    app.overrides[create] = 1\n    return TestClient(app)\n"
        ),
    ],
)
def test_a_fixture_that_shows_the_application_only_from_outside_is_fine(tmp_path: Path, fixture: str) -> None:
    assert found(read(tmp_path, {SPEC: USES, "tests/conftest.py": "import pytest\n" + fixture})) == []


@pytest.mark.parametrize(
    "trick",
    [
        "import orders\npytest.orders = orders\n",
        "import builtins, orders\nbuiltins.orders = orders\n",
        "import builtins, orders\nsetattr(builtins, 'orders', orders)\n",
        "import orders, sys\nsys.modules['innocent'] = orders\n",
        "from orders import price\ndef pytest_configure(config):\n    pytest.price = price\n",
        "from orders import price\ndef pytest_generate_tests(metafunc):\n    metafunc.parametrize('thing', [price])\n",
        "from orders import price\ndef pytest_runtest_setup(item):\n    item.module.price = price\n",
        "import builtins, orders\nvars(builtins).update(orders=orders)\n",
        "pytest_plugins = 'orders.testing'\n",
    ],
)
def test_conftest_tricks_are_seen(tmp_path: Path, trick: str) -> None:
    report = read(tmp_path, {SPEC: USES, "tests/conftest.py": "import pytest\n" + trick})
    assert {(v.rule, v.path) for v in report.violations} == {("conftest", "tests/conftest.py")}


def test_an_autouse_fixture_needs_no_one_to_ask_for_it(tmp_path: Path) -> None:
    trick = "import pytest, orders\n@pytest.fixture(autouse=True)\ndef _give(request):\n    request.module.x = orders\n"
    assert found(read(tmp_path, {SPEC: USES, "tests/conftest.py": trick})) == [("fixture", "tests/conftest.py", 4)]


def test_getfixturevalue_counts_as_asking_also_with_a_computed_name(tmp_path: Path) -> None:
    conftest = "import pytest, orders\n@pytest.fixture\ndef hidden(): return orders\n"
    for name in ("'hidden'", "str(1)"):
        text = f"def test_a(request):\n    request.getfixturevalue({name})\n"
        assert found(read(tmp_path, {SPEC: text, "tests/conftest.py": conftest})) == [("fixture", SPEC, 2)]


def test_the_nearest_definition_of_a_fixture_decides(tmp_path: Path) -> None:
    files = {
        SPEC: USES,
        "conftest.py": "import pytest, orders\n@pytest.fixture\ndef thing(): return orders\n",
        "tests/conftest.py": "import pytest\n@pytest.fixture\ndef thing(): return 1\n",
    }
    assert found(read(tmp_path, files)) == []
    files["tests/conftest.py"] = "import pytest\n@pytest.fixture\ndef thing(thing): return thing\n"
    assert found(read(tmp_path, files)) == [("fixture", SPEC, 1)]


def test_a_specification_test_that_does_not_parse_vouches_for_nothing(tmp_path: Path) -> None:
    assert found(read(tmp_path, {SPEC: "def (:\n"})) == [("unreadable", SPEC, 1)]


def test_a_file_of_another_coding_is_read_as_python_reads_it(tmp_path: Path) -> None:
    assert found(read(tmp_path, {SPEC: CLEAN})) == []
    (tmp_path / SPEC).write_bytes(b"# coding: latin-1\n# \xe9\nimport orders\ndef test_a(): pass\n")
    report = check(Plan(str(tmp_path), (SPEC,), ("orders",), tuple(CODE)))
    assert found(report) == [("import", SPEC, 3)]


def test_helpers_that_import_each_other_end(tmp_path: Path) -> None:
    files = {SPEC: "import helper_a\ndef test_a(): pass\n", "tests/helper_a.py": "import helper_b\n"}
    files["tests/helper_b.py"] = "import helper_a\nimport orders\n"
    assert found(read(tmp_path, files)) == [("import", SPEC, 1)]


def test_the_command_ends_with_1_and_writes_what_it_read(tmp_path: Path) -> None:
    read(tmp_path, {SPEC: "import orders\ndef test_a(): pass\n"})
    plan, out = tmp_path / "plan.json", tmp_path / "report.json"
    asked = {"root": str(tmp_path), "tests": [SPEC], "implementation": ["orders"], "implementation_files": list(CODE)}
    plan.write_text(json.dumps(asked))
    assert main(["--plan", str(plan), "--out", str(out)]) == 1
    assert json.loads(out.read_text())["specifications"] == [{"path": SPEC, "tests": 1}]
