from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine.graph import (
    Action,
    Bind,
    Cache,
    Copy,
    Exec,
    FileChange,
    Mkdir,
    Mkfile,
    Output,
    Remove,
    SecretFile,
    Source,
    Symlink,
    Tmpfs,
)

PLATFORM = "linux/amd64"
BASE = Output(Source(platform=PLATFORM, name="base", identifier="docker-image://docker.io/library/x@sha256:00"))

paths = st.text("abc/. -é", min_size=1, max_size=12).map(lambda text: f"/{text}")
owners = st.none()
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(Mkdir, paths, mode=st.integers(0, 0o777), owner=owners),
    st.builds(Mkfile, paths, st.binary(max_size=20), mode=st.integers(0, 0o777), owner=owners),
    st.builds(Symlink, paths, paths),
    st.builds(Remove, paths, wildcard=st.booleans()),
    st.builds(Copy, st.sampled_from([None, BASE]), paths, paths, contents=st.booleans(), owner=owners),
)
changes = st.lists(actions, min_size=1, max_size=5).map(tuple)


def change(made: tuple[Action, ...], *, name: str = "change", platform: str = PLATFORM) -> FileChange:
    return FileChange(platform=platform, name=name, base=BASE, actions=made)


def process(*, args: tuple[str, ...] = ("true",), env: tuple[tuple[str, str], ...] = (), cache: str = "v") -> Exec:
    mounts = (
        Bind("/.gauntlet/meta", None, kept=True),
        Bind("/src", BASE, "/src", kept=True),
        Cache("/cache", cache),
        Tmpfs("/tmp", 1024),
        SecretFile("/run/secret", "token"),
    )
    return Exec(platform=PLATFORM, name="run", args=args, env=env, cwd="/", root=BASE, mounts=mounts)


@given(changes)
def test_the_same_change_has_the_same_digest(made: tuple[Action, ...]) -> None:
    assert change(made).digest == change(made).digest
    assert change(made).data == change(made).data


@given(changes, changes)
def test_different_changes_have_different_digests(one: tuple[Action, ...], other: tuple[Action, ...]) -> None:
    assert (change(one).digest == change(other).digest) == (one == other)


@given(changes, st.text(max_size=20))
def test_a_name_is_no_part_of_the_digest(made: tuple[Action, ...], name: str) -> None:
    assert change(made, name=name).digest == change(made).digest


def test_the_platform_is_part_of_the_digest() -> None:
    made = (Mkdir("/a"),)
    assert change(made).digest != change(made, platform="linux/arm64").digest


def test_what_lies_below_is_part_of_the_digest() -> None:
    first = FileChange(platform=PLATFORM, name="a", base=None, actions=(Mkfile("/a", b"1"),))
    second = FileChange(platform=PLATFORM, name="a", base=None, actions=(Mkfile("/a", b"2"),))
    on_first = FileChange(platform=PLATFORM, name="b", base=Output(first), actions=(Mkdir("/b"),))
    on_second = FileChange(platform=PLATFORM, name="b", base=Output(second), actions=(Mkdir("/b"),))
    assert on_first.digest != on_second.digest


def test_arguments_environment_and_volume_are_part_of_an_execs_digest() -> None:
    digests = {
        process().digest,
        process(args=("false",)).digest,
        process(env=(("A", "1"),)).digest,
        process(cache="w").digest,
    }
    assert len(digests) == 4


def test_the_digest_of_an_op_never_changes_between_versions() -> None:
    # A moved digest empties everybody's cache: it must be on purpose.
    assert process().digest == "sha256:c8bb68f8c7e2a70305227f6a89b12b4e922b32d437b2312bea34202095023e8c"
