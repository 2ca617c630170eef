"""Small answers: objects that only hold what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gauntlet_engine.buildkit import Stat as TreeStat


@dataclass(frozen=True)
class EnvVariable:
    """An environment variable."""

    name: str
    value: str


@dataclass(frozen=True)
class Label:
    """An image label."""

    name: str
    value: str


@dataclass(frozen=True)
class Port:
    """A port that a container listens on. `protocol` is TCP or UDP."""

    port: int
    protocol: str = "TCP"
    description: str | None = None
    experimental_skip_healthcheck: bool = False

    @property
    def oci(self) -> str:
        """As image configs write it, such as `5432/tcp`."""
        return f"{self.port}/{self.protocol.lower()}"

    @classmethod
    def of_oci(cls, text: str) -> Port:
        """From an image config's `5432/tcp`."""
        number, _, protocol = text.partition("/")
        return cls(int(number), (protocol or "tcp").upper())


@dataclass(frozen=True)
class Stat:
    """What is at a path: `file_type` REGULAR, DIRECTORY, SYMLINK or UNKNOWN; `size` in bytes."""

    name: str
    size: int
    file_type: str
    permissions: int

    @classmethod
    def of(cls, name: str, stat: TreeStat) -> Stat:
        """From the daemon's answer."""
        kinds = {"file": "REGULAR", "dir": "DIRECTORY", "symlink": "SYMLINK"}
        return cls(name, stat.size, kinds.get(stat.kind, "UNKNOWN"), stat.permissions)
