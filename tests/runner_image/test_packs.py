"""The packs' locks: exact, hashed, from a package index, and told to everybody."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from gauntlet.stage import registered
from gauntlet.stages import load_stages
from gauntlet.tools import ToolPacks, UnknownPackError, runner_image

FOLDER = Path(__file__).parents[2] / "runner-image"
PACKS = sorted(path.parent.name for path in FOLDER.glob("*/pyproject.toml"))


def project_of(pack: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / pack / "pyproject.toml").read_text())


def lock_of(pack: str) -> list[dict[str, Any]]:
    return tomllib.loads((FOLDER / pack / "uv.lock").read_text())["package"]


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_pins_its_tool_exactly_and_its_lock_agrees(pack: str) -> None:
    tool = Requirement(project_of(pack)["project"]["dependencies"][0])
    locked = {package["name"]: package["version"] for package in lock_of(pack)}
    assert str(tool.specifier) == f"=={locked[tool.name]}"
    assert project_of(pack)["project"]["name"] == f"gauntlet-pack-{pack}"


@pytest.mark.parametrize("pack", PACKS)
def test_everything_in_a_lock_has_a_hash_and_comes_as_a_wheel_from_an_index(pack: str) -> None:
    for package in lock_of(pack):
        if package["source"] == {"virtual": "."}:
            continue
        assert set(package["source"]) == {"registry"}, package["name"]
        assert package["wheels"], package["name"]
        assert all(wheel["hash"].startswith("sha256:") for wheel in package["wheels"]), package["name"]


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_serves_every_python_of_our_images(pack: str) -> None:
    assert project_of(pack)["project"]["requires-python"] == ">=3.11,<3.14"


def test_uv_is_locked_by_hashes_too() -> None:
    text = (FOLDER / "uv/requirements.txt").read_text()
    source = (FOLDER / "uv/requirements.in").read_text()
    pinned = re.search(r"^uv==(\S+)", text, re.MULTILINE)
    assert pinned is not None
    assert f"uv=={pinned[1]}" in source
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) > 10


def test_the_readme_tells_every_pack_and_every_rule() -> None:
    readme = (FOLDER / "README.md").read_text()
    rules = [path.stem for path in (FOLDER / "semgrep/rules").glob("*.yaml")]
    assert len(rules) >= 8
    missing = [name for name in ["uv", *PACKS, *rules] if f"`{name}`" not in readme]
    assert missing == []


def test_every_stage_names_packs_that_exist() -> None:
    load_stages()
    named = {pack for stage in registered().values() for pack in stage.tools}
    assert named - {"uv", *PACKS} == set()


def packs() -> ToolPacks:
    return ToolPacks(image=None, folder=FOLDER)  # pyright: ignore[reportArgumentType] - nothing is built here


def test_versions_are_the_locks_versions() -> None:
    names = ["uv", *PACKS]
    versions = packs().versions(*names)
    assert set(versions) == set(names)
    assert all(re.fullmatch(r"\d+(\.\w+)+", version) for version in versions.values())


def test_a_locks_digest_changes_with_the_lock_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "uv.lock").write_text(f"version = 1 # {name}")
    here = ToolPacks(image=None, folder=tmp_path)  # pyright: ignore[reportArgumentType] - nothing is built here
    before = here.digests("a", "b")
    (tmp_path / "a/uv.lock").write_text("version = 2")
    after = here.digests("a", "b")
    assert before["a"] != after["a"]
    assert before["b"] == after["b"] != after["a"]


def test_an_unknown_pack_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(UnknownPackError, match=r"'rust'.*uv, bandit, .*ruff"):
        packs().versions("rust")


def test_the_folder_is_found_in_the_clone() -> None:
    assert runner_image().joinpath("ruff", "uv.lock").read_text(encoding="utf-8").startswith("version = 1")
