"""Does every module import? `python3 -m gauntlet_checks.imports --plan PLAN.json --out REPORT.json`.

The plan is `Plan` as JSON. The modules are imported in the project's own interpreter, in batches; whatever fails in a
batch is tried again alone, and only that answer counts. The report is `Report` as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gauntlet_checks.linked import link
from gauntlet_checks.plan import read_plan
from gauntlet_checks.privileges import give_up_for_children

SCHEMA = 1
IMPORTER = Path(__file__).with_name("importer.py")
# Above this many modules a batch keeps what it has loaded: importing each on a clean table costs their square.
FRESH_LIMIT = 200
POLL_S = 0.01

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to import and with what.

    `modules` are dotted names with their files relative to `root`, `roots` the folders (relative to it) that lead the
    import path, `timeout_s` what one module may take, `jobs` how many interpreters run at a time. With `environment`
    (a venv) the project is linked into it first, with what its `manifests` say.
    """

    python: str
    root: str
    roots: tuple[str, ...]
    modules: dict[str, str]
    timeout_s: float = 30.0
    jobs: int = 2
    environment: str | None = None
    manifests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a module does not import; `path` and `line` are the innermost place inside the source.

    `missing` names the module that was not found, where that is the reason.
    """

    module: str
    path: str
    line: int
    type: str
    message: str
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what failed.

    `fresh` says that every module met a table without the project's other modules (so that a circular import shows);
    `canary_failed` is False where a planted module that can't import was said to, and nothing here is to be believed.
    """

    modules: int
    failures: tuple[Failure, ...]
    fresh: bool
    canary_failed: bool


def check(plan: Plan) -> Report:
    """Import every module of the plan."""
    if plan.environment is not None:
        link(Path(plan.environment), Path(plan.root), plan.roots, plan.manifests)
    fresh = len(plan.modules) <= FRESH_LIMIT
    jobs = max(1, min(plan.jobs, len(plan.modules)))
    names = list(plan.modules)
    with tempfile.TemporaryDirectory(prefix="gauntlet-imports-") as scratch, ThreadPoolExecutor(jobs + 1) as pool:
        interpreters = _Interpreters(plan, Path(scratch))
        canary = pool.submit(interpreters.canary_fails)
        batches = list(pool.map(partial(interpreters.suspects, fresh=fresh), _batches(names, jobs)))
        found = list(pool.map(interpreters.alone, [name for batch in batches for name in batch]))
        failures = sorted((failure for failure in found if failure), key=lambda failure: failure.module)
        return Report(len(names), tuple(failures), fresh, canary.result())


