import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.problems import ProblemError
from orders.tokens import Principal, Scope, issue, verify
from support import credentials

KEY = bytes(range(32))
ANN = Principal(sub="ann", scope=Scope.CUSTOMER, exp=2_000, jti="abcdefgh")


def test_a_token_comes_back_as_its_principal() -> None:
    assert verify(KEY, issue(KEY, ANN), now=1_999) == ANN


def test_a_token_made_from_the_specification_alone_is_ours() -> None:
    principal = verify(b"k" * 32, credentials.token("k" * 32, "ann"), now=0)
    assert (principal.sub, principal.owner) == ("ann", "ann")


def test_fulfilment_sees_everybodys_orders() -> None:
    assert ANN.model_copy(update={"scope": Scope.FULFILMENT}).owner is None


def test_a_token_ends_at_its_second() -> None:
    with pytest.raises(ProblemError, match="expired"):
        verify(KEY, issue(KEY, ANN), now=2_000)


def test_another_key_is_not_ours() -> None:
    with pytest.raises(ProblemError, match="not one of ours"):
        verify(bytes(32), issue(KEY, ANN), now=0)


@given(st.data())
def test_no_changed_character_is_accepted(data: st.DataObject) -> None:
    token = issue(KEY, ANN)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda letter: letter != token[place]))
    with pytest.raises(ProblemError):
        verify(KEY, token[:place] + other + token[place + 1 :], now=0)


@given(st.text())
def test_any_text_is_refused_politely(text: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        verify(KEY, text, now=0)
    assert refusal.value.status == 401
    assert refusal.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize("payload", [b"", b"bnVsbA", b"e30", b"!!!!"])
def test_a_sealed_payload_that_names_nobody_is_refused(payload: bytes) -> None:
    seal = base64.urlsafe_b64encode(hmac.digest(KEY, payload, "sha256")).rstrip(b"=")
    sealed = (payload + b"." + seal).decode()
    with pytest.raises(ProblemError, match="not one of ours"):
        verify(KEY, sealed, now=0)
