"""What a stage asks gauntlet_checks.testrun for, and what it makes of the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gauntlet.conclude import Judgement
from gauntlet.recipe import ENV, pyprojects
from gauntlet.toolrun import Report
from gauntlet_verdict import Finding, FixCategory, Location, Severity, Status, Verdict
from gauntlet_verdict.readers import ReportError, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet.project import Project
    from gauntlet.stage import StageContext
    from gauntlet.toolrun import Outcome

PACK = "/opt/pytest"
KEPT = "/outcome"  # where the run leaves what others read: pytest's own JUnit, and the coverage
EVIDENCE = ("junit.xml", "coverage.xml")
SHOWN = 20  # names in a sentence or a note
LOGGED = 2000  # lines of pytest's output in the stage's log
LINES = 60  # of one failure's report


def plan_of(
    project: Project,
    *,
    integration: bool,
    timeout_s: float,
    workers: int,
    env: Mapping[str, str],
    worth_workers: int = 0,
) -> dict[str, Any]:
    """The plan for the integration tests, or for all others (a test is one by its folder or by its marker)."""
    selected = {"marker": project.integration_marker, "files": list(project.integration_tests)}
    restrict = project.integration_marker is not None or integration
    roots = list(project.test_roots)
    return {
        "root": "/src",
        "environment": ENV,
        "pack": PACK,
        "arguments": (roots if project.integration_marker else list(project.integration_tests))
        if integration
        else roots,
        "ignore": [] if integration else list(project.integration_tests),
        "select": {**selected, "keep": integration} if restrict else None,
        "cover": [] if integration else folders_to_cover(project),
        "tests": [test.path for test in project.tests],
        "roots": list(project.source_roots),
        "manifests": pyprojects(project),
        "workers": workers,
        "worth_workers": worth_workers,
        "timeout_s": timeout_s,
        "keep": KEPT,
        "env": dict(env),
    }


def evidence() -> dict[str, Report]:
    """The reports of a run that `keep_evidence` hands on."""
    return {name: Report(f"{KEPT}/{name}", "text", required=False) for name in EVIDENCE}


def keep_evidence(context: StageContext, outcome: Outcome) -> None:
    """Put what pytest and coverage wrote themselves among the run's reports; a run need not have either."""
    for name in EVIDENCE:
        if name in outcome.reports:
            context.keep(name, outcome.reports[name])


def folders_to_cover(project: Project) -> list[str]:
    """The implementation's top folders, and single modules by their names: coverage.py takes no path of a file."""
    found: dict[str, None] = {}
    for name, path in project.module_files.items():
        if "." not in name:
            found[path.removesuffix("/__init__.py") if path.endswith("/__init__.py") else name] = None
        elif not any(path.startswith(f"{top}/") for top in found):  # a namespace package has no file of its own
            found[path.rpartition("/")[0] or path] = None
    return [path for path in found if path]


def judge(report: Mapping[str, Any]) -> Judgement:
    """What a run's report says; `state` "ran" and "died" only, the others have no findings (see `without_tests`).

    Raises:
        ReportError: it is not of its own shape.
    """
    try:
        return _judge(report)
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError("gauntlet_checks.testrun", "report", repr(error)) from error


def without_tests(stage: str, report: Mapping[str, Any]) -> Verdict | None:
    """The verdict of a run that judged nothing: no tests, all skipped, or a configuration that pytest refuses."""
    state, counts = report["state"], report["counts"]
    if state == "no-tests":
        if counts.get("written"):
            reason = f"{counts['written']} test functions are written and pytest collects none of them"
            return Verdict(stage=stage, status=Status.INCONCLUSIVE, reason=reason)
        return Verdict(stage=stage, status=Status.SKIP, reason="pytest collects no tests")
    if state == "ran" and not report["failures"] and counts["skipped"] and not counts["passed"]:
        reason = f"all {counts['skipped']} tests skip themselves: {_reasons(report['skips'])}"
        return Verdict(stage=stage, status=Status.SKIP, reason=reason)
    if state == "usage":
        return Verdict(stage=stage, status=Status.INCONCLUSIVE, reason=report["why"])
    return None


def unfinished(report: Mapping[str, Any], message: str) -> tuple[Finding, ...]:
    """One finding for each test that had begun when the run ended."""
    return tuple(
        Finding(
            rule="test:unfinished",
            severity=Severity.HIGH,
            message=f"{test['id']} {message}",
            location=_location(test["file"], test["line"]),
            fix=FixCategory.TEST,
        )
        for test in report["unfinished"][:SHOWN]
    )


def tell(context: StageContext, outcome: Outcome) -> None:
    """Pytest's own words into the stage's log, the end of them where they are many."""
    lines = outcome.stdout.splitlines()
    for line in lines[-LOGGED:]:
        context.say(line)


