"""Our side of a BuildKit session: what the daemon may ask the host for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from gauntlet_engine.buildkit.content import OciLayout
    from gauntlet_engine.buildkit.filesync import LocalDir




class Attachables:
    """What sessions offer. May grow while sessions are open; several sessions may share one."""

    def add_local(self, name: str, directory: LocalDir) -> None:
        """Offer a host directory as `local://name`. Same name again: replaced."""
        raise NotImplementedError

    def add_secret(self, secret_id: str, value: bytes | Callable[[], Awaitable[bytes]]) -> None:
        """Offer a secret (≤ 500,000 bytes, BuildKit's limit); a callable is asked anew each time."""
        raise NotImplementedError

    def add_store(self, store_id: str, layout: OciLayout) -> None:
        """Offer an OCI layout; ops name it by `oci.store` = store_id, or `local:DIR` for caches."""
        raise NotImplementedError

    def add_socket(self, socket_id: str, path: Path) -> None:
        """Offer a unix socket to SSH-forward mounts with that id."""
        raise NotImplementedError

    def set_credentials(self, registries: Mapping[str, tuple[str, str]]) -> None:
        """(user, password) by registry host; others are asked anonymously."""
        raise NotImplementedError


class Session:
    """An open session, made by `Client.session`. Adding through `attachables` works at any time."""

    id: str
    """Value for an op's `local.session`/`oci.session` attribute; leave these out where any session will do."""

    attachables: Attachables

    @property
    def alive(self) -> bool:
        """Whether the daemon can still reach us."""
        raise NotImplementedError
