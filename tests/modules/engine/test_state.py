import os
import stat
from pathlib import Path

import pytest

from gauntlet_engine.buildkit import EngineError
from gauntlet_engine.state import StateDirs, replace_file, state_dirs


def test_the_state_is_where_xdg_says_unless_named() -> None:
    assert state_dirs({"HOME": "/h"}).root == Path("/h/.local/state/gauntlet-engine")
    assert state_dirs({"HOME": "/h", "XDG_STATE_HOME": "/x"}).root == Path("/x/gauntlet-engine")
    assert state_dirs({"HOME": "/h", "XDG_STATE_HOME": "/x", "GAUNTLET_ENGINE_STATE": "/own"}).root == Path("/own")


def test_sockets_have_a_short_enough_path_wherever_the_state_is() -> None:
    assert state_dirs({"GAUNTLET_ENGINE_STATE": "/s"}).run == Path("/s/run")
    deep = state_dirs({"GAUNTLET_ENGINE_STATE": "/" + "d" * 200})
    other = state_dirs({"GAUNTLET_ENGINE_STATE": "/" + "e" * 200})
    assert len(os.fsencode(deep.run / "buildkitd.sock")) < 108
    assert deep.run != other.run


def test_directories_are_for_this_user_alone(tmp_path: Path) -> None:
    dirs = StateDirs(tmp_path / "a" / "state", tmp_path / "run")
    dirs.prepare()
    dirs.prepare()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (dirs.root, dirs.run)} == {0o700}


def test_a_state_of_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    dirs = StateDirs(tmp_path / "s", tmp_path / "s/run")
    dirs.prepare()
    (dirs.root / "layout").write_text("999")
    with pytest.raises(EngineError, match="another version") as caught:
        dirs.prepare()
    assert "GAUNTLET_ENGINE_STATE" in caught.value.diagnostics()
    assert (dirs.root / "layout").read_text() == "999"


def test_a_place_that_cannot_be_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="Cannot create"):
        StateDirs(tmp_path / "file" / "state", tmp_path / "run").prepare()


def test_a_replaced_file_is_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for data in (b"one", b"two"):
        replace_file(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]
