from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_verdict.text import clipped, visible, visible_in_xml


@pytest.mark.parametrize(
    ("text", "shown"),
    [("caf\udce9", r"caf\xe9"), ("\ud83d", r"\ud83d"), ("plain é 😀", "plain é 😀"), ("\x1b[0m", "\x1b[0m")],
)
def test_only_what_utf8_can_not_hold_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_controls_that_xml_forbids_are_written_out_too() -> None:
    assert visible_in_xml("a\x00\x1b\ufffe\udc80\t\n") == "a\\x00\\x1b\\ufffe\\x80\t\n"


@given(st.text(st.characters(exclude_categories=())))
def test_visible_text_is_utf8_and_stays(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert visible(shown) == shown


def test_a_clipped_text_says_what_is_missing() -> None:
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abcdef… (1 characters more)"
