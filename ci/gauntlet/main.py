"""Gauntlet as a Dagger module: the tiers and stages as functions, for any CI host that has a Dagger engine."""

import io
import os
from collections.abc import Callable
from typing import Annotated, TypeVar

import dagger
from dagger import DefaultPath, Doc, Ignore, check, dag, field, function, object_type
from rich.console import Console

from gauntlet.base_image import base_images
from gauntlet.config import FILENAME, custom_stage_paths
from gauntlet.errors import GauntletError, unwrapped
from gauntlet.events import Note
from gauntlet.language import CustomSource, Language, language_of_base, language_without_base
from gauntlet.plain import PlainDisplay
from gauntlet.plan import Selection
from gauntlet.run import Report, Request, Runner, Source
from gauntlet.shared_directory import SharedDirectory
from gauntlet.stage import Tier
from gauntlet.summary import print_summary
from gauntlet_verdict.store import reports

NOT_SOURCE = [
    "**/.git", "**/.gauntlet", "**/.venv", "**/node_modules", "**/__pycache__", "**/.tox", "**/.nox",
    "**/.mypy_cache", "**/.ruff_cache", "**/.pytest_cache",
]  # fmt: skip


Method = TypeVar("Method", bound=Callable[..., object])


def uncached(method: Method) -> Method:
    """A function that is called each time: Dagger answers from its own cache for 7 days otherwise."""
    # dagger-io's overloads forget the argument.
    return function(cache="never")(method)  # pyright: ignore[reportCallIssue, reportUnknownVariableType]


class BlockedError(GauntletError):
    """The verdict blocks the change; raised because Dagger's own red is an exception."""

    exit_code = 1


@object_type
class TierRun:
    """What a run found: its reports, the exit code to obey, and a summary to read."""

    reports: Annotated[dagger.Directory, Doc("Every report, a log a stage, and the file exit-code")] = field()
    exit_code: Annotated[int, Doc("0 passed, 1 findings, 3 no answer")] = field()
    summary: Annotated[str, Doc("The table, the first findings and the commands to run again")] = field()


