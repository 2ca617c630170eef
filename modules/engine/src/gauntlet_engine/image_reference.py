"""Image references as people write them, made full."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gauntlet_engine.buildkit.errors import SolveFailed

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?\Z")
_TAG = re.compile(r"\w[\w.-]{0,127}\Z", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}\Z")
_DEFAULT_DOMAIN = "docker.io"


@dataclass(frozen=True)
class ImageReference:
    """`domain/path`, and a tag, a digest or both; never neither."""

    domain: str
    path: str
    tag: str
    digest: str

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.domain}/{self.path}{tag}{digest}"


def parse_reference(text: str) -> ImageReference:
    """As Docker reads it: `alpine` is `docker.io/library/alpine:latest`. Raises SolveFailed for anything else."""
    name, _, digest = text.partition("@")
    tag = ""
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    domain, slash, path = name.partition("/")
    if not slash or not ("." in domain or ":" in domain or domain == "localhost" or domain != domain.lower()):
        domain, path = _DEFAULT_DOMAIN, name
    if domain == "index.docker.io":
        domain = _DEFAULT_DOMAIN
    if domain == _DEFAULT_DOMAIN and "/" not in path:
        path = f"library/{path}"
    if (
        not _PATH.match(path)
        or not _DOMAIN.match(domain)
        or (tag and not _TAG.match(tag))
        or ("@" in text and not _DIGEST.match(digest))
        or text.endswith(":")
    ):
        raise SolveFailed(f"not an image reference: {text!r}")
    return ImageReference(domain, path, tag or ("" if digest else "latest"), digest)
