"""Tokens, made as section 2 of the specification says, without the service's code."""

import base64
import hashlib
import hmac
import json
import time
import uuid


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(key: str, sub: str, scope: str = "customer", lifetime_s: int = 300) -> str:
    """A token that a caller could have been given."""
    claims = {
        "sub": sub,
        "scope": scope,
        "exp": int(time.time()) + lifetime_s,
        "jti": uuid.uuid4().hex,
    }
    payload = _encoded(json.dumps(claims).encode())
    return f"{payload}.{_encoded(hmac.digest(key.encode(), payload.encode(), hashlib.sha256))}"


def headers(key: str, sub: str, scope: str = "customer", lifetime_s: int = 300) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token(key, sub, scope, lifetime_s)}"}
