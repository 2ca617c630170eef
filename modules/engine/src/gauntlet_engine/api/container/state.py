"""What a container is, before anything runs: a root file system, a config, and what is attached to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.image_config import EMPTY_CONFIG, ImageConfig
from gauntlet_engine.api.paths import absolute, below

if TYPE_CHECKING:
    from typing import Any, Self

    from gauntlet_engine.api.cache_volume import CacheVolume
    from gauntlet_engine.api.secret import Secret
    from gauntlet_engine.api.service import Service
    from gauntlet_engine.api.values import Port
    from gauntlet_engine.graph import Output


@dataclass(frozen=True)
class DirectoryMount:
    """A directory of a tree at `target`; what execs write there stays with the container."""

    target: str
    tree: Output | None
    path: str
    readonly: bool = False


@dataclass(frozen=True)
class FileMount:
    """A file of a tree at `target`."""

    target: str
    tree: Output | None
    path: str


@dataclass(frozen=True)
class CacheMount:
    """A cache volume at `target`."""

    target: str
    volume: CacheVolume


@dataclass(frozen=True)
class TempMount:
    """Memory at `target`; `size` in bytes, 0 for no limit."""

    target: str
    size: int = 0


Mount = DirectoryMount | FileMount | CacheMount | TempMount


@dataclass(frozen=True)
class SecretMount:
    """A secret as a file at `target`."""

    target: str
    secret: Secret
    uid: int
    gid: int
    mode: int


@dataclass(frozen=True)
class SecretVariable:
    """A secret as an environment variable."""

    name: str
    secret: Secret


@dataclass(frozen=True)
class ServiceBinding:
    """A service that every exec finds under `alias`."""

    alias: str
    service: Service


@dataclass(frozen=True)
class ContainerState:
    """Base of the Container object.

    Args:
        platform: of its image and processes.
        tree: the root file system; None is an empty one.
        config: as the image's.
        reference: name with digest right after `from`, empty once anything changed.
        attached: mounts; later ones are deeper or newer.
        output: the meta tree of the last exec (stdout, stderr, exit code), None before any.
        default_args_set: withDefaultArgs was called (it decides whether a service uses the entrypoint).
    """

    platform: str
    tree: Output | None = None
    config: ImageConfig = EMPTY_CONFIG
    reference: str = ""
    attached: tuple[Mount, ...] = ()
    secret_mounts: tuple[SecretMount, ...] = ()
    secret_variables: tuple[SecretVariable, ...] = ()
    services: tuple[ServiceBinding, ...] = ()
    ports: tuple[Port, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    output: Output | None = None
    default_args_set: bool = False

    def changed(self, **changes: Any) -> Self:
        """A copy with other values; no longer exactly an image."""
        return replace(self, reference="", **changes)

    def configured(self, **changes: Any) -> Self:
        """A copy with another config."""
        return self.changed(config=replace(self.config, **changes))

    def absolute(self, path: str) -> str:
        """A path as this container's processes mean it."""
        return absolute(self.config.workdir, path)

    def expanded(self, text: str, expand: bool) -> str:
        """`text` with $NAME and ${NAME} replaced, where `expand` asks for it.

        Raises:
            ApiError: it names a secret variable.
        """
        return self._expand(text) if expand else text

    def locate(self, path: str) -> tuple[Mount | None, str]:
        """The mount that holds `path` and the path in it ("." for its root); None and the absolute path otherwise.

        Raises:
            ApiError: it is on a cache or temporary mount, which have no contents between execs.
        """
        where = self.absolute(path)
        for mount in reversed(self.attached):
            inside = below(mount.target, where)
            if inside is None:
                continue
            if isinstance(mount, TempMount):
                raise ApiError(f"{where}: cannot retrieve path from tmpfs")
            if isinstance(mount, CacheMount):
                raise ApiError(f"{where}: cannot retrieve path from cache")
            return mount, inside
        return None, where

    def with_mount(self, mount: Mount) -> Self:
        """With a mount that hides others at or below its target."""
        kept = [old for old in self.attached if below(mount.target, old.target) is None]
        return self.changed(attached=(*kept, mount))

    def without_mount_at(self, target: str) -> Self:
        """Without the newest mount, and the newest secret, at `target`."""
        return self.changed(
            attached=_without_last(self.attached, target), secret_mounts=_without_last(self.secret_mounts, target)
        )

    def _expand(self, text: str) -> str:
        """Go's os.Expand: `$` before anything else is dropped with it, unknown names are empty."""
        result: list[str] = []
        position = 0
        while position < len(text):
            dollar = text.find("$", position)
            if dollar < 0 or dollar == len(text) - 1:
                result.append(text[position:])
                break
            result.append(text[position:dollar])
            name, width = _shell_name(text[dollar + 1 :])
            if not name and width == 0:
                result.append("$")
            elif name:
                result.append(self._value(name))
            position = dollar + 1 + width
        return "".join(result)

    def _value(self, name: str) -> str:
        if any(variable.name == name for variable in self.secret_variables):
            raise ApiError(f'expand cannot be used with secret env variable "{name}"')
        return self.config.variable(name) or ""


_NAME = frozenset(ascii_letters + digits + "_")
_SPECIAL = frozenset("*#$@!?-" + digits)


def _shell_name(text: str) -> tuple[str, int]:
    """Name at the start of what follows a `$`, and how many characters it takes there."""
    if text[0] == "{":
        end = text.find("}")
        if end < 0:
            return "", 1  # bad syntax: "${" is eaten
        return text[1:end], end + 1
    if text[0] in _SPECIAL:
        return text[0], 1
    length = next((index for index, character in enumerate(text) if character not in _NAME), len(text))
    return text[:length], length


def _without_last(items: tuple[Any, ...], target: str) -> tuple[Any, ...]:
    for index in range(len(items) - 1, -1, -1):
        if items[index].target == target:
            return items[:index] + items[index + 1 :]
    return items
