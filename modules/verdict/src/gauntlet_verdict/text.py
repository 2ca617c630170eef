"""Text that every format can carry: file names and tool output may hold what UTF-8, XML or JSON can't."""

from __future__ import annotations

import re

# Code points that UTF-8 cannot encode; Python makes U+DC80..U+DCFF from bytes that are not UTF-8 (PEP 383).
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNDECODABLE = range(0xDC80, 0xDD00)  # their low half is the byte
_BYTE = 0xFF
# What is outside of production [2] Char of XML 1.0, besides surrogates.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def visible(text: str) -> str:
    r"""Write out what UTF-8 cannot hold: an undecodable byte as `\xe9`, another lone surrogate as `\ud800`."""
    if text.isascii():
        return text
    return _SURROGATE.sub(_escaped, text)


def visible_in_xml(text: str) -> str:
    r"""As `visible`, and control characters that XML 1.0 forbids even as references as `\x1b`."""
    return _NOT_XML.sub(_escaped, visible(text))


def clipped(text: str, limit: int) -> str:
    """At most about `limit` characters of a text, saying how many were left out (a tool may quote a whole line)."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} characters more)"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code in _UNDECODABLE:
        code &= _BYTE
    return f"\\x{code:02x}" if code <= _BYTE else f"\\u{code:04x}"
