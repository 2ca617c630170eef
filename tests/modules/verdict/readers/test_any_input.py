"""What holds for every reader: no input that is not a whole report yields one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_verdict.readers import (
    Reader,
    ReportError,
    bandit,
    coverage,
    gitleaks,
    junit,
    pip_audit,
    ruff,
    ruff_format,
    sarif,
    semgrep,
)

if TYPE_CHECKING:
    from collections.abc import Callable

REPORTS = Path(__file__).parents[3] / "data" / "reports"
READERS: dict[str, Reader] = {
    "ruff/findings.json": ruff.read,
    "ruff-format/findings.json": ruff_format.read,
    "gitleaks/all.json": gitleaks.read,
    "bandit/findings.json": bandit.read,
    "semgrep/findings.json": semgrep.read,
    "pip-audit/findings.json": pip_audit.read,
    "junit/findings.xml": junit.read,
    "coverage/branches.xml": coverage.read,
    "sarif/ruff.sarif": sarif.read,
}
every_reader = pytest.mark.parametrize(("name", "read"), READERS.items(), ids=READERS)


@every_reader
def test_a_whole_report_is_read_from_text_and_bytes_alike(
    recorded: Callable[[str], bytes], name: str, read: Reader
) -> None:
    assert read(recorded(name)) == read(recorded(name).decode())


@every_reader
@pytest.mark.parametrize("nothing", [b"", b" \n", "", "\ufeff", b"\xef\xbb\xbf"])
def test_an_empty_report_is_an_error(name: str, read: Reader, nothing: str | bytes) -> None:
    with pytest.raises(ReportError, match="empty"):
        read(nothing)


@every_reader
@pytest.mark.parametrize(
    "other",
    [
        "null",
        "{}",
        "[1]",
        '"x"',
        '{"results": []}',
        "[NaN]",
        "<a/>",
        "<html>",
        "not a report",
        "[" * 100_000,
        "9" * 5000,
    ],
    ids=lambda text: text[:12],
)
def test_a_report_of_another_shape_is_an_error(name: str, read: Reader, other: str) -> None:
    with pytest.raises(ReportError):
        read(other)


@every_reader
@given(data=st.data())
def test_a_report_that_is_cut_off_anywhere_is_an_error(name: str, read: Reader, data: st.DataObject) -> None:
    whole = (REPORTS / name).read_bytes().rstrip()
    with pytest.raises(ReportError):
        read(whole[: data.draw(st.integers(0, len(whole) - 1))])


@every_reader
@given(junk=st.binary(max_size=200) | st.text(st.characters(exclude_categories=()), max_size=200))
def test_junk_never_ends_in_another_error(name: str, read: Reader, junk: str | bytes) -> None:
    with pytest.raises(ReportError):
        read(junk)


@every_reader
@given(data=st.data())
def test_a_damaged_byte_never_ends_in_another_error(name: str, read: Reader, data: st.DataObject) -> None:
    whole = bytearray((REPORTS / name).read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(whole))
    except ReportError as error:
        assert error.remedy  # noqa: PT017 - either outcome is right, any other error is not


@pytest.mark.parametrize("name", [name for name in READERS if not name.endswith("xml")])
def test_a_missing_field_is_named_by_its_place(recorded: Callable[[str], bytes], name: str) -> None:
    document: Any = json.loads(recorded(name))
    if isinstance(document, list):
        document[0] = {}
    else:
        document = {}
    with pytest.raises(ReportError) as caught:
        READERS[name](json.dumps(document))
    assert caught.value.where
    assert "required" in caught.value.why


@pytest.mark.parametrize("name", ["ruff/findings.json", "bandit/findings.json"])
def test_paths_are_taken_relative_to_the_root_that_is_named(recorded: Callable[[str], bytes], name: str) -> None:
    moved = recorded(name).replace(b"/src/", b"/work/tree/")
    expected = READERS[name](recorded(name)).findings
    assert READERS[name](moved, root="/work/tree").findings == expected
