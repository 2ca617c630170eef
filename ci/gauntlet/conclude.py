"""From a tool's outcome and what a reader made of it to the stage's verdict: the one order in which doubt wins."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - part of a dataclass
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gauntlet_verdict import Finding, Severity, Status, Verdict
from gauntlet_verdict.readers import ReportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gauntlet.stage import StageContext
    from gauntlet.toolrun import Outcome

LAST_WORDS = 600  # characters of a tool's own words in a reason
NAMED = 3  # files named in a reason; the rest is counted


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a stage makes of a complete run's reports.

    `looked_at` counts what was examined. `doubt` says what the tool failed to look at: without a blocking finding the
    verdict is then INCONCLUSIVE. `skip` says why there was nothing to check after all. `remark` is the reason of a WARN
    or PASS; `inputs` are recorded facts from outside (a snapshot's date).
    """

    looked_at: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    doubt: str = ""
    skip: str = ""
    remark: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])


def conclude(context: StageContext, outcome: Outcome, judge: Callable[[Mapping[str, str]], Judgement]) -> Verdict:
    """The verdict of one tool's run; `judge` is asked about its reports only where the run was complete.

    TIMEOUT and INCONCLUSIVE where it was not, or where a report can't be read; FAIL on a blocking finding; INCONCLUSIVE
    where there is a doubt or nothing was looked at; WARN on findings that don't block, unless all are mere
    information; else PASS.
    """
    if not outcome.complete:
        return unanswered(context, outcome)
    try:
        judgement = judge(outcome.reports)
    except ReportError as error:
        context.say(str(error))
        return Verdict(stage=context.stage.id, status=Status.INCONCLUSIVE, reason=str(error), **facts(context, outcome))
    status, reason = _status(context.stage.id, judgement)
    known = facts(context, outcome)
    known["inputs"] |= judgement.inputs
    return Verdict(
        stage=context.stage.id, status=status, reason=reason, findings=judgement.findings,
        looked_at=dict(judgement.looked_at), metrics=dict(judgement.metrics), **known,
    )  # fmt: skip


def unanswered(context: StageContext, outcome: Outcome) -> Verdict:
    """The verdict of a run that was not complete: TIMEOUT, or INCONCLUSIVE with the tool's last words."""
    status = Status.TIMEOUT if outcome.timed_out else Status.INCONCLUSIVE
    words = (outcome.stderr.strip() or outcome.stdout.strip())[-LAST_WORDS:]
    reason = outcome.why + (f"; it said: {words}" if words else "")
    context.say(reason)
    return Verdict(stage=context.stage.id, status=status, reason=reason, **facts(context, outcome))


def _status(stage: str, judgement: Judgement) -> tuple[Status, str]:
    shown = sum(finding.severity is not Severity.INFO for finding in judgement.findings)
    if any(finding.blocking for finding in judgement.findings):
        return Status.FAIL, judgement.doubt or judgement.remark
    if judgement.skip:
        return Status.SKIP, judgement.skip
    if judgement.doubt:
        return Status.INCONCLUSIVE, judgement.doubt
    if not sum(judgement.looked_at.values()):
        return Status.INCONCLUSIVE, judgement.remark or f"{stage} found nothing to look at"
    if shown:
        return Status.WARN, judgement.remark or f"findings that do not block: {shown}"
    return Status.PASS, judgement.remark


def facts(context: StageContext, outcome: Outcome) -> dict[str, Any]:
    """What every verdict of a tool records: the tools' versions, their locks, the image, the confinement in force."""
    tools = [name for name in context.stage.tools if name != "uv"]
    return {
        "tools": context.packs.versions(*tools),
        "inputs": {f"lock:{name}": digest for name, digest in context.packs.digests(*tools).items()},
        "image": dict(context.image_facts),
        "confinement": outcome.confinement,
        "cached": outcome.cached,
        # A remembered answer took the tool no time; the scheduler fills in what it took to fetch it.
        "duration_s": 0.0 if outcome.cached else outcome.duration_s,
    }


def listed(names: Iterable[str]) -> str:
    """`a, b, c and 4 more`."""
    every = list(names)
    more = len(every) - NAMED
    return ", ".join(every[:NAMED]) + (f" and {more} more" if more > 0 else "")
