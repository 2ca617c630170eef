"""`junit.xml`: a suite a stage, a case a finding; for GitLab's test report and every JUnit viewer."""

# junitparser is typed but for its attribute descriptors and element lists.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
from itertools import count
from typing import TYPE_CHECKING

from junitparser import Attr, Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from gauntlet_verdict.model import Status
from gauntlet_verdict.text import clipped, visible_in_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junitparser.junitparser import FinalResult

    from gauntlet_verdict.model import Finding, Run, Verdict

_NAME_LIMIT = 300  # characters; viewers show a name in one line
_GOOD = frozenset({Status.PASS, Status.WARN, Status.SKIP})
_UNDECIDED = frozenset({Status.ERROR, Status.TIMEOUT, Status.INCONCLUSIVE})


class _PlacedCase(TestCase):
    """With the attributes by which GitLab links a case to its source; JUnit's own schema has none."""

    file = Attr()
    line = Attr()


def write(run: Run) -> bytes:
    """Write the report.

    A finding that holds the change back is a failure, any other is a skipped case that says so. The stage itself
    is a case too where it has something to say: passed, skipped with its reason, or an error where it reached no
    conclusion. Stages that were planned and did not run are skipped.
    """
    document = JUnitXml(visible_in_xml(f"gauntlet {run.tier}"))
    for verdict in run.verdicts:
        document.append(_suite(verdict.stage, verdict.duration_s, list(_cases(verdict))))
    for stage, reason in run.not_run.items():
        document.append(_suite(stage, 0.0, [_case(stage, stage, _does_not_block(f"did not run: {reason}"))]))
    document.update_statistics()
    document.time = run.duration_s
    output = io.BytesIO()
    document.write(output)
    return output.getvalue()


def _suite(stage: str, seconds: float, cases: list[TestCase]) -> TestSuite:
    suite = TestSuite(visible_in_xml(stage))
    suite.add_testcases(cases)
    suite.time = seconds
    return suite


def _cases(verdict: Verdict) -> Iterator[TestCase]:
    if verdict.status in _GOOD | _UNDECIDED:
        yield _stage_case(verdict)
    taken = {visible_in_xml(verdict.stage)}
    for finding in verdict.findings:
        name = clipped(visible_in_xml(f"{finding.rule} {finding.location or ''}".strip()), _NAME_LIMIT)
        yield _finding_case(verdict, finding, _unique(name, taken))


def _unique(name: str, taken: set[str]) -> str:
    """A name of its own: GitLab takes cases of one suite and name for one."""
    unique = next(each for each in _numbered(name) if each not in taken)
    taken.add(unique)
    return unique


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in count(2))


def _stage_case(verdict: Verdict) -> TestCase:
    reason = visible_in_xml(verdict.reason)
    if verdict.status in _UNDECIDED:
        result: FinalResult | None = Error(f"{verdict.status}: {_first_line(reason)}", verdict.status.value)
        result.text = reason
    else:
        result = _does_not_block(reason) if verdict.status is Status.SKIP else None
    case = _case(verdict.stage, verdict.stage, result)
    case.time = verdict.duration_s
    return case


def _finding_case(verdict: Verdict, finding: Finding, name: str) -> TestCase:
    if not finding.blocking or verdict.status in _GOOD:
        return _case(verdict.stage, name, _does_not_block(f"does not block: {finding.message}"))
    rerun = f"re-run: {verdict.rerun}" if verdict.rerun else ""
    lines = [str(finding.location or ""), finding.message, finding.hint or "", finding.url or "", rerun]
    failure = Failure(visible_in_xml(_first_line(finding.message)), finding.severity.value)
    failure.text = visible_in_xml("\n".join(line for line in lines if line))
    case = _case(verdict.stage, name, failure)
    if finding.location is not None:
        case.file = visible_in_xml(finding.location.path)
        case.line = str(finding.location.line or 1)
    return case


def _case(stage: str, name: str, result: FinalResult | None) -> _PlacedCase:
    case = _PlacedCase(visible_in_xml(name), visible_in_xml(stage), 0.0)
    if result is not None:
        case.result = result
    return case


def _does_not_block(reason: str) -> Skipped:
    return Skipped(visible_in_xml(reason))


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
