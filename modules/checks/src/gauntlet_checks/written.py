"""How many tests a file holds, by its text alone: no conftest has a say in this."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gauntlet_checks.names import is_function

if TYPE_CHECKING:
    from pathlib import Path


def written_tests(path: Path) -> int:
    """Test functions and methods in a file by pytest's default names; 0 for what does not parse."""
    return len(test_ids(path))


def test_ids(path: Path) -> list[str]:
    """Their names: `test_a`, `TestB::test_c`."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[str] = []
    for node in tree.body:
        if is_function(node) and node.name.startswith("test"):
            found.append(node.name)
        elif isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or _is_test_case(node)):
            found += [
                f"{node.name}::{part.name}" for part in node.body if is_function(part) and part.name.startswith("test")
            ]
    return found


def _is_test_case(node: ast.ClassDef) -> bool:
    return any("TestCase" in ast.unparse(base) for base in node.bases)
