from __future__ import annotations

import pytest

from gauntlet_engine.module.names import kebab_case, pascal_case


@pytest.mark.parametrize(
    ("name", "expected"), [("my-ci", "MyCi"), ("gauntlet", "Gauntlet"), ("two_words here", "TwoWordsHere"), ("", "")]
)
def test_a_module_is_named_as_its_main_object(name: str, expected: str) -> None:
    assert pascal_case(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("baseImage", "base-image"), ("asOCITarball", "as-oci-tarball"), ("run", "run"), ("fail_fast", "fail-fast")],
)
def test_flags_are_the_api_s_names_in_kebab_case(name: str, expected: str) -> None:
    assert kebab_case(name) == expected
