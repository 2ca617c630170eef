"""Everything that can go wrong between us and a BuildKit daemon, as one tree of types."""

from __future__ import annotations

from typing import ClassVar


class EngineError(Exception):
    """Base of the engine's errors. `str()` is for people and never holds a secret's value."""

    remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self._remedy = remedy

    def diagnostics(self) -> str:
        """What went wrong and, where we know, what to do next."""
        remedy = self._remedy or self.remedy
        return f"{self.message}\n{remedy}" if remedy else self.message


class DaemonGone(EngineError):
    """The daemon does not answer, or went away while we talked to it."""

    remedy = "Run `gauntlet-engine doctor` to see why; `gauntlet-engine start` starts it again."


class SessionGone(EngineError):
    """The session's stream broke: the daemon can no longer read our files, secrets or images."""

    remedy = "Start a new session; what was already built is still cached."


class SolveError(EngineError):
    """A solve did not yield a result.

    Attributes:
        vertex: digest of the op that failed ("sha256:…"), empty where the daemon does not say.
    """

    def __init__(self, message: str, *, vertex: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.vertex = vertex


class SolveFailed(SolveError):
    """Any failure that is not a process's exit code: a missing file, image, secret, a bad op."""


class SolveCancelled(SolveError):
    """The daemon cancelled the solve (its build ended or was aborted), not our own caller."""


class ExecFailed(SolveError):
    """A process exited with a code that its op does not accept.

    Attributes:
        exit_code: the real code as the exec shim wrote it (-1 for a bad redirect or user), else the runtime's.
        stdout: bytes of the meta mount's `stdout`, empty where the op has no meta mount.
        stderr: the same of `stderr`.
        args: the failed op's own arguments (the shim's, not the user's).
    """

    def __init__(
        self,
        message: str,
        *,
        vertex: str,
        exit_code: int,
        stdout: bytes = b"",
        stderr: bytes = b"",
        args: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, vertex=vertex)
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr
        self.command = args


class NotFound(EngineError):
    """A path inside a result, an image or a secret does not exist."""


class HostPathError(EngineError):
    """A directory of the host cannot be read (missing, not a directory, vanished in mid-sync)."""
