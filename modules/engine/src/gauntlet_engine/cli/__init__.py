"""The command `gauntlet-engine`: one file a subcommand."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUBCOMMANDS = {
    "session": "serve the Dagger API to an SDK until stdin closes",
    "start": "start the daemon, so that the first run need not",
    "stop": "stop the daemon, whoever uses it",
    "status": "say whether the daemon runs, and what its state holds",
    "prune": "free disk space",
    "call": "call functions of a Dagger module",
    "functions": "list a Dagger module's functions",
    "doctor": "check what the engine needs from this machine, and say how to get what is missing",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        arguments: by default the process's own.

    Returns:
        0 done, 1 not done (or an answer of "no"), 2 wrong usage, 3 the machine or the daemon stands in the way.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in {"-h", "--help"}:
        print(_usage())
        return 0 if given else 2
    name, *rest = given
    if name not in SUBCOMMANDS:
        print(f"gauntlet-engine: no such subcommand: {name}\n\n{_usage()}", file=sys.stderr)
        return 2
    # Imported late: gRPC and its messages cost a third of a second that a typing error need not pay.
    from gauntlet_engine.buildkit.errors import EngineError  # noqa: PLC0415

    run: Callable[[Sequence[str]], int] = getattr(importlib.import_module(f"gauntlet_engine.cli.{name}"), name)
    try:
        return run(rest)
    except EngineError as error:
        print(f"gauntlet-engine {name}: {error.diagnostics()}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


def _usage() -> str:
    width = max(map(len, SUBCOMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in SUBCOMMANDS.items())
    return f"usage: gauntlet-engine SUBCOMMAND [options]\n\n{lines}"
