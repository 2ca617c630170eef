from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gauntlet_engine.documents import Documents, InvalidDocumentError
from gauntlet_engine.valid_shapes import ValidShapes

if TYPE_CHECKING:
    from pathlib import Path

SDL = "type Query { version: String }"
CHAIN = '{container{from(address:"%s"){withNewFile(path:"/a",contents:"%s"){id}}}}'


def test_texts_of_one_shape_share_a_document_and_differ_in_values(tmp_path: Path) -> None:
    documents = Documents(ValidShapes(tmp_path, SDL))
    first = documents.request(CHAIN % ("debian", r"a \"b\" \\ {c}"), {})
    second = documents.request(CHAIN % ("alpine", ""), {})
    assert first.document is second.document
    assert sorted(first.variables.values()) == ["/a", r'a "b" \ {c}', "debian"]
    assert sorted(second.variables.values()) == ["", "/a", "alpine"]


def test_a_valid_shape_is_known_to_the_next_session(tmp_path: Path) -> None:
    Documents(ValidShapes(tmp_path, SDL)).request(CHAIN % ("debian", "x"), {})
    (kept,) = tmp_path.iterdir()
    assert len(kept.read_text().split()) == 1
    Documents(ValidShapes(tmp_path, SDL)).request(CHAIN % ("alpine", "y"), {})
    assert len(kept.read_text().split()) == 1


def test_an_invalid_shape_is_refused_every_time(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(InvalidDocumentError):
            Documents(ValidShapes(tmp_path, SDL)).request('{container{nonsense(of:"x")}}', {})
    assert not list(tmp_path.iterdir())


def test_another_schema_knows_no_shape(tmp_path: Path) -> None:
    ValidShapes(tmp_path, SDL).add("shape")
    assert "shape" in ValidShapes(tmp_path, SDL)
    assert "shape" not in ValidShapes(tmp_path, SDL + " ")


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"", b"nothing of ours\n"])
def test_a_damaged_memory_only_costs_validation(tmp_path: Path, damage: bytes) -> None:
    shapes = ValidShapes(tmp_path, SDL)
    shapes.add("shape")
    next(tmp_path.iterdir()).write_bytes(damage)
    again = ValidShapes(tmp_path, SDL)
    assert "shape" not in again
    again.add("shape")
    assert "shape" in again


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    shapes = ValidShapes(blocked / "below", SDL)
    shapes.add("shape")
    assert "shape" in shapes
