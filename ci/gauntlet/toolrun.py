"""One tool run in a container: the wrapper round it, the confinement it asks for, and the outcome it leaves."""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
import zlib
from collections.abc import Mapping  # noqa: TC003 - part of a dataclass
from dataclasses import dataclass, field, fields
from functools import cache as remember
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import dagger
from dagger import dag

from gauntlet.errors import InfrastructureError
from gauntlet.install_failure import unreachable
from gauntlet.shared_directory import SharedDirectory
from gauntlet.stage import running
from gauntlet_verdict import Confinement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    from gauntlet.stage import CachePolicy

CHECKS = "/opt/gauntlet-checks"
OUTCOME = "/outcome/outcome.json"
MARK = "--- gauntlet outcome ---"
# -P -s: neither the working directory nor a user's site may shadow the wrapper's modules.
WRAPPER = ("python3", "-P", "-s", "-m", "gauntlet_checks.run")
# The engine's own limit is only a backstop for a wrapper that was itself killed or stopped.
BACKSTOP_S = 20.0
FAILED, TIMED_OUT = 71, 124  # the wrapper's exit codes
ATTEMPT = "GAUNTLET_ATTEMPT"
SHOWN = 600  # characters of a failed step's last output, in its error
ReportKind = Literal["json", "junit", "text", "xml"]


@dataclass(frozen=True, slots=True)
class Report:
    """A file that the tool writes: absolute path in the container, format, and whether the run is void without it."""

    path: str
    kind: ReportKind
    required: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool's run left, as the wrapper wrote it.

    `complete` means: it ended with an expected exit code and delivered every required report; only then may `reports`
    (name to text) be believed. Durations are seconds, sizes bytes; `network` is what the process really had. `unread`
    names the reports that could not be read and why. `cached` means that the process had ended before this run asked
    for it, by the engine's clock and ours.
    """

    argv: tuple[str, ...]
    complete: bool
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    why: str = ""
    duration_s: float = 0.0
    max_rss_bytes: int = 0
    network: str = "unknown"
    stdout: str = ""
    stderr: str = ""
    reports: Mapping[str, str] = field(default_factory=dict[str, str])
    unread: Mapping[str, str] = field(default_factory=dict[str, str])
    confinement: Confinement = field(default_factory=Confinement)
    cached: bool = False


class ToolRunError(InfrastructureError):
    """A tool's run that says nothing about the source; `stdout` and `stderr` are what there is to read."""

    def __init__(self, message: str, *, exit_code: int | None = None, stdout: str = "", stderr: str = "") -> None:
        last = (stderr.strip() or stdout.strip())[-SHOWN:]
        super().__init__(f"{message}: {last}" if last else message)
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


class ToolCrashedError(ToolRunError):
    """The wrapper itself was killed or lost, so there is no outcome."""


class SetupFailedError(ToolRunError):
    """A step before the tool failed: a pack's or an environment's installation. Mostly the network's doing."""


async def run_tool(
    container: dagger.Container,
    argv: Sequence[str],
    *,
    timeout_s: float,
    cache: CachePolicy = "pure",
    reports: Mapping[str, Report] | None = None,
    ok: Sequence[int] = (0,),
    network: bool = False,
    cwd: str = "/src",
    env: Mapping[str, str] | None = None,
    memory_bytes: int | None = None,
    pids: int | None = None,
) -> Outcome:
    """Run `argv` in `container` under the wrapper and return its outcome, complete or not.

    `ok` are the exit codes that are an answer. With `cache` "pure" any complete answer is remembered by the engine,
    with "session" only exit code 0, with "never" nothing. One query; its price on a warm engine is that of one exec.

    Raises:
        SetupFailedError: what `container` itself is built from did not build.
        ToolCrashedError: no outcome came back.
    """
    outcome, _ = await run_step(
        container, argv, timeout_s=timeout_s, cache=cache, reports=reports, ok=ok, network=network, cwd=cwd, env=env,
        memory_bytes=memory_bytes, pids=pids, label=running.get(),
    )  # fmt: skip
    return outcome


async def run_step(
    container: dagger.Container,
    argv: Sequence[str],
    *,
    timeout_s: float,
    cache: CachePolicy = "pure",
    reports: Mapping[str, Report] | None = None,
    ok: Sequence[int] = (0,),
    network: bool = False,
    cwd: str = "/src",
    env: Mapping[str, str] | None = None,
    memory_bytes: int | None = None,
    pids: int | None = None,
    label: str = "",
) -> tuple[Outcome, dagger.Container]:
    """As `run_tool`, with the container after the run: what an installation leaves is the next step's start.

    Only where the outcome is complete may the container be used. `label` tells the engine's progress whose step it is;
    steps that several stages share have none, since other engines take it for a part of the step.
    """
    confinement = Confinement(
        network="bridge" if network else "none", timeout_s=timeout_s, memory_bytes=memory_bytes, pids=pids
    )
    prepared = _prepared(container, confinement, label)
    if cache == "never":
        prepared = prepared.with_env_variable(ATTEMPT, uuid.uuid4().hex)
    options = _options(reports or {}, ok=ok, timeout_s=timeout_s, cache=cache, cwd=cwd, env=env or {})
    command = [*WRAPPER, *options, "--", *argv]
    after = prepared.with_exec(command)
    asked_at = time.time()
    try:
        text = await after.file(OUTCOME).contents()
    except dagger.ExecError as error:
        if tuple(error.command[: len(WRAPPER)]) != WRAPPER:
            raise SetupFailedError(
                _setup_failure(error),
                exit_code=error.exit_code, stdout=error.stdout, stderr=error.stderr,
            ) from error  # fmt: skip
        return await _outcome_of_failure(prepared, command, error, confinement), after
    return _outcome(json.loads(text), confinement, asked_at), after


