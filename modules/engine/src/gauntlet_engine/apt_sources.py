"""The host's apt sources, read: which mirror this machine installs Debian from, and how it wants to be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEPT_OPTIONS = frozenset({"acquire::check-valid-until", "acquire::check-date", "acquire::max-futuretime"})


@dataclass(frozen=True)
class AptSource:
    """One archive: a URI and the suites and components taken from it. `trusted`: signatures are not checked."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    trusted: bool = False


@dataclass(frozen=True)
class DebianMirror:
    """Where to install a Debian suite from: (URI, suite, trusted) lines, and apt options of the host to keep."""

    lines: tuple[tuple[str, str, bool], ...]
    options: tuple[str, ...] = field(default=())

    def sources(self, *, credentials: bool) -> str:
        """As one-line sources; without `credentials`, user and password in URIs are left out."""
        return "".join(
            f"deb {'[trusted=yes] ' if trusted else ''}{uri if credentials else _bare(uri)} {suite} main\n"
            for uri, suite, trusted in self.lines
        )


def parse_one_line(text: str) -> Iterator[AptSource]:
    """Entries of the one-line style (`deb [option=value] URI suite component…`); malformed lines are skipped."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)", line)
        if match:
            options, uri, suite, components = match.groups()
            trusted = "trusted=yes" in (options or "").split()
            yield AptSource(uri, (suite,), tuple(components.split()), trusted)


def parse_deb822(text: str) -> Iterator[AptSource]:
    """Entries of the deb822 style (stanzas of `Field: value`); malformed or disabled stanzas are skipped."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n(?:[ \t]*\n)+", "\n".join(lines)):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1] in {" ", "\t"} and name:
                fields[name] += f" {line.strip()}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        suites = tuple(fields.get("suites", "").split())
        for uri in fields.get("uris", "").split() if suites else ():
            trusted = fields.get("trusted", "no").lower() == "yes"
            yield AptSource(uri, suites, tuple(fields.get("components", "").split()), trusted)


def kept_options(dump: str) -> tuple[str, ...]:
    """Lines of `apt-config dump` that an image needs as well: a mirror may be a snapshot whose dates are old.

    Proxies and credentials are not among them: they would become part of the image.
    """
    lines = (line.strip() for line in dump.splitlines())
    return tuple(line for line in lines if line.split(" ")[0].lower() in _KEPT_OPTIONS and line.endswith('";'))


def debian_mirror(sources: Iterable[AptSource], suite: str, host_suite: str, options: tuple[str, ...]) -> DebianMirror:
    """Where this host would install `suite` from: its own Debian archives, for another suite.

    Args:
        sources: the host's.
        suite: code name, such as `trixie`.
        host_suite: the host's own code name; only its archives (and their -updates and -security) are translated,
            third-party ones are not.
        options: from `kept_options`.

    Returns:
        No lines where the host has no archive of its own suite (it is no Debian): the default mirror then serves.
    """
    lines: dict[tuple[str, str], bool] = {}
    for source in sources:
        if "main" not in source.components:
            continue
        for name in source.suites:
            kind = name.removeprefix(host_suite).removeprefix("/")  # old hosts say bookworm/updates
            if name.startswith(host_suite) and kind in {"", "-updates", "-security"}:
                lines.setdefault((source.uri, suite + kind), source.trusted)
    if not any(name == suite for _, name in lines):
        return DebianMirror((), options)
    return DebianMirror(tuple((uri, name, trusted) for (uri, name), trusted in lines.items()), options)


def _bare(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