@object_type
class Gauntlet:
    """The gates that every change runs, in the same containers, anywhere."""

    source: Annotated[dagger.Directory, DefaultPath("/"), Ignore(NOT_SOURCE), Doc("What is examined")]
    base: Annotated[dagger.Directory | None, Doc("The tree that the change is compared with; it owns the gates")] = None
    history: Annotated[dagger.Directory | None, Doc("The repository's .git, for what looks into history")] = None
    image: Annotated[str | None, Doc("What stages run on, best by digest, in place of the runner base")] = None

    @uncached
    async def fast(self) -> str:
        """Run the FAST tier: what every edit must pass. Raises where it does not."""
        return await self._or_raise(Selection(Tier.FAST))

    @uncached
    async def standard(self) -> str:
        """Run FAST and STANDARD: what every merge request must pass. Raises where it does not."""
        return await self._or_raise(Selection(Tier.STANDARD))

    @uncached
    async def full(self) -> str:
        """Run every tier: what every night and every release must pass. Raises where it does not."""
        return await self._or_raise(Selection(Tier.FULL))

    @uncached
    async def run(
        self,
        tier: Annotated[str, Doc("fast, standard or full")] = "fast",
        only: Annotated[list[str] | None, Doc("Run only these stages (patterns: lint:*)")] = None,
        skip: Annotated[list[str] | None, Doc("Leave these out")] = None,
        jobs: Annotated[int | None, Doc("Stages at once")] = None,
        fail_fast: Annotated[bool, Doc("Stop at the first failing stage")] = False,
    ) -> TierRun:
        """Run a tier and return what it found, red or green; obey its exit-code."""
        if tier not in set(Tier):
            raise GauntletError(f"--tier {tier}: there is no such tier", f"use {', '.join(Tier)}")
        selection = Selection(Tier(tier), tuple(only or ()), tuple(skip or ()))
        report = await self._report(Request(selection, jobs, fail_fast))
        directory = dag.directory()
        for path, content in reports(report.run, report.logs, report.evidence).items():
            directory = directory.with_new_file(path, content.decode("utf-8", "replace"))
        return TierRun(reports=directory, exit_code=report.run.exit_code, summary=_summary(report))

    @uncached
    @check
    async def lint_python(self) -> str:
        """Find bugs in Python with ruff."""
        return await self._stage("lint:python")

    @uncached
    @check
    async def format_python(self) -> str:
        """Check that every Python file is as the formatter writes it."""
        return await self._stage("format:python")

    @uncached
    @check
    async def lint_secrets(self) -> str:
        """Find secrets that are new."""
        return await self._stage("lint:secrets")

    @uncached
    @check
    async def lock_check(self) -> str:
        """Check that lock files match their manifests."""
        return await self._stage("lock:check")

    @uncached
    @check
    async def build_backend(self) -> str:
        """Import every module of the project in its own environment."""
        return await self._stage("build:backend")

    @uncached
    @check
    async def test_unit(self) -> str:
        """Run the unit and specification tests."""
        return await self._stage("test:unit")

    @uncached
    @check
    async def test_integration(self) -> str:
        """Run the integration tests on real PostgreSQL and Redis."""
        return await self._stage("test:integration")

    @uncached
    @check
    async def tdd_oracle_check(self) -> str:
        """Check that specification tests know nothing of the implementation."""
        return await self._stage("tdd:oracle-check")

    @uncached
    @check
    async def security_bandit(self) -> str:
        """Find dangerous calls and weak cryptography with bandit."""
        return await self._stage("security:bandit")

    @uncached
    @check
    async def security_semgrep(self) -> str:
        """Find anti-patterns of generated code with semgrep."""
        return await self._stage("security:semgrep")

    @uncached
    @check
    async def security_dependency_scan(self) -> str:
        """Find known vulnerabilities in the locked dependencies."""
        return await self._stage("security:dependency-scan")

    async def _stage(self, stage_id: str) -> str:
        return await self._or_raise(Selection(None, only=(stage_id,)))

    async def _or_raise(self, selection: Selection) -> str:
        report = await self._report(Request(selection))
        summary = _summary(report)
        if report.run.exit_code != 0:
            raise BlockedError(summary)
        return summary

    async def _report(self, request: Request) -> Report:
        embedded = os.environ.get("GAUNTLET_ENGINE") == "embedded"
        display = PlainDisplay(Console(highlight=False, markup=False, emoji=False, force_terminal=False))
        with unwrapped():
            language = await self._language()
            for note in language.notes:
                display(Note(note))
            config = language.config if self.image is None else language.config.model_copy(update={"image": self.image})
            runner = Runner(
                source=await self._examined(),
                config=config,
                stages=language.stages,
                request=request,
                images=base_images(config, embedded=embedded),
                engine={"kind": "embedded" if embedded else "dagger", "version": await dag.version()},
                tell=display,
            )
            return await runner.run()

    async def _examined(self) -> Source:
        history = dag.directory().with_directory(".git", self.history) if self.history is not None else None
        return Source(
            tree=SharedDirectory(self.source),
            history=history,
            base=SharedDirectory(self.base) if self.base is not None else None,
            changed=await _changed(self.source, self.base) if self.base is not None else None,
            facts={"module": "dagger"},
        )

    async def _language(self) -> Language:
        written = await _text_of(self.source, FILENAME)
        owner = self.base if self.base is not None else self.source
        trusted = written if self.base is None else await _text_of(self.base, FILENAME)
        texts = {path: await _text_of(owner, path) for path in custom_stage_paths(trusted)}
        whose = "the base" if self.base is not None else "the source"
        custom = CustomSource(texts.get, lambda path: (f"{path!r} is not in {whose}", "check the path"))
        if self.base is None:
            return language_without_base(written, custom)
        return language_of_base(written, trusted, "tree", custom)


async def _text_of(directory: dagger.Directory, path: str) -> bytes | None:
    if not await directory.glob(path):
        return None
    return (await directory.file(path).contents()).encode("utf-8", "surrogateescape")


async def _changed(source: dagger.Directory, base: dagger.Directory) -> frozenset[str]:
    """Files that were added, edited or removed: what each tree has beyond the other."""
    paths = [*await base.diff(source).glob("**/*"), *await source.diff(base).glob("**/*")]
    return frozenset(path for path in paths if not path.endswith("/"))


def _summary(report: Report) -> str:
    text = io.StringIO()
    print_summary(Console(file=text, highlight=False, markup=False, emoji=False, width=100), report.run, None)
    return text.getvalue()
