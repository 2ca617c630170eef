"""Git on the host: the one place that runs it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gauntlet.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

# A hook's environment points git at the hook's repository and index; we look at the folder that we were given.
_HOOK_VARIABLES = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.quotepath=off")


class GitFailedError(SourceError):
    """A git command failed; the message has its own words."""


@dataclass(frozen=True, slots=True)
class Git:
    """Git in a folder. Output is bytes: paths have no encoding."""

    folder: Path

    def run(self, *arguments: str, index: Path | None = None) -> bytes:
        """Output of a git command, with `index` in place of the repository's own.

        Raises:
            GitFailedError: it ended with another code than 0, or there is no git.
        """
        environment = {name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES}
        environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        command = ["git", *_SAFE, *arguments]
        try:
            done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, check=False)
        except FileNotFoundError:
            raise GitFailedError("there is no git on this machine", "install git") from None
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
            raise GitFailedError(f"git {arguments[0]}: {said}")
        return done.stdout

    def line(self, *arguments: str) -> str:
        """Output of a git command as one line of text."""
        return os.fsdecode(self.run(*arguments)).rstrip("\n")

    def paths(self, *arguments: str) -> tuple[str, ...]:
        """Output of a git command that was asked for NUL-separated paths; other encodings as surrogates."""
        return tuple(os.fsdecode(item) for item in self.run(*arguments).split(b"\0") if item)
