"""What the installed package carries."""

from __future__ import annotations

import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import gauntlet_buildkit
from gauntlet_buildkit import api

MODULE = Path(__file__).resolve().parents[3] / "modules/buildkit"
BINARIES = (gauntlet_buildkit.buildkitd, gauntlet_buildkit.exec_shim)


def test_the_daemon_is_the_release_that_the_package_names() -> None:
    said = subprocess.run([gauntlet_buildkit.buildkitd(), "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["buildkitd", "github.com/moby/buildkit", gauntlet_buildkit.VERSION]


def test_every_place_names_the_same_release() -> None:
    project = tomllib.loads((MODULE / "pyproject.toml").read_text())["project"]
    assert f"github.com/moby/buildkit {gauntlet_buildkit.VERSION} " in (MODULE / "go.mod").read_text()
    assert f"v{project['version']}" == gauntlet_buildkit.VERSION
    assert f"v{metadata.version('gauntlet-buildkit')}" == gauntlet_buildkit.VERSION


@pytest.mark.parametrize("binary", BINARIES)
def test_binaries_need_no_loader_and_so_run_in_any_image(binary: type[Path]) -> None:
    path = binary()
    assert path.is_absolute()
    image = path.read_bytes()
    assert image.startswith(b"\x7fELF")
    assert b"ld-linux" not in image[:4096]
    assert b"ld-musl" not in image[:4096]


def test_a_package_that_was_never_built_says_how_to_build_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauntlet_buildkit, "_BIN", tmp_path)
    with pytest.raises(FileNotFoundError, match="--reinstall-package gauntlet-buildkit"):
        gauntlet_buildkit.buildkitd()


def test_every_short_name_is_a_module_of_stubs() -> None:
    for name in api.__all__:
        module = getattr(api, name)
        if name.endswith("_pb2"):
            assert module.DESCRIPTOR.name.startswith("github.com/"), name
        else:
            assert "Stub" in " ".join(dir(module)), name


def test_the_stubs_have_the_services_that_the_engine_talks_to() -> None:
    services = {
        service.full_name: set(service.methods_by_name)
        for name in api.__all__
        if name.endswith("_pb2")
        for service in getattr(api, name).DESCRIPTOR.services_by_name.values()
    }
    assert services["moby.buildkit.v1.Control"] >= {"Solve", "Session", "Status", "Info", "Prune", "DiskUsage"}
    assert services["moby.buildkit.v1.frontend.LLBBridge"] >= {"Solve", "ReadFile", "ResolveSourceMeta", "Return"}
    assert services["moby.filesync.v1.FileSync"] >= {"DiffCopy"}
    assert services["moby.filesync.v1.FileSend"] >= {"DiffCopy"}
    assert services["containerd.services.content.v1.Content"] >= {"Info", "Read"}
    assert services["moby.buildkit.secrets.v1.Secrets"] == {"GetSecret"}


def test_an_operation_survives_the_wire() -> None:
    root = api.ops_pb2.Mount(dest="/", input=0, output=0)
    op = api.ops_pb2.Op(exec=api.ops_pb2.ExecOp(meta=api.ops_pb2.Meta(args=["true"], cwd="/"), mounts=[root]))
    wire = op.SerializeToString(deterministic=True)
    assert api.ops_pb2.Op.FromString(wire) == op
    assert api.control_pb2.SolveRequest(Ref="r", Internal=True).Internal


def test_no_top_level_package_is_taken() -> None:
    files = metadata.files("gauntlet-buildkit") or []
    assert {file.parts[0] for file in files if file.suffix == ".py"} <= {"gauntlet_buildkit"}
    assert api.ops_pb2.Op.__module__ == "gauntlet_buildkit.pb.github.com.moby.buildkit.solver.pb.ops_pb2"
