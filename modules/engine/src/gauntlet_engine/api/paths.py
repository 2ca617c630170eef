"""Paths inside trees: absolute, clean, with `/` between names."""

from __future__ import annotations

import posixpath

from gauntlet_engine.api.errors import ApiError

_NAME_MAX = 255


def join(base: str, path: str) -> str:
    """`path` seen from `base`; `..` climbs, but never above the root."""
    return posixpath.normpath("/" + posixpath.join(base, path.lstrip("/") if base != "/" else path)).replace("//", "/")


def absolute(workdir: str, path: str) -> str:
    """`path` as a process with that working directory means it."""
    return clean(posixpath.join(workdir or "/", path))


def clean(path: str) -> str:
    """The shortest absolute form."""
    normal = posixpath.normpath("/" + path)
    return normal[1:] if normal.startswith("//") else normal


def below(parent: str, path: str) -> str | None:
    """`path` relative to `parent` ("." for itself), None where it is elsewhere."""
    if path == parent:
        return "."
    prefix = parent if parent.endswith("/") else parent + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def check_file_name(path: str) -> str:
    """Refuse what no file system takes; returns `path`."""
    name = posixpath.basename(path)
    if len(name.encode()) > _NAME_MAX:
        raise ApiError(f"File name length exceeds the maximum supported {_NAME_MAX} characters")
    return path
