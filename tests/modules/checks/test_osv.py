"""Which advisories hold for a version, by the evaluation of the OSV schema; and the server that answers so."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_checks.osv import affects, in_range, load
from gauntlet_checks.osv_server import serving

if TYPE_CHECKING:
    from pathlib import Path


def advisory(**changes: Any) -> dict[str, Any]:
    affected = {
        "package": {"name": "Acme_Http", "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
    }
    return {"id": "PYSEC-1", "modified": "2026-01-02T03:04:05Z", "affected": [affected]} | changes


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["0.0.1", "1.9", "2.0rc1", "0a1"], ["2.0", "2.0.0", "10.0"]),
        ([{"introduced": "1.0"}], ["1.0", "99"], ["0.9", "1.0b1"]),
        ([{"introduced": "0"}, {"last_affected": "1.5"}], ["1.5", "1.0"], ["1.5.1", "1.6"]),
        (
            [{"fixed": "3.1"}, {"introduced": "3.0"}, {"introduced": "1.0"}, {"fixed": "1.2"}],
            ["1.0", "1.1", "3.0"],
            ["0.1", "1.2", "2.9", "3.1"],
        ),
        ([{"introduced": "0"}, {"fixed": "not a version"}], ["1.0"], []),
        ([], [], ["1.0"]),
    ],
)
def test_events_switch_a_range_on_and_off_in_version_order(
    events: list[dict[str, str]], inside: list[str], outside: list[str]
) -> None:
    assert [version for version in inside if not in_range(events, version)] == []
    assert [version for version in outside if in_range(events, version)] == []


def test_a_version_that_is_none_counts_as_affected() -> None:
    assert in_range([{"introduced": "0"}, {"fixed": "1"}], "unknown")


def test_a_listed_version_is_affected_also_when_written_differently() -> None:
    listed = advisory(affected=[{"package": {"name": "a", "ecosystem": "PyPI"}, "versions": ["1.0.0"]}])
    assert affects(listed, "a", "1.0")
    assert not affects(listed, "a", "1.1")


def test_withdrawn_other_packages_and_other_ecosystems_do_not_hold() -> None:
    other = [{"package": {"name": "acme-http", "ecosystem": "npm"}, "versions": ["1.0"]}]
    everything = [{"introduced": "0"}]
    commits = [
        {"package": {"name": "acme-http", "ecosystem": "PyPI"}, "ranges": [{"type": "GIT", "events": everything}]}
    ]
    assert affects(advisory(), "acme-http", "1.0")
    assert not affects(advisory(), "acme", "1.0")
    assert not affects(advisory(withdrawn="2026-01-01T00:00:00Z"), "acme-http", "1.0")
    assert not affects(advisory(affected=other), "acme-http", "1.0")
    assert not affects(advisory(affected=commits), "acme-http", "1.0")


def test_a_folder_is_read_with_its_zip_files_and_dated_by_its_newest_advisory(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.json").write_text(json.dumps(advisory()))
    newer = advisory(id="GHSA-2", modified="2026-03-01T00:00:00.5Z")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("b.json", json.dumps(newer))
    found = load(tmp_path)
    assert (found.count, found.damaged) == (2, [])
    assert found.as_of == datetime(2026, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert {entry["id"] for entry in found.affecting("acme.http", "1.0")} == {"PYSEC-1", "GHSA-2"}


def test_a_snapshots_own_date_wins(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(advisory()))
    (tmp_path / "snapshot.json").write_text('{"date": "2026-05-06"}')
    assert load(tmp_path).as_of == datetime(2026, 5, 6, tzinfo=UTC)


def test_damaged_files_are_named_and_the_others_still_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(advisory()))
    for name, text in {"b": "{", "c": "[]", "d": '{"id": "x"}', "e": '{"id": 1, "modified": "x"}'}.items():
        (tmp_path / f"{name}.json").write_text(text)
    found = load(tmp_path)
    assert (found.count, found.damaged) == (1, ["b.json", "c.json", "d.json", "e.json"])


def test_advisories_about_no_python_package_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(advisory(affected=[{"package": {"name": "x", "ecosystem": "npm"}}])))
    assert load(tmp_path).count == 0


def ask(url: str, query: object) -> Any:
    request = urllib.request.Request(url, data=json.dumps(query).encode())  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - our own server
        return json.loads(response.read())


def test_the_server_answers_as_osv_does_and_counts_what_it_was_asked(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(advisory()))
    with serving(load(tmp_path)) as server:
        package = {"name": "Acme.HTTP", "ecosystem": "PyPI"}
        hit = ask(server.url, {"package": package, "version": "1.0"})
        assert [entry["id"] for entry in hit["vulns"]] == ["PYSEC-1"]
        assert hit["vulns"][0]["affected"][0]["package"]["name"] == "acme-http"
        assert ask(server.url, {"package": package, "version": "2.0"}) == {}
        assert ask(server.url, {"package": package, "version": "2.0"}) == {}
        with pytest.raises(urllib.error.HTTPError, match="400"):
            ask(server.url, ["no query"])
    assert server.queries == 2
