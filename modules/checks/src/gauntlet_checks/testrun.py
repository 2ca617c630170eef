"""Run a project's tests and tell the truth about it: `python3 -m gauntlet_checks.testrun --plan P.json --out R.json`.

pytest runs in the project's environment, with what it lacks laid behind (overlay). Its JUnit file is a claim: it is
compared with what was collected (journal), and a run that is all green must fail a planted test (canary). Ends with 0
where everything that ran passed, 1 where anything else is to be told.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from gauntlet_checks import canary
from gauntlet_checks.coverage import COVERAGE, read_rates, relative_to
from gauntlet_checks.linked import link
from gauntlet_checks.overlay import Overlay, lay
from gauntlet_checks.plan import read_plan
from gauntlet_checks.privileges import give_up_for_children
from gauntlet_checks.results import Case, Journal, bounded, never_ran, read_journal, read_junit
from gauntlet_checks.written import written_tests

SCHEMA = 1
PLUGIN = "gauntlet_journal"
JUNIT = "junit.xml"
State = Literal["ran", "no-tests", "died", "timeout", "usage"]
NO_TESTS, USAGE, INTERNAL = 5, 4, 3
MAX_LISTED = 100
CANARY_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    `environment` is the project's venv, `pack` the one to take a lacking runner from; `arguments` are test paths,
    `ignore` files not even to import; `select` restricts the run (see `collected`). `cover` are folders, and single
    modules by name, to measure, `tests` all test files (for comparing what is written with what ran). `workers` are
    the processes for xdist, if as many tests as `worth_workers` are written. The project is linked into the
    environment by its source `roots` and what its `manifests` say. `keep` is a folder to leave pytest's own JUNIT and
    the coverage in (COVERAGE, paths relative to `root`).
    """

    root: str
    environment: str
    pack: str
    arguments: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    select: dict[str, Any] | None = None
    cover: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    workers: int = 0
    worth_workers: int = 0
    timeout_s: float = 300.0
    canary: bool = True
    keep: str = ""
    env: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Report:
    """What happened. Lists are bounded, counts are not; `why` says in a sentence what the state is."""

    state: State = "died"
    why: str = ""
    exit_code: int | None = None
    counts: dict[str, int] = field(default_factory=dict[str, int])
    failures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    skips: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    never_ran: list[str] = field(default_factory=list[str])
    unfinished: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    uncollected: list[str] = field(default_factory=list[str])
    parallel_only: list[str] = field(default_factory=list[str])
    proof: dict[str, Any] | None = None
    coverage: dict[str, float] | None = None
    runner: dict[str, str] = field(default_factory=dict[str, str])
    added: dict[str, str] = field(default_factory=dict[str, str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    workers: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """One pytest process: how it ended and what it left, in `folder` too."""

    folder: Path
    exit_code: int
    timed_out: bool
    cases: list[Case] | None
    journal: Journal
    coverage: dict[str, float] | None
    workers: int


def run(plan: Plan) -> Report:
    """Run the tests of the plan."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-tests-", ignore_cleanup_errors=True) as scratch:
        return _Run(plan, Path(scratch)).report()


class _Run:
    def __init__(self, plan: Plan, scratch: Path) -> None:
        self._plan, self._scratch, self._root = plan, scratch, Path(plan.root)
        self._deadline = time.monotonic() + plan.timeout_s
        link(Path(plan.environment), self._root, plan.roots, plan.manifests)
        self._overlay: Overlay = lay(Path(plan.environment), Path(plan.pack), scratch / "overlay")
        self._written = {path: written_tests(self._root / path) for path in plan.tests if path not in plan.ignore}
        shutil.copy(Path(__file__).with_name("collected.py"), scratch / "overlay" / f"{PLUGIN}.py")

    def report(self) -> Report:
        """The whole of it: the run, where needed once more alone, and the proof that failures are reported."""
        report = Report(runner=dict(self._overlay.own), added=self._overlay.added, refused=self._overlay.refused)
        if not self._overlay.has("pytest"):
            report.state, report.why = "usage", f"pytest cannot be added: {self._overlay.refused['pytest']}"
            return report
        session = self._session(parallel=True)
        if session.workers and _is_red(session) and "pytest-xdist" not in self._overlay.own:
            # Nobody promised that these tests can run beside each other: what counts is how they end one by one.
            serial = self._session(parallel=False)
            if serial.cases is not None and not serial.timed_out:
                reds = {case.id for case in serial.cases if case.outcome in {"failed", "error"}}
                report.parallel_only = [case.id for case in _reds(session) if case.id not in reds][:MAX_LISTED]
                session = serial
        self._describe(report, session)
        if self._plan.keep:
            keep(session.folder, self._root, Path(self._plan.keep))
        if self._plan.canary and report.state == "ran" and not report.failures:
            report.proof = asdict(self._prove(session.cases or []))
        return report

    def _session(self, *, parallel: bool) -> Session:
        """One pytest run; once more without what we add to it where it refuses these options."""
        workers = self._workers() if parallel else 0
        covering = self._overlay.has("pytest-cov") and bool(self._plan.cover)
        session = self._pytest(workers, cover=covering)
        return self._pytest(None, cover=False) if session.exit_code == USAGE else session

    def _workers(self) -> int:
        wanted = self._plan.workers > 1 and sum(self._written.values()) >= self._plan.worth_workers
        return self._plan.workers if wanted and self._overlay.has("pytest-xdist") else 0

    def _pytest(self, workers: int | None, *, cover: bool) -> Session:
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        command = [*self._command(folder), *self._plan.options, "--continue-on-collection-errors", "--maxfail=0"]
        if workers is not None and self._overlay.has("pytest-xdist"):
            command += ["-n", str(workers)]
        if cover:
            command += ["--cov-branch", "--cov-report=", f"--cov-report=xml:{folder / COVERAGE}"]
            command += [f"--cov={part}" for part in self._plan.cover]
        command += [f"--ignore={path}" for path in self._plan.ignore]
        journal = folder / "journal"
        env = {"GAUNTLET_JOURNAL": str(journal), "COVERAGE_FILE": str(folder / "coverage")}
        if self._plan.select:
            env["GAUNTLET_SELECT"] = json.dumps(self._plan.select)
        command += ["--", *self._plan.arguments]
        code, timed_out = self._execute(command, env, max(self._deadline - time.monotonic(), 1.0))
        cases, coverage = read_junit(folder / JUNIT, self._root), read_rates(folder / COVERAGE)
        return Session(folder, code, timed_out, cases, read_journal(journal), coverage, workers or 0)

    def _command(self, folder: Path) -> list[str]:
        python = str(Path(self._plan.environment) / "bin" / "python")
        return [
            python, "-m", "pytest", "-p", PLUGIN, "--tb=long", "-o", "junit_family=xunit1",
            f"--junitxml={folder / JUNIT}", "-o", f"cache_dir={folder}/cache", f"--basetemp={folder / 'tmp'}",
        ]  # fmt: skip

    def _execute(
        self, command: list[str], extra: dict[str, str], timeout_s: float, *, quiet: bool = False
    ) -> tuple[int, bool]:
        # A pytest that we may ourselves run under is none of its business.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        env |= {**self._plan.env, **extra, "PYTHONDONTWRITEBYTECODE": "1"}
        env.pop("PYTHONPATH", None)  # our own must not shadow what a project has under the same name
        env["PATH"] = os.pathsep.join([f"{self._plan.environment}/bin", env.get("PATH", os.defpath)])
        output = subprocess.DEVNULL if quiet else None
        process = subprocess.Popen(
            command, cwd=self._root, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            return process.wait(timeout_s), False
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL, True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _describe(self, report: Report, session: Session) -> None:
        cases, journal = session.cases, session.journal
        report.exit_code, report.workers, report.coverage = session.exit_code, session.workers, session.coverage
        report.runner |= {"pytest": journal.pytest} if journal.pytest else {}
        report.unfinished = [{"id": name, "file": at[0], "line": at[1]} for name, at in journal.begun.items()][
            :MAX_LISTED
        ]
        report.counts = _counts(cases or [], journal)
        if session.timed_out:
            report.state, report.why = "timeout", f"the tests were still running after {self._plan.timeout_s:g} s"
        elif cases is None or session.exit_code < 0 or session.exit_code == INTERNAL:
            report.state, report.why = _death(session)
        elif session.exit_code == USAGE:
            report.state, report.why = "usage", "pytest refuses the project's own configuration"
        else:
            self._compare(report, session, cases)
        report.failures = bounded([case for case in cases or [] if case.outcome in {"failed", "error"}], self._root)

    def _compare(self, report: Report, session: Session, cases: list[Case]) -> None:
        report.counts["written"] = sum(self._written.values())
        ran = {nodeid.partition("::")[0] for nodeid in session.journal.collected}
        if not self._plan.select:
            report.uncollected = [path for path, count in self._written.items() if count and path not in ran][
                :MAX_LISTED
            ]
        report.never_ran = never_ran(session.journal, cases)[:MAX_LISTED]
        report.skips = [{"id": case.id, "why": case.message[:200]} for case in cases if case.outcome == "skipped"][
            :MAX_LISTED
        ]
        if cases:
            report.state = "ran"
        else:
            report.state, report.why = "no-tests", "pytest collects no test"

    def _prove(self, cases: list[Case]) -> canary.Proof:
        """Run planted tests, in the folders whose tests passed, as the project's own are run."""
        planted = canary.plant(self._root, canary.folders_to_prove(cases))
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        command = [*self._command(folder), "-m", "", "-k", ""]
        command += ["-n", "0"] if self._overlay.has("pytest-xdist") else []
        command += ["--no-cov"] if self._overlay.has("pytest-cov") else []
        left = min(CANARY_S, max(self._deadline - time.monotonic(), 5.0))
        coverage = {"COVERAGE_FILE": str(folder / "coverage")}
        self._execute([*command, "--", *map(str, planted)], coverage, left, quiet=True)
        for path in planted:
            path.unlink(missing_ok=True)
        return canary.judge(planted, self._root, read_junit(folder / JUNIT, self._root))


def keep(left: Path, root: Path, folder: Path) -> None:
    """Put what a session left into `folder`; what it did not write is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if (left / JUNIT).is_file():
        shutil.copyfile(left / JUNIT, folder / JUNIT)
    relative_to(root, left / COVERAGE, folder / COVERAGE)


def _is_red(session: Session) -> bool:
    return session.exit_code not in {0, NO_TESTS} and not session.timed_out


def _reds(session: Session) -> list[Case]:
    return [case for case in session.cases or [] if case.outcome in {"failed", "error"}]


def _death(session: Session) -> tuple[State, str]:
    if session.exit_code < 0:
        how = f"was killed by signal {-session.exit_code}"
    elif session.exit_code == INTERNAL:
        how = "failed inside (exit code 3)"
    else:
        how = f"ended with exit code {session.exit_code} and left no report"
    return "died", f"pytest {how}"


def _counts(cases: list[Case], journal: Journal) -> dict[str, int]:
    counts = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}
    for case in cases:
        counts[case.outcome] += 1
    return {**counts, "collected": len(journal.collected), "deselected": journal.deselected}


def is_green(report: Report) -> bool:
    """Whether an engine may remember this run: everything passed, or there was nothing to run."""
    if report.state == "no-tests":
        return True
    proven = report.proof is None or not report.proof["silent"]
    return report.state == "ran" and not report.failures and report.exit_code == 0 and not report.never_ran and proven


def main(arguments: list[str] | None = None) -> int:
    """Write the report; see `is_green` for the exit code."""
    parser = argparse.ArgumentParser(prog="gauntlet_checks.testrun")
    parser.add_argument("--plan", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    report = run(Plan(**read_plan(options.plan)))
    Path(options.out).write_text(json.dumps({"schema": SCHEMA, **asdict(report)}), encoding="utf-8")
    return 0 if is_green(report) else 1


if __name__ == "__main__":
    give_up_for_children()  # here, since whoever calls `main` in a process of its own keeps its powers
    sys.exit(main())
