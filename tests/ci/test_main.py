from __future__ import annotations

import inspect
import typing

import dagger
import pytest
from dagger.mod import default_module

from gauntlet.main import NOT_SOURCE, Gauntlet, TierRun
from gauntlet.stage import registered
from gauntlet.stages import load_stages

TIERS = {"fast", "standard", "full"}


# dagger-io's registry is untyped, and the constructor's converter is private to it.
MODULE: typing.Any = default_module()


def functions() -> dict[str, typing.Any]:
    """The module's functions as dagger-io's own registry has them."""
    return dict(MODULE.get_object("Gauntlet").functions)


def test_every_stage_that_comes_with_gauntlet_is_a_function_of_its_own() -> None:
    load_stages()
    expected = {stage_id.replace(":", "_").replace("-", "_") for stage_id in registered()}
    assert set(functions()) - TIERS - {"run"} == expected


def test_no_function_is_ever_answered_from_daggers_seven_day_cache() -> None:
    assert {name: function.cache_policy for name, function in functions().items()} == dict.fromkeys(
        functions(), "never"
    )


def test_stages_are_checks_and_tiers_are_not() -> None:
    assert {name for name, function in functions().items() if not function.check} == TIERS | {"run"}


def test_a_run_is_an_object_with_reports_and_the_exit_code_to_obey() -> None:
    fields = MODULE.get_object("TierRun").fields
    assert set(fields) == {"reports", "exit_code", "summary"}
    assert typing.get_type_hints(TierRun)["reports"] is dagger.Directory
    assert functions()["run"].return_type is TierRun


def test_the_source_defaults_to_the_modules_repository_without_what_is_never_source() -> None:
    parameters = MODULE.get_object("Gauntlet").get_constructor(MODULE._converter).parameters
    source = parameters["source"]
    assert source.default_path == "/"
    assert source.ignore == NOT_SOURCE
    assert {"**/.git", "**/.gauntlet"} <= set(NOT_SOURCE)
    assert parameters["base"].is_nullable


@pytest.mark.parametrize("name", sorted([*TIERS, "run"]))
def test_tier_functions_are_described(name: str) -> None:
    assert inspect.getdoc(getattr(Gauntlet, name))
