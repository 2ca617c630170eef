from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from gauntlet_verdict.schema import documents, published


@pytest.mark.parametrize("name", documents())
def test_the_published_schema_is_that_of_the_model(name: str) -> None:
    assert published(name) == json.loads(documents()[name]), "run `python -m gauntlet_verdict.schema`"


@pytest.mark.parametrize("name", documents())
def test_the_published_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(published(name))


def test_a_verdict_has_a_stage_and_one_of_the_known_statuses() -> None:
    verdict = published("run-1.schema.json")["$defs"]["Verdict"]
    assert {"stage", "status"} <= set(verdict["required"])
    statuses = published("run-1.schema.json")["$defs"]["Status"]["enum"]
    assert statuses == ["PASS", "FAIL", "WARN", "SKIP", "INCONCLUSIVE", "ERROR", "TIMEOUT"]
