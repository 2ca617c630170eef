import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from gauntlet_engine.buildkit.stat import go_mode, posix_mode
from gauntlet_engine.buildkit.walk import Selection, WalkError, followed, walk


def grow(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


def paths(root: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), **more: bool) -> list[str]:
    return [entry.path for entry in walk(root, [Selection(include, exclude)], **more)]


def test_a_directory_comes_before_its_entries_and_siblings_sort_by_bytes(tmp_path: Path) -> None:
    grow(tmp_path, "a/z", "a.b", "a/b/c", "Z", "é", "a-b")
    assert paths(tmp_path) == ["Z", "a", "a/b", "a/b/c", "a/z", "a-b", "a.b", "é"]


def test_parents_of_what_is_included_are_sent_and_no_other_directory(tmp_path: Path) -> None:
    grow(tmp_path, "src/deep/x.py", "src/other/y.txt", "docs/z.md")
    assert paths(tmp_path, ("**/*.py",)) == ["src", "src/deep", "src/deep/x.py"]


def test_excluded_directories_are_not_even_opened(tmp_path: Path) -> None:
    grow(tmp_path, "keep", "secret/x")
    (tmp_path / "secret").chmod(0)
    try:
        assert paths(tmp_path, exclude=("secret",)) == ["keep"]
    finally:
        (tmp_path / "secret").chmod(0o700)


def test_exclude_wins_over_include_and_takes_back_with_a_bang(tmp_path: Path) -> None:
    grow(tmp_path, "a/1", "a/2", "a/3", "b/1")
    assert paths(tmp_path, ("a",), ("a/*", "!a/2")) == ["a", "a/2"]


def test_two_selections_both_have_to_agree(tmp_path: Path) -> None:
    grow(tmp_path, "a.py", "b.py", "c.txt")
    entries = walk(tmp_path, [Selection(("*.py",)), Selection(exclude=("b*",))])
    assert [entry.path for entry in entries] == ["a.py"]


def test_owners_are_root_and_times_and_modes_the_files_own(tmp_path: Path) -> None:
    grow(tmp_path, "tool")
    (tmp_path / "tool").chmod(0o4751)
    os.utime(tmp_path / "tool", ns=(1, 1_700_000_000_123_456_789))
    (entry,) = walk(tmp_path, [])
    assert (entry.uid, entry.gid, entry.mod_time, entry.size) == (0, 0, 1_700_000_000_123_456_789, 4)
    assert stat.S_IMODE(posix_mode(entry.mode)) == 0o4751


def test_symlinks_are_sent_as_they_are_also_dangling_and_in_a_loop(tmp_path: Path) -> None:
    for name, target in (("out", "/etc/passwd"), ("loop", "loop"), ("up", ".."), ("gone", "nowhere")):
        (tmp_path / name).symlink_to(target)
    found = {entry.path: entry.linkname for entry in walk(tmp_path, [])}
    assert found == {"out": "/etc/passwd", "loop": "loop", "up": "..", "gone": "nowhere"}


def test_a_second_name_of_a_file_is_a_hard_link_to_the_first_one_sent(tmp_path: Path) -> None:
    grow(tmp_path, "a", "z/keep")
    os.link(tmp_path / "a", tmp_path / "b")
    os.link(tmp_path / "a", tmp_path / "z/c")
    links = {entry.path: entry.linkname for entry in walk(tmp_path, []) if not entry.path.endswith(("z", "keep"))}
    assert links == {"a": "", "b": "a", "z/c": "a"}
    without_first = {entry.path: entry.linkname for entry in walk(tmp_path, [Selection(exclude=("a", "z/keep"))])}
    assert without_first == {"b": "", "z": "", "z/c": "b"}


def test_sockets_and_named_pipes_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))
        (tmp_path / "file").touch()
        assert paths(tmp_path) == ["file"]


def test_names_with_any_bytes_are_sent(tmp_path: Path) -> None:
    for name in (b"new\nline", b"sp ace", b"caf\xe9", b"\xff"):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_text("x")
    assert [os.fsencode(path) for path in paths(tmp_path)] == [b"caf\xe9", b"new\nline", b"sp ace", b"\xff"]


def test_no_such_directory_and_a_file_are_errors_that_name_the_path(tmp_path: Path) -> None:
    grow(tmp_path, "file")
    with pytest.raises(WalkError, match=r"nope does not exist"):
        list(walk(tmp_path / "nope", []))
    with pytest.raises(WalkError, match=r"file is not a directory"):
        list(walk(tmp_path / "file", []))


def test_followed_paths_bring_their_links_targets_and_stay_inside(tmp_path: Path) -> None:
    grow(tmp_path, "real/data.txt", "other")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "out").symlink_to("../../../other")
    assert followed(tmp_path, ["link/data.txt", "out"]) == ["link", "other", "out", "real/data.txt"]


def test_a_followed_loop_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert set(followed(tmp_path, ["a/x"])) == {"a", "b"}


@pytest.mark.parametrize("mode", [0o100644, 0o104755, 0o102755, 0o041777, 0o120777, 0o010600, 0o020600, 0o060600])
def test_file_modes_survive_gos_notation(mode: int) -> None:
    assert posix_mode(go_mode(mode)) == mode


GITIGNORE_TREE = {
    ".gitignore": "*.log\n!keep.log\n/build/\ncache\n# comment\n\\#odd\ndocs/**/*.tmp\n",
    "a.log": "", "keep.log": "", "build/x": "", "src/build/y": "", "src/cache/z": "", "#odd": "", "docs/a/b/c.tmp": "",
    "docs/a/b/c.md": "", "src/.gitignore": "!b.log\nlocal.txt\n", "src/b.log": "", "src/c.log": "",
    "src/local.txt": "", "local.txt": "", "src/deep/local.txt": "", "vendor/.gitignore": "*\n!.gitignore\n",
    "vendor/lib/x.py": "", "plain.py": "",
}  # fmt: skip


def test_gitignore_leaves_out_exactly_what_git_leaves_out(tmp_path: Path) -> None:
    for path, text in GITIGNORE_TREE.items():
        grow(tmp_path, path)
        (tmp_path / path).write_text(text)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".git/info/exclude").write_text("plain.py\n")
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-z", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    ours = [path for path in paths(tmp_path, exclude=(".git",), gitignore=True) if not (tmp_path / path).is_dir()]
    assert sorted(ours) == sorted(filter(None, listed.split("\0")))


def test_gitignore_of_the_work_tree_holds_in_a_folder_of_it(tmp_path: Path) -> None:
    grow(tmp_path, "pkg/a.py", "pkg/a.pyc", "pkg/out/x", "other/y")
    (tmp_path / ".gitignore").write_text("*.pyc\n/pkg/out\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert paths(tmp_path / "pkg", gitignore=True) == ["a.py"]
