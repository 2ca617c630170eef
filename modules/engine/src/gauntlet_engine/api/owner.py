"""Who files belong to, as `owner` arguments say it: `user`, `user:group`, names or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.buildkit import NotFound
from gauntlet_engine.graph import Owner

if TYPE_CHECKING:
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.graph import Output


async def resolve_owner(session: EngineSession, owner: str, tree: Output | None) -> Owner | None:
    """Numbers for an `owner` argument; None for the empty one.

    A missing group is the user's own number, also for a user named by name: that is Dagger's rule. Names are looked
    up in /etc/passwd and /etc/group of `tree`, which is solved only then.

    Raises:
        ApiError: no such user or group. SolveError.
    """
    if not owner:
        return None
    user, has_group, group = owner.partition(":")
    uid = await _number(session, user, tree, "/etc/passwd", "uid")
    gid = await _number(session, group, tree, "/etc/group", "gid") if has_group else uid
    return Owner(uid, gid)


async def _number(session: EngineSession, name: str, tree: Output | None, database: str, what: str) -> int:
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        text = (await session.read_file(tree, database)).decode(errors="replace")
    except NotFound:
        raise ApiError(f"find {what}: open {database}: no such file or directory") from None
    for line in text.splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) > 2 and fields[2].isdigit():  # noqa: PLR2004  # passwd(5), group(5)
            return int(fields[2])
    raise ApiError(f"find {what}: no such {'user' if what == 'uid' else 'group'}: {name}")
