"""What lock files pin."""

from __future__ import annotations

import pytest

from gauntlet_checks.pins import Pins, normalised, pins_of

UV = """
version = 1
[[package]]
name = "orders"
version = "1.0"
source = { editable = "." }
[[package]]
name = "tool"
source = { virtual = "tools" }
[[package]]
name = "Ruamel.Yaml"
version = "0.18"
source = { registry = "https://index.example/simple" }
[[package]]
name = "fork"
version = "2.0"
source = { git = "https://git.example/fork?rev=1#abc" }
"""
POETRY = """
[[package]]
name = "requests"
version = "2.31.0"
[[package]]
name = "mine"
version = "0.1"
[package.source]
type = "directory"
url = "../mine"
"""
PDM = """
[[package]]
name = "requests"
version = "2.31.0"
[[package]]
name = "mine"
version = "0.1"
path = "./mine"
"""
PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "requests"
version = "2.31.0"
[[packages]]
name = "mine"
directory = { path = "." }
[[packages]]
name = "unversioned"
"""
REQUIREMENTS = """
# comment
-r other.txt
--index-url https://index.example/simple
requests[socks]==2.31.0 ; python_version >= "3.8" \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
Django == 4.2  # why
flask>=2
local @ file:///src/local
wild==1.*
exact===1.0+local
"""


def test_a_uv_lock_pins_everything_but_the_projects_own_folders() -> None:
    assert pins_of(UV, "uv") == Pins((("fork", "2.0"), ("ruamel-yaml", "0.18")))


@pytest.mark.parametrize(("text", "kind"), [(POETRY, "poetry"), (PDM, "pdm")])
def test_poetry_and_pdm_locks_leave_their_own_folders_out(text: str, kind: str) -> None:
    assert pins_of(text, kind) == Pins((("requests", "2.31.0"),))


def test_a_package_without_a_version_is_told_and_not_dropped() -> None:
    assert pins_of(PYLOCK, "pylock") == Pins((("requests", "2.31.0"),), ("unversioned",))


def test_requirements_are_pinned_only_by_an_exact_version() -> None:
    pins = pins_of(REQUIREMENTS, "pip")
    assert pins.pinned == (("django", "4.2"), ("exact", "1.0+local"), ("requests", "2.31.0"))
    assert pins.unpinned == ("flask", "local", "wild")


@pytest.mark.parametrize("text", ["[[package", "package = 3", "[[package]]\nversion = '1'"])
def test_a_damaged_lock_is_an_error_and_never_an_empty_list(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        pins_of(text, "uv")


def test_merging_keeps_every_version_of_a_package() -> None:
    merged = Pins((("a", "1"),), ("b",)).merged(Pins((("a", "2"), ("a", "1")), ("c",)))
    assert merged == Pins((("a", "1"), ("a", "2")), ("b", "c"))


def test_names_are_compared_as_indexes_compare_them() -> None:
    assert normalised("Zope.Interface__x") == "zope-interface-x"
