"""The tests in a JUnit XML document, as junitparser finds them. Imported only when a report is read: it takes time."""

# junitparser is typed but for its attribute descriptors; this file is the only one that reads through them.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from junitparser import Attr, Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite

from gauntlet_verdict.errors import ReportError
from gauntlet_verdict.readers.document import from_xml
from gauntlet_verdict.text import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOL = "JUnit"
NAME_LIMIT = 300  # characters; a parametrized test may carry its whole input in its name


class PlacedCase(TestCase):
    """A test with the attributes of pytest's family xunit1, which junitparser doesn't know."""

    file = Attr()
    line = Attr()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said of one test that didn't simply pass; a test may fail and then break in its teardown."""

    kind: Literal["failure", "error", "skipped"]
    message: str
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """One test; `file` and `line` (from 0) are there in pytest's older family xunit1 only."""

    name: str
    classname: str
    file: str
    line: int | None
    seconds: float
    outcomes: tuple[Outcome, ...]

    @property
    def title(self) -> str:
        """`tests.test_orders.TestCart::test_empty`."""
        return clipped("::".join(part for part in (self.classname, self.name) if part), NAME_LIMIT)

    @property
    def ran(self) -> bool:
        """Whether it says anything about the code."""
        return all(outcome.kind != "skipped" for outcome in self.outcomes)


def parsed(report: str | bytes) -> tuple[list[Case], int]:
    """All tests, and how many failures and errors the suites' own counters state.

    Raises:
        ReportError: it is no JUnit XML.
    """
    tree = from_xml(report, TOOL)
    try:
        document = JUnitXml.fromroot(cast("Any", tree))  # annotated as junitparser's own Element by mistake
        suites = list(_suites(document))
        stated = sum(int(suite.failures or 0) + int(suite.errors or 0) for suite in suites)
        return [_case(case) for suite in suites for case in suite.iterchildren(PlacedCase)], stated
    except JUnitXmlError:
        raise ReportError(TOOL, "line 1", f"its first element is <{tree.tag}>, not <testsuites>") from None
    except (ValueError, OverflowError) as error:
        raise ReportError(TOOL, "<testsuite> or <testcase>", f"a number is none: {type(error).__name__}") from None


def _suites(parent: JUnitXml | TestSuite) -> Iterator[TestSuite]:
    """Suites that hold tests themselves; an outer one (vitest, Gradle) only adds its inner ones' numbers up."""
    for suite in parent.iterchildren(TestSuite):
        yield from _suites(suite)
        if suite.child(TestCase) is not None:
            yield suite


def _case(case: PlacedCase) -> Case:
    seconds = float(case.time or 0.0)
    return Case(
        name=str(case.name or ""),
        classname=str(case.classname or ""),
        file=str(case.file or ""),
        line=int(case.line) if case.line else None,
        seconds=seconds if 0 <= seconds < float("inf") else 0.0,
        outcomes=tuple(_outcomes(case)),
    )


def _outcomes(case: PlacedCase) -> Iterator[Outcome]:
    for result in case.result:
        message, text = str(result.message or ""), str(result.text or "")
        if isinstance(result, Failure):
            yield Outcome("failure", message, text)
        elif isinstance(result, Error):
            yield Outcome("error", message, text)
        elif isinstance(result, Skipped):
            yield Outcome("skipped", message or text, text)
