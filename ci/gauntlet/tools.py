"""Tool packs: a tool is a directory /opt/<pack>, built in a container of its own from its lock in runner-image/."""

from __future__ import annotations

import hashlib
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagger import dag
from packaging.requirements import Requirement

from gauntlet.errors import PlanError
from gauntlet.shared_directory import SharedDirectory

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    import dagger

UV = "/opt/uv/bin/uv"
# The packs' own download cache. A project's installs never see it: a build hook must not reach a tool.
CACHE_VOLUME = "gauntlet-packs-uv"
CACHE_PATH = "/var/cache/gauntlet-packs-uv"


class UnknownPackError(PlanError):
    """A stage names a pack that runner-image/ does not have."""


def runner_image() -> Traversable:
    """Where the locks and rules are: in the installed distribution, or in the clone where it is editable.

    Raises:
        FileNotFoundError: neither is there.
    """
    packaged = files("gauntlet").joinpath("runner_image")
    if packaged.is_dir():
        return packaged
    clone = Path(__file__).resolve().parents[2] / "runner-image"
    if clone.is_dir():
        return clone
    raise FileNotFoundError(f"no tool locks at {packaged} or {clone}; reinstall gauntlet-ci")


class ToolPacks:
    """The packs of one run, each built at most once and only when a stage mounts it.

    `image` is the container that packs are built in and later mounted on: a venv holds only for the Python it was made
    with. Building is the engine's, so packs build in parallel and an unchanged lock is a cache hit.
    """

    def __init__(self, image: dagger.Container, folder: Traversable | None = None) -> None:
        self._image = image
        self._folder = folder or runner_image()
        self._built: dict[str, dagger.Directory] = {}

    def pack(self, name: str) -> dagger.Directory:
        """The pack as a directory, to be mounted at /opt/<name> (and nowhere else: scripts in a venv name their path).

        Raises:
            UnknownPackError: there is no lock of that name.
        """
        if name not in self._built:
            self._built[name] = SharedDirectory(self._uv() if name == "uv" else self._venv(name))
        return self._built[name]

    def mount(self, container: dagger.Container, *names: str) -> dagger.Container:
        """`container` with each pack at /opt/<name>."""
        for name in names:
            container = container.with_mounted_directory(f"/opt/{name}", self.pack(name))
        # Else uv knows only the roots that it brings. A Dagger engine puts those of a proxy into the image's own store.
        return container.with_env_variable("UV_SYSTEM_CERTS", "1") if "uv" in names else container

    def versions(self, *names: str) -> dict[str, str]:
        """Version of each pack's tool, by pack, as its lock has it."""
        return {name: self._version(name) for name in names}

    def digests(self, *names: str) -> dict[str, str]:
        """`sha256:…` of each pack's lock file, by pack."""
        return {name: f"sha256:{hashlib.sha256(self._lock(name).encode()).hexdigest()}" for name in names}

    def text(self, *path: str) -> str:
        """Text of a file of runner-image/, e.g. a rule file."""
        return self._folder.joinpath(*path).read_text(encoding="utf-8")

    def folder(self, *path: str, suffix: str) -> dict[str, str]:
        """Texts of a folder's files that end in `suffix`, by name, sorted."""
        entries = sorted(self._folder.joinpath(*path).iterdir(), key=lambda entry: entry.name)
        return {entry.name: entry.read_text(encoding="utf-8") for entry in entries if entry.name.endswith(suffix)}

    def _lock(self, name: str) -> str:
        lock = self._folder.joinpath(name, "requirements.txt" if name == "uv" else "uv.lock")
        if not lock.is_file():
            known = sorted(entry.name for entry in self._folder.iterdir() if entry.joinpath("pyproject.toml").is_file())
            raise UnknownPackError(f"no tool pack {name!r} in runner-image/; there are {', '.join(['uv', *known])}")
        return lock.read_text(encoding="utf-8")

    def _version(self, name: str) -> str:
        if name == "uv":
            return self._lock(name).partition("uv==")[2].split()[0]
        lock = self._lock(name)
        tool = Requirement(self._project(name)["project"]["dependencies"][0]).name
        # uv writes every package so; parsing all of a lock as TOML takes a hundred times as long.
        found = re.search(rf'^\[\[package\]\]\nname = "{re.escape(tool)}"\nversion = "([^"]+)"$', lock, re.MULTILINE)
        if found is None:
            raise UnknownPackError(f"the lock of pack {name!r} does not have {tool}")
        return found[1]

    def _uv(self) -> dagger.Directory:
        return (
            self._image.with_new_file("/build/requirements.txt", self._lock("uv"))
            .with_exec(["python3", "-m", "venv", "/opt/uv"])
            .with_exec(
                ["/opt/uv/bin/pip", "install", "--disable-pip-version-check", "--no-cache-dir", "--no-deps",
                 "--require-hashes", "--only-binary", ":all:", "-r", "/build/requirements.txt"]
            )
            .directory("/opt/uv")
        )  # fmt: skip

    def _venv(self, name: str) -> dagger.Directory:
        lock = dag.directory().with_new_file("pyproject.toml", self.text(name, "pyproject.toml"))
        built = (
            self.mount(self._image, "uv")
            .with_directory("/build", lock.with_new_file("uv.lock", self._lock(name)))
            .with_workdir("/build")
            .with_mounted_cache(CACHE_PATH, dag.cache_volume(CACHE_VOLUME))
            .with_env_variable("UV_CACHE_DIR", CACHE_PATH)
            .with_env_variable("UV_LINK_MODE", "copy")
            .with_env_variable("UV_PROJECT_ENVIRONMENT", f"/opt/{name}")
            # Only wheels, so that no package's build script runs; bytecode, because a linter's run is mostly start-up.
            .with_exec(
                [UV, "sync", "--frozen", "--no-dev", "--no-install-project", "--no-python-downloads", "--no-build",
                 "--compile-bytecode"]
            )
        )  # fmt: skip
        for program, path in self._project(name).get("tool", {}).get("gauntlet", {}).get("programs", {}).items():
            # A program that a package hides behind a Python script: a link to it starts at once.
            built = built.with_exec(
                ["sh", "-c", f"ln -sf /opt/{name}/lib/python3.*/site-packages/{path} /opt/{name}/bin/{program}"]
            )
        return built.directory(f"/opt/{name}")

    def _project(self, name: str) -> dict[str, Any]:
        return tomllib.loads(self.text(name, "pyproject.toml"))
