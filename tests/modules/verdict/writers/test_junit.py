from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict.readers import junit as reader
from gauntlet_verdict.writers import junit

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from gauntlet_verdict import Run

from defusedxml.ElementTree import fromstring


def suite(run: Run, stage: str) -> Element:
    return next(element for element in fromstring(junit.write(run)).iter("testsuite") if element.get("name") == stage)


def test_a_passed_stage_is_a_passed_case(example: Run) -> None:
    (case,) = suite(example, "format:python")
    assert (case.get("classname"), case.get("name"), len(case)) == ("format:python", "format:python", 0)


def test_a_blocking_finding_is_a_failure_at_its_place_with_the_rerun(example: Run) -> None:
    case = suite(example, "lint:python")[0]
    assert (case.get("name"), case.get("file"), case.get("line")) == ("F401 app/a.py:3:8", "app/a.py", "3")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "`os` imported but unused"
    assert (failure.text or "").splitlines()[-1] == "re-run: gauntlet run lint:python"


def test_a_finding_that_does_not_block_is_a_skipped_case(example: Run) -> None:
    skipped = suite(example, "lint:python")[-1].find("skipped")
    assert skipped is not None
    assert (skipped.get("message") or "").startswith("does not block: ")


def test_a_warning_fails_no_case(example: Run) -> None:
    assert suite(example, "security:bandit").get("failures") == "0"


def test_a_stage_without_a_conclusion_is_an_error_with_its_reason(example: Run) -> None:
    error = suite(example, "security:dependency-scan")[0].find("error")
    assert error is not None
    assert error.get("message") == "INCONCLUSIVE: the advisories are 40 days old"
    assert error.get("type") == "INCONCLUSIVE"


def test_skipped_stages_and_those_that_did_not_run_say_why(example: Run) -> None:
    for stage, why in (("test:integration", "no integration tests"), ("test:unit", "did not run: interrupted")):
        skipped = suite(example, stage)[0].find("skipped")
        assert skipped is not None
        assert skipped.get("message") == why


def test_our_own_reader_counts_what_was_written(example: Run) -> None:
    report = reader.read(junit.write(example))
    assert report.metrics["failures"] == 2
    assert report.metrics["errors"] == 1
