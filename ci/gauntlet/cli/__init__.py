"""The command `gauntlet`: the only code of the pipeline that touches the host."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from gauntlet.cli import doctor, init, plan, run, stages, tiers
from gauntlet.cli.command import commands, register
from gauntlet.errors import GauntletError

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODES = "exit codes: 0 all passed, 1 findings, 2 usage or configuration, 3 infrastructure, inconclusive, interrupted"

# What the machine's disks do, not we.
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})

for _module in (tiers, run, plan, stages, doctor, init):
    for _command in _module.COMMANDS:
        register(_command)


def command() -> NoReturn:
    """What the shell calls: `main`, and then the end of the process at once.

    By then everything is closed and on disk. Python would take all modules to pieces, a fifth of an unchanged run.
    """
    code = main()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        _complain(_unwritable(error))
        code = code or 3
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    if sys.gettrace() is None and sys.getprofile() is None:
        atexit._run_exitfuncs()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # none is public
        os._exit(code)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; no exception but SystemExit (argparse) leaves it."""
    try:
        given = _parser().parse_args(arguments)
        return given.run(given)
    except GauntletError as error:
        if os.environ.get("GAUNTLET_DEBUG"):
            raise
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("gauntlet: interrupted", file=sys.stderr)
        return 3
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); the interpreter must not complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    except Exception as error:
        if os.environ.get("GAUNTLET_DEBUG"):
            raise
        if isinstance(error, OSError) and error.errno in _DISK:
            _complain(_unwritable(error))
            return 3
        print(f"gauntlet: this is a bug in gauntlet: {type(error).__name__}: {error}", file=sys.stderr)
        print("  what now: run it again with GAUNTLET_DEBUG=1 and report the traceback", file=sys.stderr)
        return 3


def _unwritable(error: OSError) -> GauntletError:
    where = f" to {error.filename}" if error.filename else ""
    return GauntletError(
        f"nothing can be written{where}: {error.strerror}", "look at that disk's free space and health"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gauntlet",
        description="Run the gates that every change runs, in the same containers, anywhere.",
        epilog=_CODES,
    )
    parser.add_argument("--version", action=_Version)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for each in commands():
        sub = subparsers.add_parser(each.name, help=each.summary, description=each.summary, epilog=_CODES)
        each.arguments(sub)
        sub.set_defaults(run=each.run)
    return parser


class _Version(argparse.Action):
    """`--version`, which asks the installed distribution only when somebody wants to know."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and rarely wanted

        print(f"gauntlet {version('gauntlet-ci')}")
        parser.exit()


def _complain(error: GauntletError) -> None:
    print(f"gauntlet: {error.message}", file=sys.stderr)
    if advice := error.diagnostics():
        print(f"  what now: {advice}", file=sys.stderr)
