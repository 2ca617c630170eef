"""`gauntlet stages`: every stage there is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gauntlet.cli.command import Command
from gauntlet.cli.options import add_source, options_from
from gauntlet.cli.quick_client import load_client

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("plain", "json"), default="plain")
    add_source(parser)


def _run(given: Namespace) -> int:
    load_client()
    from gauntlet.cli.checkout import look_at  # noqa: PLC0415 - keeps `gauntlet --help` quick
    from gauntlet.cli.language import read_language  # noqa: PLC0415 - as above

    options = options_from(given)
    stages = read_language(look_at(options.source, options.base)).stages.values()
    if given.format == "json":
        print(
            json.dumps(
                [
                    {
                        "id": stage.id, "tier": stage.tier, "summary": stage.summary, "needs": stage.needs,
                        "tools": stage.tools, "timeout_s": stage.timeout_s, "controls": stage.controls,
                        "origin": stage.origin,
                    }
                    for stage in stages
                ],
                indent=2,
            )
        )  # fmt: skip
        return 0
    width = max((len(stage.id) for stage in stages), default=0)
    for stage in stages:
        origin = f"  ({stage.origin})" if stage.origin else ""
        print(f"{stage.id:<{width}}  {stage.tier:<8}  {stage.summary}{origin}")
    return 0


COMMANDS = (Command("stages", "list every stage", _arguments, _run),)
