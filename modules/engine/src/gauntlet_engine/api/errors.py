"""What a resolver raises, and what a client is told."""

from __future__ import annotations

import json
from typing import Any

from gauntlet_engine.buildkit import EngineError, ExecFailed

EXEC_ERROR = "EXEC_ERROR"


class ApiError(EngineError):
    """A request that cannot be met: a bad value, a missing path. The message is Dagger's where Dagger has one."""


class NoCommandError(ApiError):
    """The output of an exec was asked of a container that ran none."""

    def __init__(self) -> None:
        super().__init__("no command has been set")


class ServiceFailed(ApiError):  # as the errors of buildkit/ are named
    """A service ended before it was ready."""

    def __init__(self, command: tuple[str, ...], exit_code: int, stdout: bytes, stderr: bytes) -> None:
        super().__init__(f"exit code: {exit_code}")
        self.command = command
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


def describe(error: BaseException) -> tuple[str, dict[str, Any]]:
    """Message and extensions of a GraphQL error, as Dagger gives them.

    A failed process has `extensions._type` EXEC_ERROR with `cmd`, `exitCode`, `stdout` and `stderr`, from which the
    SDKs make their ExecError.
    """
    if isinstance(error, ExecFailed):
        return f"exit code: {error.exit_code}", {
            "_type": EXEC_ERROR,
            "cmd": list(_user_command(error.command)),
            "exitCode": error.exit_code,
            "stdout": _text(error.stdout),
            "stderr": _text(error.stderr),
        }
    if isinstance(error, ServiceFailed):
        # A service's output keeps its last newline, in Dagger too.
        return error.message, {
            "_type": EXEC_ERROR,
            "cmd": list(error.command),
            "exitCode": error.exit_code,
            "stdout": error.stdout.decode(errors="replace"),
            "stderr": error.stderr.decode(errors="replace"),
        }
    if isinstance(error, EngineError):
        return error.diagnostics(), {}
    return f"internal error of the engine: {type(error).__name__}: {error}", {}


def _text(output: bytes) -> str:
    return output.decode(errors="replace").removesuffix("\n")


def _user_command(args: tuple[str, ...]) -> tuple[str, ...]:
    """The user's own command out of the exec shim's arguments (`shim exec JSON`)."""
    if len(args) != 3 or args[1] != "exec":  # noqa: PLR2004  # the shim's command line
        return args
    try:
        spec: dict[str, Any] = json.loads(args[2])
    except ValueError:
        return args
    return tuple(str(argument) for argument in spec.get("args", args))
