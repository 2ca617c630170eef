"""The OCI config of an image: how its processes are run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

Pairs = tuple[tuple[str, str], ...]


def with_pair(pairs: Pairs, name: str, value: str) -> Pairs:
    """`name` set to `value`, in its old place where it had one."""
    if any(key == name for key, _ in pairs):
        return tuple((key, value if key == name else old) for key, old in pairs)
    return (*pairs, (name, value))


def without_pair(pairs: Pairs, name: str) -> Pairs:
    """Everything but `name`."""
    return tuple((key, value) for key, value in pairs if key != name)


@dataclass(frozen=True)
class ImageConfig:
    """What `from` reads and `export` writes. `cmd` are the default args."""

    env: Pairs = ()
    workdir: str = ""
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    labels: Pairs = ()
    ports: tuple[str, ...] = ()

    def variable(self, name: str) -> str | None:
        """Value of an environment variable."""
        return dict(self.env).get(name)

    def merged(self, image: dict[str, Any]) -> ImageConfig:
        """The config of an image, with this one's variables, labels and ports below its own, as `from` does.

        Args:
            image: a whole OCI image config (with its own `config` object).
        """
        own: dict[str, Any] = image.get("config") or {}
        labels: dict[str, str] = own.get("Labels") or {}
        config = self
        for entry in own.get("Env") or ():
            name, _, value = str(entry).partition("=")
            config = replace(config, env=with_pair(config.env, name, value))
        for name, value in labels.items():
            config = replace(config, labels=with_pair(config.labels, name, value))
        ports = dict.fromkeys((*config.ports, *(own.get("ExposedPorts") or {})))
        return replace(
            config,
            ports=tuple(ports),
            workdir=own.get("WorkingDir") or "",
            user=own.get("User") or "",
            entrypoint=tuple(own.get("Entrypoint") or ()),
            cmd=tuple(own.get("Cmd") or ()),
        )

    def oci(self, platform: str) -> dict[str, Any]:
        """A whole OCI image config; the exporter adds the layers."""
        system, _, rest = platform.partition("/")
        architecture, _, variant = rest.partition("/")
        config: dict[str, Any] = {
            "Env": [f"{name}={value}" for name, value in self.env],
            "WorkingDir": self.workdir,
            "User": self.user,
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.cmd),
            "Labels": dict(self.labels),
            "ExposedPorts": {port: {} for port in self.ports},
        }
        whole: dict[str, Any] = {
            "os": system,
            "architecture": architecture,
            "config": {key: value for key, value in config.items() if value},
        }
        if variant:
            whole["variant"] = variant
        return whole


EMPTY_CONFIG = ImageConfig()
"""Of a container that came from nowhere."""
