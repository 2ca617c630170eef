"""`gauntlet init`: a repository's first files, none of them overwritten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gauntlet.cli.command import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--source", metavar="DIR", help="the repository (default: the one around the current folder)")
    parser.add_argument(
        "--ci",
        choices=("auto", "gitlab", "github", "none"),
        default="auto",
        help="which CI file to write (default: auto)",
    )
    parser.add_argument("--schema", action="store_true", help="print gauntlet.yaml's JSON schema and do nothing else")


def _run(given: Namespace) -> int:
    if given.schema:
        return _print_schema()
    from gauntlet.cli import scaffold  # noqa: PLC0415 - keeps `gauntlet --help` quick
    from gauntlet.cli.checkout import look_at  # noqa: PLC0415 - as above

    root, remote = look_at(given.source, None).repository_root()
    steps = [scaffold.write_language(root), scaffold.write_agents(root), scaffold.write_hook(root)]
    hosts = scaffold.hosts_of(root, remote) if given.ci == "auto" else (given.ci,)
    steps += [scaffold.write_pipeline(root, host) for host in hosts if host != "none"]
    for step in steps:
        print(f"{step.path}: {step.what}")
    for step in steps:
        if step.add:
            print(f"\n{step.path}: {step.add}")
    print("\nnext: gauntlet fast")
    return 0


def _print_schema() -> int:
    from gauntlet.config_schema import json_schema  # noqa: PLC0415 - as above
    from gauntlet.stage import registered  # noqa: PLC0415 - as above
    from gauntlet.stages import load_stages  # noqa: PLC0415 - as above

    load_stages()
    print(json.dumps(json_schema(registered()), indent=2))
    return 0


COMMANDS = (Command("init", "write gauntlet.yaml, a hook, a note for agents and the CI file", _arguments, _run),)
