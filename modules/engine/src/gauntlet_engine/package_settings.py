"""Package tools' configuration files, parsed into the environment variables that say the same. Pure."""

from __future__ import annotations

import configparser
import re
import tomllib
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXACT = frozenset({
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "PIP_TIMEOUT", "PIP_RETRIES",
    "PIP_PROXY", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INSECURE_HOST",
    "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT", "UV_INDEX_STRATEGY", "UV_KEYRING_PROVIDER",
    "UV_PYTHON_INSTALL_MIRROR", "POETRY_PYPI_TOKEN_PYPI", "GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB",
    "GONOSUMCHECK", "GOINSECURE", "CARGO_HTTP_PROXY", "CARGO_NET_GIT_FETCH_WITH_CLI", "YARN_NPM_REGISTRY_SERVER",
    "YARN_REGISTRY",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
})  # fmt: skip
_PATTERNS = re.compile(
    r"(UV_INDEX_\w+_(USERNAME|PASSWORD)|POETRY_HTTP_BASIC_\w+|CARGO_REGISTRIES_\w+|npm_config_registry)\Z",
    re.IGNORECASE,
)
_PIP = {
    "index-url": "PIP_INDEX_URL",
    "extra-index-url": "PIP_EXTRA_INDEX_URL",
    "trusted-host": "PIP_TRUSTED_HOST",
    "timeout": "PIP_DEFAULT_TIMEOUT",
    "retries": "PIP_RETRIES",
    "proxy": "PIP_PROXY",
}
_GO = frozenset({"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE"})
_NPM_KEYS = re.compile(
    r"(registry|@[\w.-]+:registry|//\S+:(_authToken|_auth|username|_password)|https?-proxy|noproxy)\Z"
)


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of package tools and proxies among the host's own. Those that name local paths are not."""
    return {name: value for name, value in environ.items() if value and (name in _EXACT or _PATTERNS.match(name))}


def from_pip(text: str) -> dict[str, str]:
    """pip.conf: its [global] section, and [install] over it."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            for key, value in parser.items(section):
                name = _PIP.get(key.replace("_", "-"))
                if name and value.strip():
                    found[name] = " ".join(value.split())
    return found


def from_uv(text: str) -> dict[str, str]:
    """uv.toml: indexes by name and the old `index-url` keys, those of `[pip]` included."""
    data = _toml(text)
    found: dict[str, str] = {}
    named: list[str] = []
    for index in map(_table, _list(data.get("index"))):
        url = index.get("url")
        if not isinstance(url, str):
            continue
        name = index.get("name")
        entry = f"{name}={url}" if name else url
        if index.get("default"):
            found["UV_DEFAULT_INDEX"] = entry
        elif not index.get("explicit"):
            named.append(entry)
    if named:
        found["UV_INDEX"] = " ".join(named)
    for table in (_table(data.get("pip")), data):
        if isinstance(table.get("index-url"), str):
            found.setdefault("UV_DEFAULT_INDEX", table["index-url"])
        if extra := _list(table.get("extra-index-url")):
            found.setdefault("UV_INDEX", " ".join(map(str, extra)))
    if hosts := _list(data.get("allow-insecure-host")):
        found["UV_INSECURE_HOST"] = " ".join(map(str, hosts))
    return found


def from_npm(text: str, environ: Mapping[str, str]) -> dict[str, str]:
    """.npmrc: registries and their credentials; `${NAME}` is taken from `environ`, as npm does."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        key, value = key.strip(), value.strip().strip("\"'")
        if not equals or key.startswith(("#", ";")) or not _NPM_KEYS.match(key):
            continue
        value = re.sub(r"\$\{(\w+)\}", lambda match: environ.get(match[1], match[0]), value)
        # npm reads any key as npm_config_KEY; shells cannot write such names, but an environment can hold them.
        found[f"npm_config_{key.replace('-', '_') if not key.startswith(('/', '@')) else key}"] = value
    return found


def from_go(text: str) -> dict[str, str]:
    """Go's own env file (`go env -w`): where modules come from."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, _, value in pairs if name in _GO and value}


def from_cargo(text: str) -> dict[str, str]:
    """Cargo's config.toml: named registries and the proxy. Replaced sources have no variable, and are left out."""
    data = _toml(text)
    found: dict[str, str] = {}
    for name, registry in _table(data.get("registries")).items():
        prefix = f"CARGO_REGISTRIES_{name.upper().replace('-', '_')}"
        for key in ("index", "token"):
            if isinstance(value := _table(registry).get(key), str):
                found[f"{prefix}_{key.upper()}"] = value
    proxy = _table(data.get("http")).get("proxy")
    if isinstance(proxy, str):
        found["CARGO_HTTP_PROXY"] = proxy
    return found


def share_python_index(settings: Mapping[str, str]) -> dict[str, str]:
    """Give uv pip's index and pip uv's, where only one is set: a host has one truth about Python packages."""
    found = dict(settings)
    uv = found.get("UV_DEFAULT_INDEX") or found.get("UV_INDEX_URL")
    pip = found.get("PIP_INDEX_URL")
    if pip and not uv:
        found["UV_DEFAULT_INDEX"] = pip
        if extra := found.get("PIP_EXTRA_INDEX_URL"):
            found.setdefault("UV_INDEX", extra)
    elif uv and not pip:
        found["PIP_INDEX_URL"] = re.sub(r"^[\w-]+=", "", uv)
    return found


def _table(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
