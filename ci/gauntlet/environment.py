"""The project's own environment: its locked dependencies in a venv at /env, installed once for each lock."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from dagger import dag
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from gauntlet.errors import InfrastructureError
from gauntlet.install_failure import Cause, InstallFailure, explain
from gauntlet.locked_requirements import LockError
from gauntlet.recipe import ENV, PYTHON, UV, VERSION_STANDINS, Recipe, recipe_of, texts_needed
from gauntlet.toolrun import Outcome, Report, run_step
from gauntlet_verdict import Finding, FixCategory, Location, Severity, Status, Verdict

if TYPE_CHECKING:
    import dagger

    from gauntlet.stage import StageContext

CACHE_VOLUME = "gauntlet-project-uv"  # never the packs' own: a project's build hook must not reach a tool
CACHE_PATH = "/var/cache/gauntlet-project-uv"
INSTALL_TIMEOUT_S = 900.0
FREEZE = "/outcome/freeze.txt"
# PEP 508's variables as the container's Python has them.
FACTS = """
import json, os, platform, sys
full = platform.python_version()
print(json.dumps({
    "python_version": ".".join(full.split(".")[:2]), "python_full_version": full, "sys_platform": sys.platform,
    "os_name": os.name, "platform_system": platform.system(), "platform_machine": platform.machine(),
    "implementation_name": sys.implementation.name, "implementation_version": full,
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": "", "platform_version": "", "extra": "",
}))
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """An installed environment.

    `directory` is the venv, to be mounted at /env and nowhere else. `source` is the tree as its build left it, where
    the project had to be built. `inputs` are facts for the verdict: what decided the versions, and their digest.
    """

    directory: dagger.Directory
    source: dagger.Directory | None
    locked: bool
    python: str
    packages: int
    inputs: dict[str, str]

    def mounted(self, container: dagger.Container, source: dagger.Directory) -> dagger.Container:
        """`container` with the environment at /env and the source, writable and thrown away, at /src.

        Of a project that had to be built the tree is the built one, whatever of `source` was asked for.
        """
        tree = self.source if self.source is not None else source
        return container.with_mounted_directory(ENV, self.directory).with_mounted_directory("/src", tree)


class EnvironmentUnavailableError(Exception):
    """This container can't hold the environment (another Python, no compiler): nobody's fault, and no evidence."""


