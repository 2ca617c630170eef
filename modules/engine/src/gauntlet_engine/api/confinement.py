"""Limits that only this engine can keep, told to it by a reserved variable that is inert on any other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gauntlet_engine.api.errors import ApiError

if TYPE_CHECKING:
    from gauntlet_engine.api.image_config import Pairs

CONFINEMENT_VARIABLE = "_GAUNTLET_CONFINEMENT"
"""JSON: network ("bridge" or "none"), timeout_s, memory_bytes, pids, output_bytes, label; each may be left out."""

_LIMITS = {
    "timeout_s": "timeoutSeconds",
    "memory_bytes": "addressSpaceBytes",
    "pids": "processes",
    "output_bytes": "outputBytes",
}


@dataclass(frozen=True)
class Confinement:
    """Network mode, the exec shim's limits by its own names, and whose exec it is, for progress events."""

    network: Literal["bridge", "none"] = "bridge"
    limit_pairs: tuple[tuple[str, float], ...] = ()
    label: str = ""

    @property
    def limits(self) -> dict[str, float]:
        """For the shim's specification."""
        return dict(self.limit_pairs)


def read_confinement(env: Pairs) -> tuple[Confinement, Pairs]:
    """The confinement that `env` asks for, and `env` without that variable.

    Raises:
        ApiError: the variable's value is not what it must be.
    """
    text = dict(env).get(CONFINEMENT_VARIABLE)
    if text is None:
        return Confinement(), env
    rest = tuple(pair for pair in env if pair[0] != CONFINEMENT_VARIABLE)
    try:
        wanted: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise ApiError(f"{CONFINEMENT_VARIABLE} is not JSON: {error}") from None
    network = wanted.pop("network", "bridge")
    if network not in ("bridge", "none"):
        raise ApiError(f"{CONFINEMENT_VARIABLE}: network is {network!r}, not bridge or none")
    label = str(wanted.pop("label", ""))
    unknown = sorted(set(wanted) - set(_LIMITS))
    if unknown:
        raise ApiError(
            f"{CONFINEMENT_VARIABLE}: unknown key {unknown[0]!r}; known are network, label, {', '.join(_LIMITS)}"
        )
    limits = tuple(sorted((_LIMITS[key], value) for key, value in wanted.items() if value))
    if any(not isinstance(value, int | float) or value < 0 for _, value in limits):
        raise ApiError(f"{CONFINEMENT_VARIABLE}: limits are positive numbers")
    return Confinement(network, limits, label), rest
