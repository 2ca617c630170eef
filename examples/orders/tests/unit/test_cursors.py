import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.cursors import Cursor
from orders.problems import ProblemError

cursors = st.builds(Cursor, st.datetimes(timezones=st.just(UTC)), st.uuids())


@given(cursors)
def test_a_cursor_comes_back_as_it_went(cursor: Cursor) -> None:
    assert Cursor.decode(cursor.encode()) == cursor


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        Cursor.decode(text)
    assert refusal.value.status == 422


def test_a_moment_without_a_time_zone_is_refused() -> None:
    naive = f"{datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None).isoformat()} {'0' * 32}"
    with pytest.raises(ProblemError):
        Cursor.decode(base64.urlsafe_b64encode(naive.encode()).decode())
