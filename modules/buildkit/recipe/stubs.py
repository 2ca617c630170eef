"""Python gRPC stubs from the .proto files of the pinned Go modules.

The generated tree mirrors the .proto paths (`github/com/moby/…`) but is rooted under `gauntlet_buildkit.pb`:
a top-level `github` package would collide with PyGithub's.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = "gauntlet_buildkit.pb"
BUILDKIT = "github.com/moby/buildkit"


class Proto(NamedTuple):
    """A .proto file: the Go module that has it and its path inside."""

    module: str
    path: str


PROTOS = (
    *(
        Proto(BUILDKIT, path)
        for path in (
            "api/services/control/control.proto",
            "api/types/worker.proto",
            "frontend/gateway/pb/gateway.proto",
            "session/auth/auth.proto",
            "session/exporter/exporter.proto",
            "session/filesync/filesync.proto",
            "session/secrets/secrets.proto",
            "session/sshforward/ssh.proto",
            "session/upload/upload.proto",
            "solver/errdefs/errdefs.proto",
            "solver/pb/ops.proto",
            "sourcepolicy/pb/policy.proto",
            "sourcepolicy/policysession/policysession.proto",
            "util/apicaps/pb/caps.proto",
            "util/stack/stack.proto",
        )
    ),
    Proto("github.com/tonistiigi/fsutil", "types/stat.proto"),
    Proto("github.com/tonistiigi/fsutil", "types/wire.proto"),
    Proto("github.com/planetscale/vtprotobuf", "include/github.com/planetscale/vtprotobuf/vtproto/ext.proto"),
    Proto("github.com/containerd/containerd/api", "services/content/v1/content.proto"),
)
GO_MODULES = tuple(dict.fromkeys(proto.module for proto in PROTOS))

# vtprotobuf keeps its one .proto under an include directory of its own.
_INCLUDE = "include/"
_IMPORT = re.compile(r"^(from|import) github\.com\b", re.MULTILINE)
_MODULE_NAME = re.compile(r"(BuildTopDescriptorsAndMessages\(DESCRIPTOR, ')github\.com")


class StubError(Exception):
    """The protocol compiler refused its input."""


def import_path(proto: Proto) -> str:
    """The path by which other .proto files import this one.

    Returns:
        Such as `github.com/moby/buildkit/solver/pb/ops.proto`.
    """
    if proto.path.startswith(_INCLUDE):
        return proto.path.removeprefix(_INCLUDE)
    return f"{proto.module}/{proto.path}"


def reroot(source: str) -> str:
    """A generated module's source with its imports of other stubs moved under `ROOT`."""
    return _MODULE_NAME.sub(rf"\g<1>{ROOT}.github.com", _IMPORT.sub(rf"\1 {ROOT}.github.com", source))


def generate(module_dirs: dict[str, Path], target: Path, work: Path) -> None:
    """Replaces `target` by freshly generated stubs.

    Args:
        module_dirs: Where each of `GO_MODULES` is unpacked.
        target: The package directory `pb`; it appears only when complete.
        work: An empty scratch directory on the same file system.

    Raises:
        StubError: protoc failed, with its own words.
    """
    protos, out = work / "proto", work / "pb"
    for proto in PROTOS:
        copy = protos / import_path(proto)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module_dirs[proto.module] / proto.path, copy)
    out.mkdir(parents=True)
    _protoc(protos, out)
    _settle(out)
    if target.exists():
        target.rename(work / "old")  # somebody may be importing it
    out.rename(target)


def _protoc(protos: Path, out: Path) -> None:
    includes = [protos, _installed("grpc_tools") / "_proto", _installed("google.rpc").parents[1]]
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        *(f"--proto_path={path}" for path in includes),
        *(f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")),
        *(import_path(proto) for proto in PROTOS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StubError(f"protoc ended with code {done.returncode} on {len(PROTOS)} files:\n{done.stderr.strip()}")


def _installed(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StubError(f"{package} is not installed in the build environment")
    return Path(next(iter(spec.submodule_search_locations)))


def _settle(out: Path) -> None:
    """Moves `github.com` (not importable) to `github/com`, re-roots imports and makes packages of directories."""
    dotted = out / "github.com"
    if dotted.exists():
        (out / "github").mkdir(exist_ok=True)
        dotted.rename(out / "github" / "com")
    for path in [*out.rglob("*.py"), *out.rglob("*.pyi")]:
        path.write_text(reroot(path.read_text()))
    for directory in [out, *(path for path in out.rglob("*") if path.is_dir())]:
        (directory / "__init__.py").touch()
