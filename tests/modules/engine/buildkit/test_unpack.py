import io
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from gauntlet_engine.buildkit.unpack import UnpackError, unpack


def archive(*members: tuple[str, bytes, dict[str, Any]]) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind, more in members:
            content = more.pop("content", b"")
            info = tarfile.TarInfo(name)
            info.type = kind
            info.size = len(content)
            info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    stream.seek(0)
    return stream


def file(name: str, content: bytes = b"x", **more: Any) -> tuple[str, bytes, dict[str, Any]]:
    return name, tarfile.REGTYPE, {"content": content, **more}


def folder(name: str, **more: Any) -> tuple[str, bytes, dict[str, Any]]:
    return name, tarfile.DIRTYPE, more


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[str, bytes, dict[str, Any]]:
    return name, kind, {"linkname": target}


def test_files_modes_times_and_links_arrive(tmp_path: Path) -> None:
    members = (
        folder("d", mode=0o750, mtime=1000),
        file("d/f", b"content", mode=0o640, mtime=2000),
        link("d/l", "/usr/bin/python3"),
        link("d/h", "d/f", tarfile.LNKTYPE),
        link("elsewhere/h", "d/f", tarfile.LNKTYPE),
        file("orphan/parent/x"),
    )
    unpack(archive(*members), tmp_path / "out")
    out = tmp_path / "out"
    assert (out / "d/f").read_bytes() == b"content"
    assert stat.S_IMODE((out / "d/f").stat().st_mode) == 0o640
    assert stat.S_IMODE((out / "d").stat().st_mode) == 0o750
    assert ((out / "d/f").stat().st_mtime, (out / "d").stat().st_mtime) == (2000, 1000)
    assert (out / "d/l").readlink() == Path("/usr/bin/python3")
    assert (out / "d/h").samefile(out / "d/f")
    assert (out / "elsewhere/h").samefile(out / "d/f")
    assert (out / "orphan/parent/x").exists()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "a/.."])
def test_an_entry_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnpackError, match="outside"):
        unpack(archive(file(name)), tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_an_absolute_name_lands_below_the_destination(tmp_path: Path) -> None:
    unpack(archive(file("/etc/evil")), tmp_path / "out")
    assert (tmp_path / "out/etc/evil").exists()


def test_a_link_out_of_the_tree_is_never_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("safe")
    members = (link("d", str(outside)), file("d/victim", b"owned"), link("f", str(outside / "victim")), file("f"))
    unpack(archive(*members), tmp_path / "out")
    assert (outside / "victim").read_text() == "safe"
    assert (tmp_path / "out/d/victim").read_bytes() == b"owned"
    assert (tmp_path / "out/f").read_bytes() == b"x"


def test_links_that_were_there_before_are_replaced_and_not_followed(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (out / "d").symlink_to(outside)
    unpack(archive(folder("d"), file("d/x")), out)
    assert not (outside / "x").exists()
    assert (out / "d/x").exists()


def test_a_hard_link_to_something_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    with pytest.raises(UnpackError):
        unpack(archive(link("h", "../secret", tarfile.LNKTYPE)), tmp_path / "out")
    (tmp_path / "out/d").symlink_to(tmp_path)
    with pytest.raises(UnpackError):
        unpack(archive(link("h", "d/secret", tarfile.LNKTYPE)), tmp_path / "out")


def test_setuid_bits_and_devices_do_not_come_along(tmp_path: Path) -> None:
    unpack(archive(file("s", mode=0o6755), ("dev", tarfile.CHRTYPE, {}), ("p", tarfile.FIFOTYPE, {})), tmp_path)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o755
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s"]


def test_a_read_only_directory_can_be_filled_and_filled_again(tmp_path: Path) -> None:
    for content in (b"1", b"2"):
        unpack(archive(folder("ro", mode=0o555), file("ro/f", content, mode=0o444)), tmp_path)
        assert (tmp_path / "ro/f").read_bytes() == content
    assert stat.S_IMODE((tmp_path / "ro").stat().st_mode) == 0o555


def test_what_is_already_there_stays_unless_wiped(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/file").write_text("o")
    (tmp_path / "link").symlink_to("/etc")
    unpack(archive(file("new")), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "new", "old"]
    unpack(archive(file("new")), tmp_path, wipe=True)
    assert [p.name for p in tmp_path.iterdir()] == ["new"]
    assert Path("/etc/passwd").exists()


def test_a_file_takes_the_place_of_a_directory_and_back(tmp_path: Path) -> None:
    unpack(archive(folder("x"), file("x/y")), tmp_path)
    unpack(archive(file("x")), tmp_path)
    assert (tmp_path / "x").is_file()
    unpack(archive(folder("x"), file("x/y")), tmp_path)
    assert (tmp_path / "x/y").is_file()


def test_a_stream_cut_short_is_an_error(tmp_path: Path) -> None:
    whole = archive(file("big", b"x" * 100_000)).getvalue()
    with pytest.raises(UnpackError):
        unpack(io.BytesIO(whole[:60_000]), tmp_path)
