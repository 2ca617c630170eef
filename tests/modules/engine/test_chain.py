from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine import chain
from gauntlet_engine.chain import PIECE, cut, nested

steps = st.sampled_from(["a", "b(x: 1)", 'c(s: "{ } ( \\" #")', 'd(o: [{k: "v"}, {k: "}"}])', "e: f", "... on T"])
selections = st.sampled_from(["id", "x y", "x { y } z", 'x(a: "}") { y }'])


def query(fields: list[str], selected: str) -> str:
    return "{" + " {".join(fields) + "{" + selected + "}" * (len(fields) + 1)


def test_a_short_query_is_not_cut() -> None:
    assert cut(query(["a"] * PIECE, "id")) is None


@given(st.lists(steps, min_size=PIECE + 1, max_size=3 * PIECE), selections)
def test_the_pieces_of_a_chain_are_the_chain(fields: list[str], selected: str) -> None:
    pieces = cut(query(fields, selected))
    assert pieces is not None
    put_together = [step.strip() for piece in pieces for step in piece.steps]
    # A selection of one field with a selection of its own is one more step of the chain.
    assert put_together[: len(fields)] == fields
    assert all(len(piece.steps) <= PIECE for piece in pieces)


@pytest.mark.parametrize(
    "text",
    [
        query(["a"] * 100, "id")[:-1] + " other }",
        "query Named " + query(["a"] * 100, "id"),
        "query($x: Int) " + query(["a"] * 100, "id"),
        query(["a"] * 100, '""" block """'),
        query(["a"] * 100, "id # comment"),
    ],
)
def test_what_is_more_than_a_chain_is_left_alone(text: str) -> None:
    assert cut(text) is None


def test_a_field_beside_the_chain_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "PIECE", 2)
    pieces = cut("{a{b{c{d{e{f} g}}}}}")
    assert pieces is not None
    assert [(piece.steps, piece.rest) for piece in pieces] == [(("a", "b"), "__typename id"), (("c", "d"), "e{f} g")]


def test_a_piece_starts_from_the_last_object_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "PIECE", 2)
    pieces = cut("{a{b{c{d{e}}}}}")
    assert pieces is not None
    first, last = pieces
    assert first.text(None) == "{a{b{__typename id}}}"
    assert last.text(("T", "T@1")) == '{node(id: "T@1"){... on T{c{d{e}}}}}'


def test_answers_have_their_aliases() -> None:
    assert nested(("a", "b"), {"c": 1}) == {"a": {"b": {"c": 1}}}
