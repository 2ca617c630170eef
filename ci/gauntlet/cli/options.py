"""Options that several subcommands share, and what they mean."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Literal, cast

Format = Literal["auto", "board", "plain", "json", "github"]
FORMATS: tuple[Format, ...] = ("auto", "board", "plain", "json", "github")
MOST_JOBS = 256


@dataclass(frozen=True, slots=True)
class Options:
    """What a running subcommand was asked for; `source` and `report_dir` as written, None where left out."""

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    jobs: int | None = None
    fail_fast: bool = False
    format: Format = "auto"
    source: str | None = None
    base: str | None = None
    engine: str = "embedded"
    report_dir: str | None = None


def add_source(parser: argparse.ArgumentParser) -> None:
    """`--source` and `--base`."""
    parser.add_argument(
        "--source", metavar="DIR", help="folder to examine (default: the project around the current folder)"
    )
    parser.add_argument(
        "--base",
        metavar="REF",
        default=os.environ.get("GAUNTLET_BASE") or None,
        help="what the change is compared with, e.g. origin/main; gauntlet.yaml and custom stages are then its own "
        "(default: $GAUNTLET_BASE)",
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """`--engine`."""
    parser.add_argument(
        "--engine",
        metavar="embedded|dagger|ADDRESS",
        default=os.environ.get("GAUNTLET_ENGINE") or "embedded",
        help="embedded: our own; dagger: a Dagger engine; tcp://… or unix://…: a BuildKit daemon "
        "(default: $GAUNTLET_ENGINE or embedded)",
    )


def add_pick(parser: argparse.ArgumentParser) -> None:
    """Which of a tier's stages; both may be given again."""
    parser.add_argument(
        "--only", metavar="STAGE", nargs="+", action="extend", default=[], help="run only these (patterns: 'lint:*')"
    )
    parser.add_argument("--skip", metavar="STAGE", nargs="+", action="extend", default=[], help="leave these out")


def add_run(parser: argparse.ArgumentParser, *, pick: bool = True) -> None:
    """Everything that a run takes; without `pick` no --only and --skip."""
    if pick:
        add_pick(parser)
    parser.add_argument("--jobs", "-j", metavar="N", type=_jobs, help="stages at once (default: one a processor)")
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first failing stage, the quickest first")
    parser.add_argument("--format", choices=FORMATS, default="auto", help="what to show while it runs (default: auto)")
    parser.add_argument("--report-dir", metavar="DIR", help="where reports go (default: .gauntlet in the source)")
    add_source(parser)
    add_engine(parser)


def options_from(given: argparse.Namespace) -> Options:
    """The parsed command line as a value."""
    return Options(
        only=tuple(getattr(given, "only", ())),
        skip=tuple(getattr(given, "skip", ())),
        jobs=getattr(given, "jobs", None),
        fail_fast=getattr(given, "fail_fast", False),
        format=cast("Format", getattr(given, "format", "auto")),
        source=given.source,
        base=given.base,
        engine=getattr(given, "engine", "embedded"),
        report_dir=getattr(given, "report_dir", None),
    )


def _jobs(written: str) -> int:
    try:
        jobs = int(written)
    except ValueError:
        jobs = 0
    if not 1 <= jobs <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"{written!r} is not a number from 1 to {MOST_JOBS}")
    return jobs
