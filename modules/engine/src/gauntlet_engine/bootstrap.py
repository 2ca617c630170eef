"""Base images made on this machine, where no registry has to answer: Debian by mmdebstrap, once a state."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.abc
from anyio import to_thread

from gauntlet_engine.apt_sources import (
    AptSource,
    DebianMirror,
    debian_mirror,
    kept_options,
    parse_deb822,
    parse_one_line,
)
from gauntlet_engine.buildkit.errors import SolveFailed
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.oci_layout import Layer, LayoutImage, read_layout, write_layer, write_layout
from gauntlet_engine.prerequisites import look

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping

    from gauntlet_engine.state import StateDirs

# 2025-01-01: no file is younger, so the same packages make the same bytes (and zip files can hold the dates).
_EPOCH = 1735689600
_CREATED = "2025-01-01T00:00:00Z"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Recipe:
    """What a base image is made of. Change `revision` when how it is made changes."""

    suite: str
    packages: tuple[str, ...]
    revision: int = 3

    @property
    def key(self) -> str:
        """Name of its layout: other content, other name."""
        text = json.dumps([self.suite, self.packages, self.revision, host_platform()])
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


RECIPES = {
    "trixie": Recipe("trixie", ("ca-certificates", "git", "python3", "python3-venv")),
    # Services' base (PostgreSQL 15, Redis 7): what they need is installed by a later step.
    "bookworm": Recipe("bookworm", ("ca-certificates",)),
}


async def bootstrapped(
    recipe: Recipe, state: StateDirs, environ: Mapping[str, str], log: Callable[[str], None] | None = None
) -> tuple[Path, LayoutImage]:
    """The recipe's image: its layout and what is in it; made now (10-20 s) where this state has none.

    Raises:
        SolveFailed: mmdebstrap is missing or failed, with its last words and what can be done.
    """
    folder = state.root / "images" / recipe.key
    image = _complete(folder)
    if image is not None:
        return folder, image
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    async with _locked(folder.with_suffix(".lock")):
        image = _complete(folder)  # another run may have made it while we waited
        if image is None:
            if log:
                log(f"bootstrapping gauntlet/base:{recipe.suite} from this machine's Debian mirror (once)")
            image = await _make(recipe, folder, environ, log)
            _forget_older(recipe, folder)
            if log:
                log(f"gauntlet/base:{recipe.suite} is ready: {image.digest}")
    return folder, image


def _complete(folder: Path) -> LayoutImage | None:
    try:
        return read_layout(folder)
    except (OSError, ValueError, KeyError, IndexError):
        return None


@asynccontextmanager
async def _locked(path: Path) -> AsyncGenerator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await to_thread.run_sync(fcntl.flock, handle, fcntl.LOCK_EX, abandon_on_cancel=True)
        yield
    finally:
        os.close(handle)


@contextmanager
def _build_folder(work: Path) -> Generator[Path]:
    """Where the system is put together: on the state's disk; without root it cannot be inside the state.

    There mmdebstrap works in a user namespace in which our own user id does not exist, and our directories are
    closed to everyone else.
    """
    if os.geteuid() == 0:
        folder = work / "tmp"
        folder.mkdir(mode=0o755)  # apt's unprivileged user reads below it
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="gauntlet-bootstrap-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o777)
        yield Path(name)


def _forget_older(recipe: Recipe, folder: Path) -> None:
    """Delete what older recipes of this suite made; a daemon keeps its own copy of what it has used."""
    for other in folder.parent.glob(f"{recipe.suite}-*"):
        if other != folder and other.is_dir() and not other.name.endswith(".part"):
            shutil.rmtree(other, ignore_errors=True)


async def _make(
    recipe: Recipe, folder: Path, environ: Mapping[str, str], log: Callable[[str], None] | None
) -> LayoutImage:
    work = folder.with_suffix(".part")
    # No mounts are in it, whatever was killed: they live in a mount namespace of their own.
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    blobs = work / "layout" / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    mirror = await to_thread.run_sync(_host_mirror, recipe.suite, environ)
    argv = _command(recipe, mirror, work, environ)
    with _build_folder(work) as temporary:
        root = await _run(argv, {"HOME": str(work), "TMPDIR": str(temporary)}, environ, blobs, log)
    config = {
        "architecture": host_platform().split("/")[1],
        "os": "linux",
        "config": {"Env": [f"PATH={_PATH}"], "Cmd": ["bash"]},
    }
    image = write_layout(work / "layout", [root, write_layer(work / "layout", _policy_layer())], config, _CREATED)
    (work / "layout").rename(folder)
    shutil.rmtree(work, ignore_errors=True)
    return image


def _command(recipe: Recipe, mirror: DebianMirror, work: Path, environ: Mapping[str, str]) -> list[str]:
    machine = look(environ)
    program = shutil.which("mmdebstrap", path=machine.path)
    unshare = shutil.which("unshare", path=machine.path)
    if not program or not unshare:
        raise SolveFailed(
            f"gauntlet/base:{recipe.suite} cannot be bootstrapped: mmdebstrap is not installed.",
            remedy="apt-get install mmdebstrap (or name another base image that a registry serves).",
        )
    settings = work / "apt.conf"
    settings.write_text("".join(f"{line}\n" for line in mirror.options) + 'APT::Keep-Downloaded-Packages "false";\n')
    final_sources = work / "sources.list"
    final_sources.write_text(mirror.sources(credentials=False))
    argv = [
        program,
        "--variant=minbase",
        f"--mode={'root' if machine.root else 'unshare'}",
        "--format=tar",
        f"--include={','.join(recipe.packages)}",
        *(f"--aptopt={line.removesuffix(';')}" for line in mirror.options),
        "--dpkgopt=force-unsafe-io",  # a container's layer needs no fsync after each file; stays set in the image
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        # mmdebstrap keeps the list that it was given, which may hold credentials; ours takes its place below.
        '--customize-hook=rm -f "$1"/etc/apt/sources.list.d/0000*',
        f"--customize-hook=copy-in {settings} /etc/apt",
        '--customize-hook=mv "$1/etc/apt/apt.conf" "$1/etc/apt/apt.conf.d/90gauntlet"',
    ]
    if mirror.lines:
        argv.append(f"--customize-hook=copy-in {final_sources} /etc/apt")
    argv += [recipe.suite, "-"]
    if mirror.lines:
        start_sources = work / "bootstrap.list"
        start_sources.write_text(mirror.sources(credentials=True))
        start_sources.chmod(0o600)
        argv.append(str(start_sources))
    if machine.root:
        # mmdebstrap mounts /proc, /sys and /dev: if it is killed they must vanish with it, not wait to be deleted.
        return [unshare, "--mount", "--pid", "--fork", "--kill-child", "--", *argv]
    return argv


async def _run(
    argv: list[str], own: Mapping[str, str], environ: Mapping[str, str], blobs: Path, log: Callable[[str], None] | None
) -> Layer:
    """Run it, its standard output being the root file system's layer."""
    env = {
        **{name: value for name, value in environ.items() if name.lower() in {"http_proxy", "https_proxy", "no_proxy"}},
        "PATH": look(environ).path,
        **own,
        "LC_ALL": "C.UTF-8",
        "SOURCE_DATE_EPOCH": str(_EPOCH),
    }
    words: list[str] = []
    hasher = hashlib.sha256()
    size = 0
    part = blobs / "layer"
    async with await anyio.open_process(argv, stdin=subprocess.DEVNULL, env=env, start_new_session=True) as process:
        assert process.stdout is not None  # noqa: S101  the default is a pipe
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_listen, process, words, log)
                async with await anyio.open_file(part, "wb") as file:
                    async for data in process.stdout:
                        hasher.update(data)
                        size += len(data)
                        await file.write(data)
            code = await process.wait()
        except BaseException:
            process.terminate()
            with anyio.move_on_after(10, shield=True):
                await process.wait()
            raise
    if code:
        raise _failure(words, code)
    digest = hasher.hexdigest()
    part.rename(blobs / digest)
    return Layer(f"sha256:{digest}", size)


