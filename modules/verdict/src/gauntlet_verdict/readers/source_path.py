"""Paths of a container as paths of the source tree."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

_FILE_SCHEME = re.compile(r"^file:(?://[^/]*)?")


def relative(path: str, root: str) -> str:
    """A path as the source tree knows it: relative to `root`, POSIX, without `./`.

    What lies outside of root stays absolute, so that it can be told apart. Bytes that are no UTF-8 stay surrogates.
    """
    if not path:
        return path
    base = posixpath.normpath(root)
    whole = posixpath.normpath(path)
    if not whole.startswith("/"):
        return whole
    if whole == base:
        return "."
    prefix = base if base.endswith("/") else f"{base}/"
    return whole.removeprefix(prefix)


def from_uri(uri: str, base: str, root: str) -> str:
    """A SARIF artifact URI (RFC 3986), resolved against its base's URI if that has one, as a source path."""
    if base and not uri.startswith(("/", "file:")):
        uri = f"{base.rstrip('/')}/{uri}"
    if uri.startswith("file:"):
        # Not urlsplit: it refuses what a tool may well write as a host, and drops newlines.
        uri = _FILE_SCHEME.sub("", uri)
    return relative(unquote(uri, errors="surrogateescape"), root)
