"""Durations and sizes as people write them."""

from __future__ import annotations

import re

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_POWERS = (("", 1000), ("b", 1000), ("ib", 1024))
_UNITS_B = {"": 1, "b": 1} | {
    f"{prefix}{suffix}": base**power for power, prefix in enumerate("kmgt", 1) for suffix, base in _POWERS
}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)")
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([a-z]{0,3})", re.IGNORECASE)
_LONGEST_S = 7 * 24 * 3600.0


def seconds(value: object) -> float:
    """`90`, `90s`, `5m`, `1h30m`, `500ms` as seconds.

    Raises:
        ValueError: anything else, zero, or more than a week.
    """
    how = "write seconds, or 90s, 5m, 1h30m"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"not a duration; {how}")  # noqa: TRY004 - pydantic collects ValueErrors only
    if isinstance(value, str):
        if not re.fullmatch(f"(?:{_PART.pattern})+", value):
            raise ValueError(f"{value!r} is not a duration; {how}")
        value = sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(value))
    if not 0 < value <= _LONGEST_S:
        raise ValueError("a duration must be more than 0 and at most a week")
    return float(value)


def size_bytes(value: object) -> int:
    """`1048576`, `512MiB`, `2GB` as bytes.

    Raises:
        ValueError: anything else, or zero.
    """
    how = "write bytes or a size such as 512MiB or 2GB"
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"not a size; {how}")  # noqa: TRY004 - as above
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match is None or match[2].lower() not in _UNITS_B:
            raise ValueError(f"{value!r} is not a size; {how}")
        value = int(float(match[1]) * _UNITS_B[match[2].lower()])
    if value <= 0:
        raise ValueError("a size must be more than 0")
    return value