class EnvironmentBrokenError(Exception):
    """The project's own files can't be installed; `finding` says what to mend."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


async def install(context: StageContext) -> Environment:
    """The project's environment on the context's image, from the engine's cache where nothing decisive has changed.

    Raises:
        EnvironmentUnavailableError: it cannot be had in this container.
        EnvironmentBrokenError: the project's manifests or lock are at fault.
        InfrastructureError: the network or a registry failed; a retry may help.
    """
    return await context.environment.get(lambda: _made(context))


async def _made(context: StageContext) -> Environment:
    project = context.project
    facts: dict[str, str] = {}
    texts: dict[str, str] = {}

    async def read_facts() -> None:
        facts.update(json.loads(await context.image.with_exec(["python3", "-c", FACTS]).stdout()))

    async def read(path: str) -> None:
        texts[path] = await context.source.file(path).contents()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read_facts)
        for path in texts_needed(project):
            tasks.start_soon(read, path)
    _check_python(project.requires_python, facts["python_full_version"])
    try:
        recipe = recipe_of(project, texts, facts)
    except tomllib.TOMLDecodeError as error:
        raise _broken("manifest", "pyproject.toml", f"pyproject.toml is no TOML: {error}") from error
    except LockError as error:
        lock = next((lock.path for lock in project.locks), "pyproject.toml")
        raise _broken("lock", lock, f"{lock} cannot be followed: {error}") from error
    return await _installed(context, recipe, facts["python_full_version"])


async def _installed(context: StageContext, recipe: Recipe, python: str) -> Environment:
    """Two steps, so that an edit of a source file never installs a dependency again."""
    files = context.source.filter(include=list(recipe.mounted)) if recipe.mounted else dag.directory()
    for path, text in recipe.written.items():
        files = files.with_new_file(path, text)
    base = _with_uv(context.packs.mount(context.image, "uv"))
    outcome, container = await _step(base.with_mounted_directory("/src", files), recipe.script)
    directory, source, itself = container.directory(ENV), None, {}
    if recipe.build:
        tree = context.source if recipe.whole_source else context.source.filter(include=list(recipe.skeleton))
        base = base.with_mounted_directory(ENV, directory).with_mounted_directory("/src", tree)
        try:
            outcome, container = await _step(base, recipe.build_script)
        except (EnvironmentUnavailableError, EnvironmentBrokenError) as error:
            if recipe.whole_source:
                raise
            itself = {"environment:itself": f"on the import path, not installed: {error}"[:500]}
        else:
            directory = container.directory(ENV)
            source = container.directory("/src") if recipe.whole_source else None
    frozen = outcome.reports.get("freeze", "")
    digest = hashlib.sha256(frozen.encode()).hexdigest()
    return Environment(
        directory=directory, source=source, locked=recipe.locked, python=python, packages=len(frozen.splitlines()),
        inputs={
            "environment": recipe.kind + ("" if recipe.locked else " (unlocked: the newest versions that fit)"),
            "environment:packages": f"sha256:{digest}",
            "environment:python": python,
        } | itself,
    )  # fmt: skip


async def _step(container: dagger.Container, script: str) -> tuple[Outcome, dagger.Container]:
    script += f"\n{UV} pip freeze --quiet --exclude-editable --python {PYTHON} > {FREEZE}"
    outcome, after = await run_step(
        container, ["sh", "-ec", script], timeout_s=INSTALL_TIMEOUT_S, network=True, env=VERSION_STANDINS,
        reports={"freeze": Report(FREEZE, "text", required=False)}, cache="session",
    )  # fmt: skip
    if outcome.timed_out:
        raise InfrastructureError(
            f"installing took longer than {INSTALL_TIMEOUT_S:g} s", "look at the registry's answers"
        )
    if not outcome.complete:
        raise _failed(explain(outcome.stdout + outcome.stderr))
    return outcome, after


def _with_uv(container: dagger.Container) -> dagger.Container:
    settings = {
        "UV_CACHE_DIR": CACHE_PATH,
        "UV_LINK_MODE": "copy",
        "UV_PROJECT_ENVIRONMENT": ENV,
        "UV_PYTHON": "python3",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
    }
    for name, value in settings.items():
        container = container.with_env_variable(name, value)
    return container.with_mounted_cache(CACHE_PATH, dag.cache_volume(CACHE_VOLUME))


def _check_python(requires: str | None, python: str) -> None:
    try:
        wanted = SpecifierSet(requires or "")
    except InvalidSpecifier:
        return  # uv says it better, with its place
    if not wanted.contains(python, prereleases=True):
        raise EnvironmentUnavailableError(
            f"the project needs Python {requires} and the image has {python}; "
            "name another image in gauntlet.yaml (`image:`), or widen requires-python"
        )


def _failed(failure: InstallFailure) -> Exception:
    """The error that a failed installation is."""
    if failure.cause in {Cause.NETWORK, Cause.CREDENTIALS}:
        remedy = "look at the registry, its address (pip's or uv's settings on this machine) and its credentials"
        return InfrastructureError(f"the registry did not answer: {failure.message}", remedy)
    if failure.cause is Cause.PYTHON:
        return EnvironmentUnavailableError(f"the image's Python does not fit: {failure.message}")
    if failure.cause is Cause.COMPILER:
        name = failure.package or "a package"
        return EnvironmentUnavailableError(
            f"{name} has to be compiled and the image has no compiler for it: {failure.message}; "
            "name an image that has one in gauntlet.yaml (`image:`)"
        )
    if failure.cause in {Cause.BUILD, Cause.UNKNOWN}:
        return EnvironmentUnavailableError(f"the environment cannot be installed: {failure.message}")
    places = {Cause.HASH: "lock", Cause.LOCK: "lock"}
    return _broken(places.get(failure.cause, "manifest"), "", failure.message, rule=failure.cause.value)


def _broken(place: str, path: str, message: str, rule: str = "") -> EnvironmentBrokenError:
    return EnvironmentBrokenError(
        Finding(
            rule=f"environment:{rule or place}",
            severity=Severity.HIGH,
            message=message,
            location=Location(path=path) if path else None,
            fix=FixCategory.DEPENDENCY,
            hint="lock again and commit the lock together with its manifest",
        )
    )


def without_environment(
    context: StageContext, error: EnvironmentUnavailableError | EnvironmentBrokenError, *, owner: bool
) -> Verdict:
    """The verdict of a stage without its environment: `owner` shows the finding, the others point at it."""
    if isinstance(error, EnvironmentBrokenError) and owner:
        return Verdict(
            stage=context.stage.id, status=Status.FAIL, findings=(error.finding,), looked_at={"manifests": 1},
            reason="the project's environment cannot be installed",
        )  # fmt: skip
    pointer = "" if owner or isinstance(error, EnvironmentUnavailableError) else " (build:backend has the finding)"
    reason = f"the project's environment cannot be installed{pointer}: {error}"
    return Verdict(stage=context.stage.id, status=Status.INCONCLUSIVE, reason=reason[:1000])
