"""security:dependency-scan: a vulnerable pin is red, and no answer, stale or damaged data is never a pass."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet.config import AdvisorySettings
from gauntlet.project import Lock, Project
from gauntlet.stages.security_dependency_scan import Rules, has_dependencies, judge, source_options
from gauntlet_verdict import Status

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

    from gauntlet.conclude import Judgement

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TODAY = datetime.now(UTC)
FOLDER = "advisories: {folder: security/advisories, max_age_days: 30}\n"
WARNING = "advisories: {folder: security/advisories, max_age_days: 30, on_stale: warn}\n"


def lock(version: str) -> dict[str, str]:
    text = f'version = 1\n[[package]]\nname = "Acme-HTTP"\nversion = "{version}"\nsource = {{ registry = "r" }}\n'
    return {"uv.lock": text, "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["acme_http"]\n'}


def advisories(modified: datetime = TODAY) -> dict[str, str]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]
    document = {
        "id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "modified": modified.isoformat(), "summary": "It leaks",
        "affected": [{"package": {"name": "acme_http", "ecosystem": "PyPI"}, "ranges": ranges}],
    }  # fmt: skip
    return {"security/advisories/PYSEC-2026-1.json": json.dumps(document)}


def judged(
    facts: dict[str, Any], *, vulnerable: bool = False, packages: int = 1, only_warns: bool = False, ignore: str = ""
) -> Judgement:
    """The judgement of an audit of one package; `packages` is how many pip-audit reports, 0 that it reports nothing."""
    vulns = [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": ["CVE-7"], "description": "bad"}] if vulnerable else []
    entries = [{"name": f"a{number}", "version": "1", "vulns": vulns} for number in range(packages)]
    known: dict[str, Any] = {"answered": True, "why": "", "packages": 1, "unpinned": []}
    yesterday = (NOW - timedelta(days=1)).isoformat()
    reports = {"facts": json.dumps(known | {"as_of": yesterday} | facts)}
    if packages:
        reports["audit"] = json.dumps({"dependencies": entries, "fixes": []})
    return judge(reports, Rules(NOW, timedelta(days=7), only_warns=only_warns, ignore=frozenset({ignore})))


def test_fresh_data_without_a_hit_has_no_doubt() -> None:
    judgement = judged({})
    assert (judgement.doubt, judgement.findings, judgement.looked_at) == ("", (), {"packages": 1})
    assert judgement.inputs["advisories"].startswith("2026-05-31")


@pytest.mark.parametrize(
    ("facts", "packages", "words"),
    [
        ({"answered": False, "why": "nobody home"}, 0, "nobody home"),
        ({"as_of": "2026-05-01T00:00:00+00:00"}, 1, "31 days old"),
        ({"as_of": "2027-01-01T00:00:00+00:00"}, 1, "in the future"),
        ({"damaged": ["a.json"]}, 1, "a.json"),
    ],
    ids=["no answer", "too old", "from the future", "damaged"],
)
def test_data_that_is_no_answer_is_a_doubt_or_a_visible_warning(
    facts: dict[str, Any], packages: int, words: str
) -> None:
    assert words in judged(facts, packages=packages).doubt
    warned = judged(facts, packages=packages, only_warns=True)
    assert warned.doubt == ""
    assert words in warned.remark
    assert [(finding.rule, finding.blocking) for finding in warned.findings] == [("advisories-stale", False)]
    assert sum(warned.looked_at.values()) > 0


@pytest.mark.parametrize(
    ("facts", "words"),
    [({"unpinned": ["flask"]}, "flask"), ({"packages": 3}, "2 of 3 pinned packages were not audited")],
)
def test_a_package_that_was_not_audited_is_a_doubt_also_where_stale_data_only_warns(
    facts: dict[str, Any], words: str
) -> None:
    assert words in judged(facts, only_warns=True).doubt


def test_a_vulnerability_in_stale_data_still_blocks() -> None:
    judgement = judged({"as_of": "2026-01-01T00:00:00+00:00"}, vulnerable=True, only_warns=True)
    assert [finding.rule for finding in judgement.findings if finding.blocking] == ["PYSEC-1"]


@pytest.mark.parametrize("known", ["PYSEC-1", "CVE-7"])
def test_an_accepted_advisory_is_shown_by_any_of_its_names(known: str) -> None:
    (finding,) = judged({}, vulnerable=True, ignore=known).findings
    assert not finding.blocking
    assert known in finding.message


def test_a_lock_that_pins_nothing_is_skipped() -> None:
    assert judged({"packages": 0}, packages=0).skip


def test_the_source_is_the_folder_where_one_is_named_else_a_server() -> None:
    assert source_options(AdvisorySettings(folder="a")) == ["--folder", "/advisories"]
    assert source_options(AdvisorySettings(url="https://osv.example/q")) == ["--url", "https://osv.example/q"]
    assert source_options(AdvisorySettings(source="pypi")) == ["--pypi"]
    assert source_options(AdvisorySettings())[0] == "--url"


def test_a_project_without_dependencies_is_skipped() -> None:
    assert has_dependencies(Project()) is not None
    assert has_dependencies(Project(locks=(Lock("package-lock.json", "npm"),))) is not None
    assert has_dependencies(Project(dependencies=("a",))) is None
    assert has_dependencies(Project(locks=(Lock("uv.lock", "uv"),))) is None


@pytest.mark.engine
def test_a_vulnerable_pin_is_red_and_the_fixed_version_green(examine: Examine) -> None:
    red = examine("security:dependency-scan", lock("1.9") | advisories(), config=FOLDER)
    assert red.status is Status.FAIL
    (finding,) = red.findings
    assert (finding.rule, finding.hint) == ("PYSEC-2026-1", "upgrade acme-http to 2.0")
    assert str(finding.location) == "uv.lock"
    green = examine("security:dependency-scan", lock("2.0") | advisories(), config=FOLDER)
    assert (green.status, green.looked_at) == (Status.PASS, {"packages": 1})
    assert green.confinement is not None
    assert green.confinement.network == "none"


@pytest.mark.engine
def test_old_advisories_are_inconclusive_or_warn_as_configured(examine: Examine) -> None:
    files = lock("2.0") | advisories(TODAY - timedelta(days=40))
    assert examine("security:dependency-scan", files, config=FOLDER).status is Status.INCONCLUSIVE
    warned = examine("security:dependency-scan", files, config=WARNING)
    assert warned.status is Status.WARN
    assert "40 days old" in warned.reason


@pytest.mark.engine
def test_a_server_that_does_not_answer_is_inconclusive_soon(examine: Examine) -> None:
    nobody = "advisories: {source: osv, url: 'http://127.0.0.1:9/v1/query'}\n"
    verdict = examine("security:dependency-scan", lock("2.0"), config=nobody)
    assert verdict.status is Status.INCONCLUSIVE
    assert "does not answer" in verdict.reason
    assert verdict.duration_s < 15


@pytest.mark.engine
def test_a_folder_that_is_not_there_or_holds_nothing_is_inconclusive(examine: Examine) -> None:
    assert examine("security:dependency-scan", lock("2.0"), config=FOLDER).status is Status.INCONCLUSIVE
    other = {"security/advisories/README.md": "nothing here"}
    assert examine("security:dependency-scan", lock("2.0") | other, config=FOLDER).status is Status.INCONCLUSIVE


@pytest.mark.engine
def test_a_change_cannot_bring_its_own_advisories(examine: Examine) -> None:
    tamed = {"security/advisories/PYSEC-2026-1.json": advisories()["security/advisories/PYSEC-2026-1.json"].replace(
        '"fixed": "2.0"', '"fixed": "1.0"'
    )}  # fmt: skip
    verdict = examine("security:dependency-scan", lock("1.9") | tamed, base=advisories(), config=FOLDER)
    assert verdict.status is Status.FAIL


@pytest.mark.engine
def test_requirements_with_an_open_version_are_resolved_to_what_would_be_installed(examine: Examine) -> None:
    document = json.loads(advisories()["security/advisories/PYSEC-2026-1.json"])
    document["affected"][0] = {"package": {"name": "iniconfig", "ecosystem": "PyPI"}, "versions": ["2.0.0"]}
    folder = {"security/advisories/a.json": json.dumps(document)}
    files = {"requirements.txt": "iniconfig>=1,<2.0.1\n", "a.py": "import iniconfig\n"}
    verdict = examine("security:dependency-scan", files | folder, config=FOLDER)
    assert verdict.status is Status.FAIL
    assert "iniconfig 2.0.0" in verdict.findings[0].message


@pytest.mark.engine
def test_a_lock_that_cannot_be_read_is_inconclusive(examine: Examine) -> None:
    damaged = lock("2.0") | {"uv.lock": "[[package"}
    verdict = examine("security:dependency-scan", damaged | advisories(), config=FOLDER)
    assert verdict.status is Status.INCONCLUSIVE
