import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine.buildkit import SolveFailed
from gauntlet_engine.image_reference import parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("user/app", "docker.io/user/app:latest"),
        ("docker.io/alpine", "docker.io/library/alpine:latest"),
        ("index.docker.io/alpine", "docker.io/library/alpine:latest"),
        ("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1"),
        ("localhost/a", "localhost/a:latest"),
        ("localhost:5000/a:b", "localhost:5000/a:b"),
        ("[::1]:5000/a", "[::1]:5000/a:latest"),
        (f"alpine@{DIGEST}", f"docker.io/library/alpine@{DIGEST}"),
        (f"a.example/x:1@{DIGEST}", f"a.example/x:1@{DIGEST}"),
        ("Upper.Case/x", "Upper.Case/x:latest"),
        ("a__b/c-d.e", "docker.io/a__b/c-d.e:latest"),
    ],
)
def test_references_are_read_as_docker_reads_them(written: str, full: str) -> None:
    assert str(parse_reference(written)) == full


@pytest.mark.parametrize(
    "written",
    ["", ":", "a:", "A", "a b", "a//b", "/a", "a/", "a:b:c", "a@b", "a@", "-a", "a:" + "x" * 129, "ä", "a@sha256:12"],
)
def test_what_is_no_reference_is_refused(written: str) -> None:
    with pytest.raises(SolveFailed, match="not an image reference"):
        parse_reference(written)


@given(st.text(max_size=30))
def test_a_full_reference_reads_as_itself(text: str) -> None:
    try:
        reference = parse_reference(text)
    except SolveFailed:
        return
    assert parse_reference(str(reference)) == reference
