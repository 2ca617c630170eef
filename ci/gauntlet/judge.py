"""From what a stage concluded to what the run says: the configured severity, and the facts that every verdict has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from gauntlet.errors import GauntletError
from gauntlet_verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    from gauntlet.plan import Entry, LeftOut

REASON_LIMIT = 400


def finished(verdict: Verdict, entry: Entry, *, duration_s: float, attempts: int) -> Verdict:
    """The stage's verdict with its own id, times, re-run command and controls, judged as gauntlet.yaml says.

    `duration_s` becomes what people waited for the stage; the tool's own time, where the stage gave one, is kept as
    the metric `tool_s`.
    """
    facts: dict[str, Any] = {
        "stage": entry.stage.id,
        "duration_s": round(duration_s, 3),
        "metrics": ({"tool_s": verdict.duration_s} if verdict.duration_s else {}) | verdict.metrics,
        "attempts": max(verdict.attempts, attempts),
        "controls": verdict.controls or entry.stage.controls,
        "rerun": verdict.rerun or rerun_command(entry.stage.id),
    }
    return judged(_changed(verdict, facts), entry.settings.block)


def rerun_command(stage_id: str) -> str:
    """The command that runs one stage again."""
    return f"gauntlet run {stage_id}"


def judged(verdict: Verdict, block: object) -> Verdict:
    """A FAIL where findings need not block: WARN (`block: warn`), or PASS with notes (`block: false`).

    Only a FAIL is softened: a stage that could not look stays INCONCLUSIVE whatever the configuration says.
    """
    if block is True or verdict.status is not Status.FAIL:
        return verdict
    count = len([finding for finding in verdict.findings if finding.blocking])
    status = Status.WARN if block == "warn" else Status.PASS
    written = "warn" if block == "warn" else "false"
    return _changed(
        verdict,
        {
            "status": status,
            "reason": f"{count} finding{'s' if count != 1 else ''} let through by `block: {written}` in gauntlet.yaml",
            "findings": tuple(_note(finding) for finding in verdict.findings),
            "looked_at": verdict.looked_at if any(verdict.looked_at.values()) else {"findings": count},
        },
    )


def skipped(item: LeftOut) -> Verdict:
    """The SKIP of a stage that was asked for and has nothing to do."""
    return Verdict(
        stage=item.stage.id, status=Status.SKIP, reason=item.reason, controls=item.stage.controls,
        rerun=rerun_command(item.stage.id),
    )  # fmt: skip


def one_line(error: BaseException) -> str:
    """An exception as one sentence: the innermost of nested groups, its kind, a failed command's last words."""
    error = _innermost(error)
    text = " ".join(str(error).split()) or "no message"
    kind = type(error).__name__
    # Errors that were written for people need no class's name; `exit code: 1` and the interpreter's do.
    ours = isinstance(error, GauntletError) or kind in {"QueryError", "TransportError", "ClientConnectionError"}
    sentence = text if ours or kind in text else f"{kind}: {text}"
    last = " ".join((output_of(error, "stderr") or output_of(error, "stdout"))[-REASON_LIMIT:].split())
    if last and last[-80:] not in sentence:
        sentence = f"{sentence}: {last}"
    return sentence if len(sentence) <= REASON_LIMIT else f"{sentence[: REASON_LIMIT - 1]}…"


def output_of(error: BaseException, stream: Literal["stdout", "stderr"]) -> str:
    """What a failed command wrote, where the error carries it (`dagger.ExecError` and ours do)."""
    said = getattr(_innermost(error), stream, "")
    return said if isinstance(said, str) else ""


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _note(finding: Finding) -> Finding:
    return finding.model_copy(update={"blocking": False})


def _changed(verdict: Verdict, changes: dict[str, Any]) -> Verdict:
    """A copy that is validated again: model_copy would let a PASS with blocking findings through."""
    return Verdict(**(dict(verdict) | changes))
