from __future__ import annotations

import time

import pytest

from gauntlet_verdict.readers.traceback_place import place


@pytest.mark.parametrize(
    ("traceback", "expected"),
    [
        ("tests/test_a.py:3: \n    def f():\npkg/a.py:9: ValueError", "pkg/a.py:9"),
        (
            "tests/test_a.py:3: in test\n    x()\n/opt/venv/lib/python3.11/site-packages/x.py:9: in y",
            "tests/test_a.py:3",
        ),
        ("/src/tests/test_a.py:3: AssertionError", "tests/test_a.py:3"),
        ("E   see http://example.org/a.py:80: it\ntests/test_a.py:3: E", "tests/test_a.py:3"),
        ("/src/.venv/lib/x.py:9: in y", "None"),
        ('  File "/src/a b/x.py", line 4, in f\n  File "<string>", line 1, in g', "a b/x.py:4"),
        ('E     File "/src/tests/test_b.py", line 2\nE       def (', "tests/test_b.py:2"),
        ("Error: x\n    at add (file:///src/add.ts:3:9)\n    at node:internal/x:1:2", "add.ts:3"),
        ("    at /src/node_modules/vite/x.js:1:1\n    at Object.<anonymous> (/src/a.test.ts:5:2)", "a.test.ts:5"),
        ("nothing of the kind", "None"),
        ("../../etc/x.py:3: in f", "None"),
        ("a.py:0: in f", "None"),
    ],
)
def test_the_place_is_the_deepest_frame_of_the_tree(traceback: str, expected: str) -> None:
    assert str(place(traceback, "/src")) == expected


@pytest.mark.parametrize("text", ["a" * 10**7, "a.py:" * 10**6, "x\n" * 10**6, "at (" * 10**6, "at " * 10**6])
def test_a_hostile_traceback_takes_no_time(text: str) -> None:
    start = time.monotonic()
    place(text, "/src")
    assert time.monotonic() - start < 60