def _policy_layer() -> bytes:
    """A tar with /usr/sbin/policy-rc.d: packages installed later must not start their services in a build.

    A layer of its own, since mmdebstrap removes such a file at its end (it uses one itself).
    """
    stream = io.BytesIO()
    content = b"#!/bin/sh\nexit 101\n"
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo("usr/sbin/policy-rc.d")
        member.size, member.mode, member.mtime = len(content), 0o755, _EPOCH
        tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


async def _listen(process: anyio.abc.Process, words: list[str], log: Callable[[str], None] | None) -> None:
    assert process.stderr is not None  # noqa: S101  the default is a pipe
    rest = ""
    async for data in process.stderr:
        *lines, rest = (rest + data.decode(errors="replace")).replace("\r", "\n").split("\n")
        for line in filter(None, map(str.strip, lines)):
            words.append(line)
            if log and line.startswith(("I: ", "E: ")):
                log(line)
        del words[:-30]


def _failure(words: list[str], code: int) -> SolveFailed:
    said = "\n".join(words[-12:])
    return SolveFailed(
        f"The base image could not be bootstrapped: mmdebstrap exited with {code}.\n{said}",
        remedy="Check that `apt-get update` works on this machine: its Debian mirror is used. On a machine that is "
        "not Debian install debian-archive-keyring, or name another base image that a registry serves.",
    )


def _host_mirror(suite: str, environ: Mapping[str, str]) -> DebianMirror:
    release = _fields(Path("/etc/os-release"))
    if release.get("ID") != "debian":
        return DebianMirror(())
    dump = subprocess.run(
        ["apt-config", "dump"],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": look(environ).path},
    ).stdout
    codename = release.get("VERSION_CODENAME", "")
    return debian_mirror(_host_sources(Path("/etc/apt")), suite, codename, kept_options(dump))


def _host_sources(folder: Path) -> Iterator[AptSource]:
    one_line = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]
    for path in one_line:
        if path.is_file():
            yield from parse_one_line(path.read_text(errors="replace"))
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        yield from parse_deb822(path.read_text(errors="replace"))


def _fields(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
