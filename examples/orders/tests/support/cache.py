"""The Redis client as tests need it, with the types that it leaves open."""

from typing import cast

from redis.asyncio import Redis


def connect(url: str) -> Redis:
    """A client of the server at a URL."""
    return Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType] - untyped **kwargs


async def keys_of(cache: Redis, prefix: str) -> list[bytes]:
    """All keys that start with a prefix."""
    found = await cache.keys(f"{prefix}*")  # pyright: ignore[reportUnknownMemberType] - as above
    return cast("list[bytes]", found)


async def entries_of(cache: Redis, stream: str) -> list[dict[str, str]]:
    """The fields of all entries of a stream, oldest first."""
    found = cast(
        "list[tuple[bytes, dict[bytes, bytes]]]",
        await cache.xrange(stream),
    )
    return [
        {name.decode(): value.decode() for name, value in fields.items()} for _, fields in found
    ]