def outcome_in(stdout: str) -> dict[str, Any] | None:
    """The wrapper's outcome at the end of a failed exec's stdout; None where it is missing or cut."""
    _, mark, line = stdout.rpartition(MARK)
    if not mark:
        return None
    try:
        return json.loads(zlib.decompress(base64.b64decode(line.strip(), validate=True)))
    except (binascii.Error, zlib.error, ValueError):
        return None


@remember
def checks_source() -> dict[str, str]:
    """Text of every module of the installed gauntlet_checks, by its path below the package's parent."""
    found: dict[str, str] = {}

    def collect(folder: Traversable, prefix: str) -> None:
        for entry in sorted(folder.iterdir(), key=lambda item: item.name):
            if entry.is_dir() and entry.name != "__pycache__":
                collect(entry, f"{prefix}{entry.name}/")
            elif entry.name.endswith(".py"):
                found[f"{prefix}{entry.name}"] = entry.read_text(encoding="utf-8")

    collect(files("gauntlet_checks"), "gauntlet_checks/")
    return found


@remember
def checks_directory() -> dagger.Directory:
    """gauntlet_checks as a directory, for PYTHONPATH inside a container.

    Described to the engine once a session: its two dozen files would otherwise be sent anew for every stage.
    """
    directory = dag.directory()
    for path, text in checks_source().items():
        directory = directory.with_new_file(path, text)
    return SharedDirectory(directory)


def _setup_failure(error: dagger.ExecError) -> str:
    said = unreachable(error.stdout + error.stderr)
    if said is not None:
        return (
            f"a package registry cannot be reached ({said}); look at this machine's network and proxy, and at the "
            f"address that pip, uv or apt have for it. It was asked by {error.command[0]}"
        )
    return f"{' '.join(error.command)} ended with exit code {error.exit_code}"


async def _outcome_of_failure(
    prepared: dagger.Container, command: list[str], error: dagger.ExecError, confinement: Confinement
) -> Outcome:
    found = outcome_in(error.stdout)
    if found is None and error.exit_code == FAILED:
        # A Dagger engine keeps only the end of a failed exec's stdout; the outcome with its reports did not fit. A run
        # that may fail hands over the file, and its own attempt number keeps it from being remembered.
        fresh = prepared.with_env_variable(ATTEMPT, uuid.uuid4().hex)
        text = await fresh.with_exec(command, expect=dagger.ReturnType.ANY).file(OUTCOME).contents()
        found = json.loads(text)
    if found is not None:
        return _outcome(found, confinement)
    if error.exit_code == TIMED_OUT:
        return Outcome(
            argv=tuple(command), complete=False, timed_out=True, why="the engine's time limit ended it",
            stdout=error.stdout, stderr=error.stderr, confinement=confinement,
        )  # fmt: skip
    raise ToolCrashedError(
        f"no outcome: the wrapper ended with exit code {error.exit_code}",
        exit_code=error.exit_code, stdout=error.stdout, stderr=error.stderr,
    ) from error  # fmt: skip


def _prepared(container: dagger.Container, confinement: Confinement, label: str) -> dagger.Container:
    asked: dict[str, object] = {"network": confinement.network}
    if confinement.timeout_s is not None:
        asked["timeout_s"] = confinement.timeout_s + BACKSTOP_S
    if confinement.memory_bytes is not None:
        asked["memory_bytes"] = confinement.memory_bytes
    if confinement.pids is not None:
        asked["pids"] = confinement.pids
    if label:
        asked["label"] = label
    return (
        container.with_mounted_directory(CHECKS, checks_directory())
        .with_env_variable("PYTHONPATH", CHECKS)
        .with_env_variable("_GAUNTLET_CONFINEMENT", json.dumps(asked, sort_keys=True))
        .with_workdir("/")
    )


def _options(
    reports: Mapping[str, Report],
    *,
    ok: Sequence[int],
    timeout_s: float,
    cache: CachePolicy,
    cwd: str,
    env: Mapping[str, str],
) -> list[str]:
    options = ["--out", OUTCOME, "--timeout", str(timeout_s), "--cwd", cwd]
    options += [f"--ok={code}" for code in ok]
    for name, report in reports.items():
        options += ["--report" if report.required else "--optional", f"{name}={report.path}:{report.kind}"]
    options += [f"--env={name}={value}" for name, value in env.items()]
    return [*options, "--cache-failures" if cache == "pure" else "--no-cache-failures"]


def _outcome(data: dict[str, Any], confinement: Confinement, asked_at: float = 0.0) -> Outcome:
    known = {item.name for item in fields(Outcome)}
    values = {name: value for name, value in data.items() if name in known}
    in_force = confinement
    if data.get("network", "unknown") != "unknown":
        in_force = confinement.model_copy(update={"network": data["network"]})
    cached = float(data.get("ended_at", asked_at)) < asked_at
    values |= {"argv": tuple(data["argv"]), "confinement": in_force, "cached": cached}
    return Outcome(**values)
