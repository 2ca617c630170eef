from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from gauntlet_checks.imports import Plan, Report, check, main

if TYPE_CHECKING:
    from pathlib import Path


def run(root: Path, files: dict[str, str], timeout_s: float = 20.0) -> Report:
    modules: dict[str, str] = {}
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        modules[path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")] = path
    return check(Plan(sys.executable, str(root), ("src",), modules, timeout_s))


def test_a_package_whose_modules_import_is_clean(tmp_path: Path) -> None:
    files = {"src/shop/__init__.py": "", "src/shop/price.py": "from shop import tax", "src/shop/tax.py": ""}
    report = run(tmp_path, files)
    assert (report.modules, report.failures, report.canary_failed) == (3, (), True)


def test_the_failing_line_is_named_even_where_another_module_holds_it(tmp_path: Path) -> None:
    report = run(tmp_path, {"src/shop/a.py": "import shop.b", "src/shop/b.py": "\n\nimport nowhere_to_be_found"})
    assert {(f.module, f.path, f.line, f.missing) for f in report.failures} == {
        ("shop.a", "src/shop/b.py", 3, "nowhere_to_be_found"),
        ("shop.b", "src/shop/b.py", 3, "nowhere_to_be_found"),
    }


def test_a_syntax_error_is_placed_at_its_line(tmp_path: Path) -> None:
    report = run(tmp_path, {"src/shop/a.py": "x = 1\ndef (:\n"})
    assert [(f.type, f.path, f.line) for f in report.failures] == [("SyntaxError", "src/shop/a.py", 2)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import os\nos._exit(0)", "ended the interpreter with exit code 0"),
        ("import os\nos.kill(os.getpid(), 9)", "signal 9"),
        ("import os\nos.killpg(0, 9)", "signal 9"),
        ("import time\ntime.sleep(60)", "still importing after 1 s"),
    ],
)
def test_a_module_that_takes_the_interpreter_with_it_is_named_and_the_others_are_still_tried(
    tmp_path: Path, text: str, says: str
) -> None:
    files = {"src/shop/a.py": "", "src/shop/bad.py": text, "src/shop/c.py": "", "src/shop/d.py": "1 / 0"}
    report = run(tmp_path, files, timeout_s=1.0)
    assert [f.module for f in report.failures] == ["shop.bad", "shop.d"]
    assert says in report.failures[0].message


def test_sys_exit_at_import_is_a_failure(tmp_path: Path) -> None:
    assert [f.type for f in run(tmp_path, {"src/shop/a.py": "import sys\nsys.exit(0)"}).failures] == ["SystemExit"]


def test_a_circular_import_shows_although_another_order_would_work(tmp_path: Path) -> None:
    files = {"src/shop/a.py": "x = 1\nfrom shop.b import y", "src/shop/b.py": "from shop import a\ny = 2\nz = a.x"}
    assert [f.module for f in run(tmp_path, files).failures] == ["shop.b"]


def test_what_fails_only_because_it_was_imported_twice_is_no_finding(tmp_path: Path) -> None:
    once = "import warnings\nassert not hasattr(warnings, 'seen')\nwarnings.seen = True"
    assert run(tmp_path, {"src/shop/a.py": once, "src/shop/b.py": "import shop.a"}).failures == ()


def test_an_importer_that_lies_is_found_out_by_the_canary(tmp_path: Path) -> None:
    liar = tmp_path / "python"
    liar.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        "plan = json.load(open(sys.argv[-1]))\n"
        "for module in plan['modules']:\n"
        "    for event in ('start', 'end'):\n"
        "        print(json.dumps({'module': module, 'event': event, 'ok': True}), file=open(plan['answers'], 'a'))\n"
    )
    liar.chmod(0o755)
    report = check(Plan(str(liar), str(tmp_path), (".",), {"a": "a.py"}))
    assert (report.failures, report.canary_failed) == ((), False)


def test_an_interpreter_that_does_not_start_fails_every_module(tmp_path: Path) -> None:
    report = check(Plan("/bin/false", str(tmp_path), (".",), {"a": "a.py", "b": "b.py", "c": "c.py"}))
    assert [f.module for f in report.failures] == ["a", "b", "c"]
    assert not report.canary_failed


def test_the_command_writes_the_report_and_ends_with_1_on_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1 / 0")
    plan, out = tmp_path / "plan.json", tmp_path / "report.json"
    asked = {"python": sys.executable, "root": str(tmp_path), "roots": ["."], "modules": {"a": "a.py"}}
    plan.write_text(json.dumps(asked))
    assert main(["--plan", str(plan), "--out", str(out)]) == 1
    assert json.loads(out.read_text())["failures"][0]["type"] == "ZeroDivisionError"
