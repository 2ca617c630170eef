import pytest
from pydantic import ValidationError

from orders.settings import from_environment

GOOD = {
    "DATABASE_URL": "postgresql://db/orders",
    "REDIS_URL": "redis://cache",
    "ORDERS_TOKEN_SECRET": "x" * 32,
    "ORDERS_PORT": "8080",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_STREAM_MAX_LENGTH", "7")
    settings = from_environment()
    assert (settings.port, settings.stream_max_length) == (8080, 7)
    assert str(settings.database_url) == GOOD["DATABASE_URL"]


@pytest.mark.parametrize("name", list(GOOD))
def test_what_has_no_default_must_be_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ValidationError, match=name.removeprefix("ORDERS_").lower() + "|" + name):
        from_environment()


def test_a_short_key_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_TOKEN_SECRET", "hunter2")
    with pytest.raises(ValidationError) as refusal:
        from_environment()
    assert "hunter2" not in str(refusal.value)


def test_settings_do_not_show_the_key() -> None:
    assert GOOD["ORDERS_TOKEN_SECRET"] not in repr(from_environment())
