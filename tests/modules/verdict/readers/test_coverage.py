from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gauntlet_verdict.readers import ReportError, coverage

if TYPE_CHECKING:
    from collections.abc import Callable


def test_rates_are_counted_and_not_taken_from_the_rounded_summary(recorded: Callable[[str], bytes]) -> None:
    report = coverage.read(recorded("coverage/branches.xml"))
    assert report.looked_at == {"files": 3, "lines": 43}
    assert report.metrics["line_rate"] == report.metrics["lines_covered"] / 43
    assert report.metrics["branch_rate"] == 0.5


def test_code_that_never_ran_has_a_rate_of_zero(recorded: Callable[[str], bytes]) -> None:
    report = coverage.read(recorded("coverage/never-run.xml"))
    assert report.metrics["line_rate"] == 0.0
    assert "branch_rate" not in report.metrics


def test_no_code_has_no_rate() -> None:
    report = coverage.read('<coverage lines-valid="0"><packages/></coverage>')
    assert report.looked_at == {"files": 0, "lines": 0}
    assert "line_rate" not in report.metrics


def test_a_summary_that_contradicts_its_lines_is_refused(recorded: Callable[[str], bytes]) -> None:
    with pytest.raises(ReportError, match="it says 44 lines and lists 43"):
        coverage.read(recorded("coverage/branches.xml").replace(b'lines-valid="43"', b'lines-valid="44"'))


def test_another_xml_is_no_report(recorded: Callable[[str], bytes]) -> None:
    with pytest.raises(ReportError, match="<testsuites>, not <coverage>"):
        coverage.read(recorded("junit/clean.xml"))