def _batches(names: list[str], jobs: int) -> list[list[str]]:
    size = -(-len(names) // jobs)
    return [names[start : start + size] for start in range(0, len(names), size)] if names else []


class _Interpreters:
    """Runs the importer; each run is a process in a session of its own that is killed when a module hangs."""

    def __init__(self, plan: Plan, scratch: Path) -> None:
        self._plan, self._scratch = plan, scratch
        self._root = Path(plan.root)
        self._own = sorted({name.partition(".")[0] for name in plan.modules})

    def suspects(self, names: list[str], *, fresh: bool) -> list[str]:
        """Those which did not import in one interpreter, a new one being started where one ended early."""
        suspects: list[str] = []
        waiting = names
        while waiting:
            answers, _ = self._run(waiting, fresh=fresh)
            if not answers:  # it did not even start: every one of them will say so, alone
                return suspects + waiting
            suspects += [name for name, answer in zip(waiting, answers, strict=False) if not (answer and answer["ok"])]
            waiting = waiting[len(answers) :]
        return suspects

    def alone(self, name: str) -> Failure | None:
        """Import one module in an interpreter of its own."""
        answers, end = self._run([name], fresh=False)
        path = self._plan.modules[name]
        answer = answers[0] if answers else None
        if answer is None:
            return Failure(name, path, 1, "ImportEnded", end)
        if answer["ok"]:
            return None
        place, line = self._place(answer, path)
        return Failure(name, place, line, answer["type"], answer["message"], answer.get("missing"))

    def canary_fails(self) -> bool:
        """Whether a module that cannot be imported is reported as such."""
        name = f"canary_{secrets.token_hex(6)}"
        (self._scratch / f"{name}.py").write_text("raise RuntimeError('planted: this must not import')\n")
        answers, _ = self._run([name], fresh=False, extra_path=self._scratch)
        return bool(answers and answers[0] and answers[0].get("type") == "RuntimeError")

    def _run(self, names: list[str], *, fresh: bool, extra_path: Path | None = None) -> tuple[list[Answer | None], str]:
        """Answers in order, the last one None where the interpreter ended or hung there; and how it ended."""
        tag = secrets.token_hex(6)
        plan_file, answers_file = self._scratch / f"{tag}.plan", self._scratch / f"{tag}.answers"
        answers_file.touch()
        own = {"modules": names, "own": self._own, "fresh": fresh, "answers": str(answers_file)}
        plan_file.write_text(json.dumps(own), encoding="utf-8")
        end = self._supervise(plan_file, answers_file, extra_path)
        return _answers(answers_file, names), end

    def _supervise(self, plan_file: Path, answers_file: Path, extra_path: Path | None) -> str:
        process = subprocess.Popen(
            [self._plan.python, "-P", str(IMPORTER), str(plan_file)],
            cwd=self._root, env=self._environment(extra_path), stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            return self._watch(process, answers_file)
        finally:  # also threads and children that a module left running
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _watch(self, process: subprocess.Popen[bytes], answers_file: Path) -> str:
        size, since = 0, time.monotonic()
        while (code := process.poll()) is None:
            time.sleep(POLL_S)
            now, grown = time.monotonic(), answers_file.stat().st_size
            if grown != size:
                size, since = grown, now
            elif now - since > self._plan.timeout_s:
                return f"it was still importing after {self._plan.timeout_s:g} s"
        if code < 0:
            return f"it killed the interpreter with signal {-code}"
        return f"it ended the interpreter with exit code {code}"

    def _environment(self, extra_path: Path | None) -> dict[str, str]:
        path = [(self._root / part).resolve() for part in self._plan.roots]
        path += [extra_path] if extra_path else []
        return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}

    def _place(self, answer: Answer, path: str) -> tuple[str, int]:
        """The innermost frame inside the source, or the first line of `path`."""
        for name, line in reversed(answer.get("frames", [])):
            relative = _inside(self._root, name)
            if relative:
                return relative, line
        return path, 1


def _inside(root: Path, name: str) -> str | None:
    try:
        return Path(name).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return None


def _answers(file: Path, names: list[str]) -> list[Answer | None]:
    """What was said, in the order of `names`; cut at the first module that was started and not ended."""
    ended: dict[str, Answer] = {}
    started: set[str] = set()
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a line may be cut off by the interpreter's death
            record = json.loads(line)
            if record["event"] == "start":
                started.add(record["module"])
            else:
                ended[record["module"]] = {"ok": False, "type": "", "message": "", **record}
    answers: list[Answer | None] = []
    for name in names:
        if name not in started:
            break
        answers.append(ended.get(name))
        if name not in ended:
            break
    return answers


def main(arguments: list[str] | None = None) -> int:
    """Write the report; 0 where everything imports, 1 where something does not."""
    parser = argparse.ArgumentParser(prog="gauntlet_checks.imports")
    parser.add_argument("--plan", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    report = check(Plan(**read_plan(options.plan)))
    Path(options.out).write_text(json.dumps({"schema": SCHEMA, **asdict(report)}), encoding="utf-8")
    return 1 if report.failures or not report.canary_failed else 0


if __name__ == "__main__":
    give_up_for_children()  # here, since whoever calls `main` in a process of its own keeps its powers
    sys.exit(main())
