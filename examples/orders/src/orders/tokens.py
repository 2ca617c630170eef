"""Bearer tokens: a signed statement who the caller is (format: spec/orders.md, section 2)."""

import base64
import hashlib
import hmac
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orders.problems import ProblemError


class Scope(StrEnum):
    """What a caller may do: buy, or send out what others have bought."""

    CUSTOMER = "customer"
    FULFILMENT = "fulfilment"


class Principal(BaseModel):
    """Who is calling. `exp` is the end of the token's life, in seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sub: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    scope: Scope
    exp: int
    jti: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]

    @property
    def owner(self) -> str | None:
        """Whose orders the caller sees; None: everybody's."""
        return None if self.scope is Scope.FULFILMENT else self.sub


def refused(detail: str) -> ProblemError:
    """The answer to a caller that we do not know."""
    headers = {"WWW-Authenticate": "Bearer"}
    return ProblemError(HTTPStatus.UNAUTHORIZED, "unauthenticated", detail, headers=headers)


def _seal(key: bytes, payload: bytes) -> bytes:
    return base64.urlsafe_b64encode(hmac.digest(key, payload, hashlib.sha256)).rstrip(b"=")


def issue(key: bytes, principal: Principal) -> str:
    """A token for a principal."""
    payload = base64.urlsafe_b64encode(principal.model_dump_json().encode()).rstrip(b"=")
    return f"{payload.decode()}.{_seal(key, payload).decode()}"


def verify(key: bytes, token: str, now: float) -> Principal:
    """The principal of a token. `now` is in seconds since 1970.

    Raises:
        ProblemError: 401; the token is forged, malformed or too old.
    """
    payload, _, seal = token.encode("utf-8", "replace").partition(b".")
    if not hmac.compare_digest(_seal(key, payload), seal):
        raise refused("The token is not one of ours.")
    try:
        text = base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
        principal = Principal.model_validate_json(text)
    except (ValueError, ValidationError) as error:
        raise refused("The token is not one of ours.") from error
    if principal.exp <= now:
        raise refused("The token has expired.")
    return principal
