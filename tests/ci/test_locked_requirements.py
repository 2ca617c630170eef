from __future__ import annotations

import pytest

from gauntlet.locked_requirements import LockError, from_pdm, from_poetry, poetry_requirements, specifier

LINUX = {
    "python_version": "3.13", "python_full_version": "3.13.5", "sys_platform": "linux", "os_name": "posix",
    "platform_system": "Linux", "platform_machine": "x86_64", "implementation_name": "cpython",
    "platform_python_implementation": "CPython", "implementation_version": "3.13.5", "extra": "",
}  # fmt: skip


def package(name: str, *more: str, files: bool = True) -> str:
    lines = ["[[package]]", f'name = "{name}"', 'version = "1.0"', *more]
    if files:
        lines.append('files = [{file = "a.whl", hash = "sha256:bb"}, {file = "a.tgz", hash = "sha256:aa"}]')
    return "\n".join(lines) + "\n\n"


def test_poetrys_packages_keep_their_versions_and_hashes() -> None:
    read = from_poetry(package("six") + package("click"), LINUX, ())
    assert read.lines == (
        "click==1.0 --hash=sha256:aa --hash=sha256:bb",
        "six==1.0 --hash=sha256:aa --hash=sha256:bb",
    )
    assert read.hashed


def test_poetry_2_packages_of_other_machines_are_left_out() -> None:
    lock = package("pywin32", 'groups = ["main"]', "markers = \"sys_platform == 'win32'\"") + package("six")
    assert [line.split("==")[0] for line in from_poetry(lock, LINUX, ()).lines] == ["six"]


def test_poetry_2_markers_by_group_hold_if_one_of_them_does() -> None:
    marker = "markers = {main = \"sys_platform == 'win32'\", dev = \"python_version >= '3.8'\"}"
    lock = package("colorama", 'groups = ["main", "dev"]', marker)
    assert len(from_poetry(lock, LINUX, ()).lines) == 1


def test_what_only_an_extra_asks_for_comes_with_it() -> None:
    lock = package("click", 'groups = ["main"]', 'markers = "extra == \\"cli\\""')
    assert from_poetry(lock, LINUX, ()).lines == ()
    assert len(from_poetry(lock, LINUX, (), ("cli",)).lines) == 1


def test_poetry_1_packages_are_left_out_where_nobody_here_asks_for_them() -> None:
    asking = '[package.dependencies]\ncolorama = {version = "*", markers = "sys_platform == \'win32\'"}\nsix = "*"'
    lock = package("click") + asking + "\n\n" + package("colorama") + package("six")
    assert [line.split("==")[0] for line in from_poetry(lock, LINUX, ("click",)).lines] == ["click", "six"]
    assert len(from_poetry(lock, LINUX, ("click", "colorama")).lines) == 3


def test_poetry_1_hashes_stand_at_the_end_of_the_file() -> None:
    lock = package("six", files=False) + '[metadata.files]\nsix = [{file = "a", hash = "sha256:cc"}]\n'
    assert from_poetry(lock, LINUX, ()).lines == ("six==1.0 --hash=sha256:cc",)


def test_a_package_from_git_has_no_hash_and_so_none_can_be_insisted_on() -> None:
    source = '[package.source]\ntype = "git"\nurl = "https://git.example/x.git"\nresolved_reference = "abc"\n'
    read = from_poetry(package("x", files=False) + source + package("six"), LINUX, ())
    assert "x @ git+https://git.example/x.git@abc" in read.lines
    assert not read.hashed


def test_a_folder_of_the_source_is_on_the_path_and_not_installed() -> None:
    lock = package("lib", files=False) + '[package.source]\ntype = "directory"\nurl = "lib"\n'
    assert from_poetry(lock, LINUX, ()).lines == ()


def test_documentation_groups_are_left_out() -> None:
    assert from_poetry(package("sphinx", 'groups = ["docs"]'), LINUX, ()).lines == ()


def test_pdms_packages_follow_their_markers_and_an_extra_is_no_second_package() -> None:
    lock = package("six", 'groups = ["default"]') + package("six", 'extras = ["x"]')
    lock += package("colorama", "marker = \"sys_platform == 'win32'\"")
    assert from_pdm(lock, LINUX).lines == ("six==1.0 --hash=sha256:aa --hash=sha256:bb",)


@pytest.mark.parametrize("lock", ["[[package", '[[package]]\nname = "x"\n', package("x", 'markers = "nonsense here"')])
def test_a_broken_lock_is_an_error_of_its_own(lock: str) -> None:
    with pytest.raises(LockError):
        from_poetry(lock, LINUX, ())


@pytest.mark.parametrize(
    ("constraint", "means"),
    [
        ("^1.2.3", ">=1.2.3,<2"), ("^1.2", ">=1.2,<2"), ("^0.2.3", ">=0.2.3,<0.3"), ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"), ("~1.2.3", ">=1.2.3,<1.3"), ("~1.2", ">=1.2,<1.3"), ("~1", ">=1,<2"), ("*", ""),
        ("1.*", "==1.*"), (">= 1.2, <2", ">=1.2,<2"), ("1.2.3", "==1.2.3"), ("~=1.4", "~=1.4"),
    ],
)  # fmt: skip
def test_poetrys_constraints_mean_what_its_documentation_says(constraint: str, means: str) -> None:
    assert specifier(constraint) == means


def test_what_a_poetry_manifest_asks_for_becomes_pep_508() -> None:
    tables = {
        "dependencies": {
            "python": "^3.11",
            "requests": {"version": "^2.31", "extras": ["socks"], "markers": "sys_platform == 'linux'"},
            "tool": {"git": "https://git.example/t.git", "rev": "abc"},
            "hidden": {"version": "1", "optional": True},
            "lib": {"path": "lib"},
        },
        "group": {"test": {"dependencies": {"pytest": ">=8"}}, "docs": {"dependencies": {"sphinx": "*"}}},
    }
    assert poetry_requirements({"tool": {"poetry": tables}}, ["test"]) == (
        'requests[socks]<3,>=2.31; sys_platform == "linux"',
        "tool @ git+https://git.example/t.git@abc",
        "pytest>=8",
    )