def read_report(text: str) -> dict[str, Any]:
    """The report's JSON.

    Raises:
        ReportError: it is none.
    """
    try:
        report = json.loads(text)
        return {**report, "counts": report["counts"], "state": report["state"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError("gauntlet_checks.testrun", "", repr(error)) from error


def _judge(report: Mapping[str, Any]) -> Judgement:
    counts = report["counts"]
    findings = [_failure(failure) for failure in report["failures"]]
    if report["state"] == "died":
        findings += unfinished(report, f"was running when {report['why']}")
    findings += [_never_ran(test) for test in report["never_ran"]]
    if not findings and report["state"] == "ran" and report["exit_code"] != 0:
        findings.append(_own_rule(report["exit_code"]))
    blocking = bool(findings)
    findings += [_uncollected(path) for path in report["uncollected"]]
    findings += [_parallel(test) for test in report["parallel_only"]]
    ran = counts.get("passed", 0) + counts.get("failed", 0) + counts.get("error", 0)
    return Judgement(
        looked_at={"tests": max(ran, len(report["failures"]), len(report["unfinished"]))},
        findings=numbered(findings),
        metrics=_metrics(report),
        doubt="" if blocking else _doubt(report),
        remark=_remark(report),
    )


def _doubt(report: Mapping[str, Any]) -> str:
    if report["state"] == "died":
        return report["why"]
    proof = report["proof"]
    if proof and proof["silent"]:
        return (
            "the runner does not report failures: planted tests that must fail were not reported as failed in "
            f"{', '.join(proof['silent'])} (look at conftest.py and plugins)"
        )
    if proof and not proof["planted"]:
        return "no planted test could be run, so nothing shows that failures are reported"
    return ""


def _failure(failure: Mapping[str, Any]) -> Finding:
    head = failure["message"].strip().partition("\n")[0]
    if head in {"", "collection failure"}:
        said = [line[1:].strip() for line in failure["text"].splitlines() if line.startswith("E  ")]
        head = said[-1] if said else failure["text"].strip().rpartition("\n")[2]
    text = "\n".join(failure["text"].strip().splitlines()[-LINES:])
    kind = "fails" if failure["kind"] == "failed" else "cannot be run"
    return Finding(
        rule=f"test:{failure['id']}",
        severity=Severity.HIGH,
        message=f"{failure['id']} {kind}: {head}"[:600],
        location=_location(failure["file"], failure["line"]),
        fix=FixCategory.TEST,
        hint=text or None,
    )


def _never_ran(test: str) -> Finding:
    return Finding(
        rule="test:never-ran",
        severity=Severity.HIGH,
        message=f"{test} was collected and is in no report: something keeps it from running",
        location=_location(test.partition("::")[0], None),
        fix=FixCategory.TEST,
    )


def _own_rule(exit_code: int) -> Finding:
    return Finding(
        rule="test:exit-code",
        severity=Severity.HIGH,
        message=f"pytest ends with exit code {exit_code} though no test fails: a rule of the project's own "
        "(coverage's fail_under, a plugin) is not met; the log's last lines say which",
        fix=FixCategory.TEST,
    )


def _uncollected(path: str) -> Finding:
    return Finding(
        rule="test:not-collected",
        severity=Severity.LOW,
        message="tests are written here and none is collected",
        location=_location(path, None),
        fix=FixCategory.TEST,
        blocking=False,
    )


def _parallel(test: str) -> Finding:
    return Finding(
        rule="test:parallel",
        severity=Severity.LOW,
        message=f"{test} passes alone and fails beside other tests",
        location=_location(test.partition("::")[0], None),
        fix=FixCategory.TEST,
        blocking=False,
    )


def _metrics(report: Mapping[str, Any]) -> dict[str, float]:
    found = {
        name: float(report["counts"].get(name, 0)) for name in ("passed", "failed", "error", "skipped", "collected")
    }
    found["workers"] = float(report["workers"])
    coverage: Mapping[str, float] = report["coverage"] or {}
    return found | {f"coverage.{name}": value for name, value in coverage.items()}


def _remark(report: Mapping[str, Any]) -> str:
    counts, parts = report["counts"], list[str]()
    if counts.get("skipped"):
        parts.append(f"{counts['skipped']} tests skip themselves: {_reasons(report['skips'])}")
    if report["added"]:
        wanted = [f"{name} {report['added'][name]}" for name in sorted(report["added"]) if name.startswith("pytest")]
        parts.append(f"added because the project lacks it: {', '.join(wanted)}")
    parts += [f"{name} could not be added: {why}" for name, why in report["refused"].items()]
    return "; ".join(parts)


def _reasons(skips: list[dict[str, str]]) -> str:
    return "; ".join(list(dict.fromkeys(skip["why"] for skip in skips))[:3]) or "no reason given"


def _location(path: str, line: int | None) -> Location | None:
    return Location(path=path, line=line) if path else None
