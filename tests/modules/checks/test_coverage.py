from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_checks.coverage import read_rates, relative_to
from gauntlet_verdict.readers import coverage

if TYPE_CHECKING:
    from pathlib import Path

REPORT = """<?xml version="1.0" ?>
<coverage version="7" lines-valid="2" lines-covered="1" line-rate="0.5" branches-valid="2" branch-rate="0.5"
 branches-covered="1">
  <sources><source>{root}/src/orders</source><source>{root}/lib</source></sources>
  <packages><package name="."><classes>
    <class name="a" filename="api/a.py"><lines><line number="1" hits="1"/></lines></class>
    <class name="b" filename="b.py"><lines><line number="1" hits="0"/></lines></class>
    <class name="c" filename="gone.py"><lines/></class>
  </classes></package></packages>
</coverage>
"""


def test_files_are_named_as_the_repository_names_them(tmp_path: Path) -> None:
    for path in ("src/orders/api/a.py", "lib/b.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    report, written = tmp_path / "report.xml", tmp_path / "coverage.xml"
    report.write_text(REPORT.format(root=tmp_path))
    assert relative_to(tmp_path, report, written)
    text = written.read_text()
    assert 'filename="src/orders/api/a.py"' in text
    assert 'filename="lib/b.py"' in text
    assert 'filename="gone.py"' in text
    assert "<source>.</source>" in text
    assert str(tmp_path) not in text
    assert coverage.read(text).metrics["line_rate"] == 0.5


def test_without_a_readable_report_there_are_no_rates_and_no_file(tmp_path: Path) -> None:
    broken, written = tmp_path / "report.xml", tmp_path / "coverage.xml"
    assert not relative_to(tmp_path, broken, written)
    broken.write_text("<coverage")
    assert not relative_to(tmp_path, broken, written)
    assert read_rates(broken) is None
    broken.write_text("<coverage line-rate='x'/>")
    assert read_rates(broken) is None
    assert not written.exists()
