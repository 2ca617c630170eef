"""A run as people read it at the end: one table, the first findings of each failing stage, and how to run it again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.text import Text

from gauntlet_verdict import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from gauntlet_verdict import Finding, Run, Verdict

STYLES = {
    Status.PASS: "green",
    Status.FAIL: "bold red",
    Status.WARN: "yellow",
    Status.SKIP: "dim",
    Status.INCONCLUSIVE: "bold yellow",
    Status.ERROR: "bold magenta",
    Status.TIMEOUT: "bold magenta",
}
SHOWN_FINDINGS = 3
SHOWN_HINT_LINES = 3
# More stages than this that did not run for one reason share a line.
FEW = 2
_LET_THROUGH = frozenset({Status.PASS, Status.WARN, Status.SKIP})
# Output of the code under test could move the cursor, retitle the terminal or fake lines: only text gets through.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Text without terminal escapes, control and bidirectional override characters; tabs become spaces."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text)).replace("\t", " ")


def print_summary(console: Console, run: Run, folder: Path | None) -> None:
    """Print the table, the findings that matter and where the reports are."""
    width = max((len(stage_id) for stage_id in (*(verdict.stage for verdict in run.verdicts), *run.not_run)), default=5)
    _say(console, Text())
    alike = _alike(run.verdicts)
    for verdict in run.verdicts:
        first = alike[verdict.stage][0]
        _say(console, _row(verdict, width, "" if first is verdict else f"as {first.stage}"))
    for reason, stages in _by_reason(run.not_run).items():
        if len(stages) > FEW:
            _say(console, Text(f"{len(stages)} not run: {printable(reason)}", style="dim"))
            continue
        for stage_id in stages:
            _say(console, Text(f"{stage_id:<{width}}  {'not run':<12} {printable(reason)}", style="dim"))
    for verdict in run.verdicts:
        matters = verdict.status not in _LET_THROUGH or any(finding.blocking for finding in verdict.findings)
        if matters and alike[verdict.stage][0] is verdict:
            _details(console, verdict, [other.stage for other in alike[verdict.stage]])
    _say(console, Text())
    _say(console, _total(run))
    if folder is not None:
        _say(console, Text(f"reports: {folder}", style="dim"))


def findings_first(verdict: Verdict) -> tuple[Finding, ...]:
    """Findings as they matter: blocking ones first, then by severity as the model orders it."""
    weights = ("critical", "high", "medium", "low", "info")
    return tuple(sorted(verdict.findings, key=lambda item: (not item.blocking, weights.index(item.severity))))


def brief(hint: str) -> list[str]:
    """A short hint as it is; of a long one, such as a traceback, what pytest marks as the error, or its end."""
    lines = hint.rstrip().splitlines()
    if len(lines) <= SHOWN_HINT_LINES:
        return lines
    marked = [line for line in lines if line.startswith("E ")]
    return (marked or lines[-SHOWN_HINT_LINES:])[:SHOWN_HINT_LINES]


def counted(verdict: Verdict) -> str:
    """What the stage looked at: `12 files, 3 packages`."""
    return ", ".join(f"{count} {what}" for what, count in verdict.looked_at.items())


def _by_reason(not_run: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for stage_id, reason in not_run.items():
        grouped.setdefault(reason, []).append(stage_id)
    return grouped


def _alike(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """By stage: those that gave no answer for the very same reason (the engine went away), or the verdict alone."""
    grouped: dict[tuple[Status, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.status not in _LET_THROUGH and not verdict.findings:
            grouped.setdefault((verdict.status, verdict.reason), []).append(verdict)
    alike = {verdict.stage: group for group in grouped.values() if len(group) > FEW for verdict in group}
    return {verdict.stage: alike.get(verdict.stage, [verdict]) for verdict in verdicts}


def _row(verdict: Verdict, width: int, instead: str) -> Text:
    blocking = sum(finding.blocking for finding in verdict.findings)
    detail = (
        instead
        or printable(verdict.reason)
        or (f"{blocking} finding{'s' if blocking != 1 else ''}" if blocking else "")
    )
    looked = counted(verdict)
    return Text.assemble(
        f"{verdict.stage:<{width}}  ",
        (f"{verdict.status:<12}", STYLES[verdict.status]),
        f" {verdict.duration_s:>7.1f} s  ",
        detail + (" · " if detail and looked else ""),
        (looked, "dim"),
        (" (cached)" if verdict.cached else "", "dim"),
    )


def _details(console: Console, verdict: Verdict, stages: Sequence[str]) -> None:
    """What a stage found, or why `stages` gave no answer."""
    _say(console, Text())
    name = verdict.stage + (f" and {len(stages) - 1} more" if len(stages) > 1 else "")
    _say(console, Text.assemble((name, "bold"), " ", (str(verdict.status), STYLES[verdict.status])))
    if verdict.reason:
        _say(console, Text(f"  {printable(verdict.reason)}"))
    for finding in findings_first(verdict)[:SHOWN_FINDINGS]:
        place = f"{finding.location}: " if finding.location else ""
        first = printable(finding.message.strip().partition("\n")[0])
        _say(console, Text.assemble("  ", (printable(place), "cyan"), first, (f" [{printable(finding.rule)}]", "dim")))
        for line in brief(finding.hint or ""):
            _say(console, Text(f"    {printable(line)}", style="dim"))
    if (more := len(verdict.findings) - SHOWN_FINDINGS) > 0:
        _say(console, Text(f"  … and {more} more in run.json", style="dim"))
    rerun = verdict.rerun.replace(verdict.stage, " ".join(stages), 1)
    _say(console, Text(f"  again: {rerun}" + (f"   log: {verdict.log}" if verdict.log else ""), style="dim"))


def _total(run: Run) -> Text:
    counts = {status: sum(verdict.status is status for verdict in run.verdicts) for status in Status}
    parts = [(f"{count} {status.lower()}", STYLES[status]) for status, count in counts.items() if count]
    if run.not_run:
        parts.append((f"{len(run.not_run)} not run", "dim"))
    line = Text(f"{run.tier}: ")
    for number, (text, style) in enumerate(parts):
        line.append(", " if number else "").append(text, style=style)
    line.append(f" in {run.duration_s:.1f} s")
    if run.interrupted:
        line.append(" — interrupted", style="bold magenta")
    meaning = {0: "passed", 1: "findings", 3: "no answer: infrastructure, inconclusive or interrupted"}
    code = run.exit_code
    return line.append(f" → exit code {code} ({meaning[code]})", style="bold green" if code == 0 else "bold red")


def _say(console: Console, text: Text) -> None:
    # Never wrapped: a terminal wraps by itself, and a log file must keep one line a fact.
    console.print(text, soft_wrap=True, highlight=False)
