from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_verdict.readers.source_path import relative


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/src/a.py", "a.py"),
        ("/src//pkg/./a.py", "pkg/a.py"),
        ("./a.py", "a.py"),
        ("a.py", "a.py"),
        ("/src", "."),
        ("/srcother/a.py", "/srcother/a.py"),
        ("/src/../etc/passwd", "/etc/passwd"),
        ("/src/caf\udce9.py", "caf\udce9.py"),
        ("/src/a b\n.py", "a b\n.py"),
        ("", ""),
    ],
)
def test_a_path_is_relative_to_the_root(path: str, expected: str) -> None:
    assert relative(path, "/src") == expected


def test_a_trailing_slash_of_the_root_means_nothing() -> None:
    assert relative("/src/a.py", "/src/") == relative("/src/a.py", "/src") == "a.py"
    assert relative("/a.py", "/") == "a.py"


@given(st.text(st.characters(exclude_categories=(), exclude_characters="\x00/"), min_size=1))
def test_any_name_survives_and_twice_is_once(name: str) -> None:
    path = relative(f"/src/{name}", "/src")
    assert path == relative(path, "/src")
    if name not in {".", ".."}:
        assert path == posixpath.normpath(name)
