"""Where reports go: the folder, what keeps it out of git, and the writing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet.errors import ReportError
from gauntlet_verdict.errors import StoreError
from gauntlet_verdict.store import write_reports

if TYPE_CHECKING:
    from gauntlet.run import Report

FOLDER = ".gauntlet"
_IGNORE = "# Gauntlet's reports; nothing in this folder belongs into the repository.\n*\n"


def report_folder(root: Path, asked: str | None) -> Path:
    """The folder of a run's reports: the one asked for (relative to the caller), else .gauntlet in the project."""
    return Path(asked).absolute() if asked else root / FOLDER


def prepare(folder: Path) -> None:
    """Make the folder, invisible to git, before anything runs: a run without a place for its reports is no run.

    Raises:
        ReportError: it can't be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_IGNORE, encoding="utf-8")
    except OSError as error:
        raise ReportError(
            f"reports can't be written to {folder}: {error.strerror or error}",
            "name another folder with --report-dir",
        ) from None


def write(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write every report, each one atomically, `exit-code` last.

    Raises:
        ReportError: the folder became unwritable.
    """
    try:
        return write_reports(report.run, report.logs, folder, report.evidence)
    except StoreError as error:
        raise ReportError(str(error), error.remedy) from None


def forget(folder: Path) -> None:
    """Remove the last run's exit code: until this run has written its own, there is none to obey."""
    (folder / "exit-code").unlink(missing_ok=True)


def usage_failed(folder: Path) -> None:
    """Leave exit code 2 for whoever obeys the file: the run was refused, and there is nothing else to report."""
    scratch = folder / f".exit-code.{os.getpid()}"
    scratch.write_text("2\n", encoding="utf-8")
    scratch.replace(folder / "exit-code")
