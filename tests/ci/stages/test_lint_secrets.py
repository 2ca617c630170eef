"""lint:secrets: new secrets block; baselined, commented and policy-hidden ones are shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gauntlet.stages.lint_secrets import judge
from gauntlet_verdict import Status

if TYPE_CHECKING:
    from tests.ci.stages.conftest import Examine

# In two parts, so that a scan of this repository finds nothing here.
TOKEN = "ghp_" + "1234567890abcdefghijABCDEFGHIJ123456"
OTHER = "ghp_" + "Zx34567890abcdefghijABCDEFGHIJ65Qw21"
LEAK = {"src/a.py": f'token = "{TOKEN}"\n'}
LOG = "1:45PM INF scanned ~105 bytes (105 bytes) in 7.21ms\n"


def baseline(secret: str, path: str = "src/a.py", line: int = 7) -> str:
    entry: dict[str, object] = {
        "RuleID": "github-pat", "Description": "d", "StartLine": line, "EndLine": line, "StartColumn": 1,
        "EndColumn": 9, "Match": secret, "Secret": secret, "File": path, "SymlinkFile": "", "Commit": "",
        "Entropy": 4.9, "Author": "", "Email": "", "Date": "", "Message": "", "Tags": [],
        "Fingerprint": f"{path}:github-pat:{line}",
    }  # fmt: skip
    return json.dumps([entry])


def test_a_scan_of_no_bytes_looked_at_nothing() -> None:
    log = "1:45PM INF scanned ~0 bytes (0) in 2.09ms\n"
    judgement = judge({"all": "[]", "heeding": "[]", "log": log, "files": "0\n"})
    assert sum(judgement.looked_at.values()) == 0


def test_a_scan_that_does_not_say_how_much_it_saw_is_a_doubt() -> None:
    assert "did not say" in judge({"all": "[]", "heeding": "[]", "log": "INF no leaks found", "files": "3"}).doubt


def test_a_scan_with_errors_is_a_doubt() -> None:
    log = LOG + "1:45PM ERR could not open file error=denied\n"
    assert "denied" in judge({"all": "[]", "heeding": "[]", "log": log, "files": "3"}).doubt


@pytest.mark.engine
def test_a_secret_is_red_and_a_tree_without_it_green(examine: Examine) -> None:
    red = examine("lint:secrets", LEAK)
    assert red.status is Status.FAIL
    assert [(found.rule, str(found.location)) for found in red.findings] == [("github-pat", "src/a.py:1:10")]
    green = examine("lint:secrets", {"src/a.py": "token = read()\n"})
    assert (green.status, green.looked_at) == (Status.PASS, {"files": 1})


@pytest.mark.engine
def test_the_secret_itself_is_nowhere_in_the_verdict(examine: Examine) -> None:
    assert TOKEN not in examine("lint:secrets", LEAK).model_dump_json()


@pytest.mark.engine
def test_a_secret_of_the_baseline_does_not_block_wherever_it_moved(examine: Examine) -> None:
    known = {".gitleaks-baseline.json": baseline(TOKEN)}
    verdict = examine("lint:secrets", LEAK | known)
    assert verdict.status is Status.WARN
    assert [found.blocking for found in verdict.findings] == [False]


@pytest.mark.engine
def test_a_new_secret_blocks_beside_a_baselined_one(examine: Examine) -> None:
    known = {".gitleaks-baseline.json": baseline(TOKEN)}
    both = {"src/a.py": f'token = "{TOKEN}"\nother = "{OTHER}"\n'}
    verdict = examine("lint:secrets", both | known)
    assert verdict.status is Status.FAIL
    assert [(found.location.line if found.location else 0, found.blocking) for found in verdict.findings] == [
        (1, False), (2, True),
    ]  # fmt: skip


@pytest.mark.engine
def test_a_change_cannot_baseline_its_own_secret(examine: Examine) -> None:
    known = {".gitleaks-baseline.json": baseline(TOKEN)}
    verdict = examine("lint:secrets", LEAK | known, base={"src/a.py": "token = read()\n"})
    assert verdict.status is Status.FAIL
    assert {found.rule: found.blocking for found in verdict.findings} == {
        "github-pat": True,
        "secrets-policy-edited": False,
    }


@pytest.mark.engine
def test_the_bases_baseline_holds_where_the_change_keeps_it(examine: Examine) -> None:
    known = {".gitleaks-baseline.json": baseline(TOKEN)}
    assert examine("lint:secrets", LEAK | known, base=LEAK | known).status is Status.WARN


@pytest.mark.engine
@pytest.mark.parametrize(
    "policy",
    [
        {".gitleaksignore": "src/a.py:github-pat:1\n"},
        {".gitleaks.toml": '[extend]\nuseDefault = true\n[[allowlists]]\npaths = ["src/.*"]\n'},
    ],
    ids=["ignore-list", "rules"],
)
def test_a_policy_hides_a_secret_only_where_the_base_has_it(examine: Examine, policy: dict[str, str]) -> None:
    change = LEAK | policy | {"README": "read me"}
    assert examine("lint:secrets", change, base={}).status is Status.FAIL
    assert examine("lint:secrets", change, base=policy).status is Status.PASS
    without = examine("lint:secrets", {"src/a.py": "x = 1\n"} | policy, base={})
    assert without.status is Status.WARN
    assert [found.rule for found in without.findings] == ["secrets-policy-edited"]


@pytest.mark.engine
def test_an_inline_allow_comment_is_shown(examine: Examine) -> None:
    verdict = examine("lint:secrets", {"a.py": f'token = "{TOKEN}"  # gitleaks:allow\n'})
    assert verdict.status is Status.WARN
    assert ["allowed by a comment" in found.message for found in verdict.findings] == [True]


@pytest.mark.engine
def test_rules_that_cannot_be_read_are_inconclusive(examine: Examine) -> None:
    verdict = examine("lint:secrets", {"a.py": "x = 1\n", ".gitleaks.toml": "[bad"})
    assert verdict.status is Status.INCONCLUSIVE
    assert "config" in verdict.reason


@pytest.mark.engine
def test_a_damaged_baseline_is_inconclusive(examine: Examine) -> None:
    assert examine("lint:secrets", LEAK | {".gitleaks-baseline.json": "{"}).status is Status.INCONCLUSIVE


@pytest.mark.engine
def test_rules_that_hide_every_file_are_no_pass(examine: Examine) -> None:
    everything = {".gitleaks.toml": '[[allowlists]]\npaths = [".*"]\n'}
    assert examine("lint:secrets", LEAK | everything).status is Status.INCONCLUSIVE
