"""PostgreSQL and Redis as service containers, from Debian bookworm's packages: the same servers on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagger

    from gauntlet.project import ServiceName

POSTGRES_BIN = "/usr/lib/postgresql/15/bin"
DATA = "/var/lib/gauntlet/postgres"
POSTGRES_PORT, REDIS_PORT = 5432, 6379
DATABASE = "gauntlet"
# The package's script makes no cluster and starts nothing: ours is made below, and starts with the stage.
_INSTALL = """
set -e
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -qq update
apt-get -qq install -y --no-install-recommends postgresql-15 redis-server
rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d
"""
# Data that lives as long as one run needs no fsync. Everybody is trusted: nobody but the run reaches the server.
_INITDB = f"""
set -e
install -d -o postgres -g postgres -m 700 {DATA}
setpriv --reuid=postgres --regid=postgres --clear-groups \
    {POSTGRES_BIN}/initdb -D {DATA} -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync
echo 'host all all all trust' >> {DATA}/pg_hba.conf
"""
POSTGRES_ARGS = (
    f"{POSTGRES_BIN}/postgres", "-D", DATA,
    "-c", "listen_addresses=*", "-c", f"port={POSTGRES_PORT}", "-c", "unix_socket_directories=",
    "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum=off",
    # Containers have a small or no /dev/shm.
    "-c", "dynamic_shared_memory_type=mmap", "-c", "shared_buffers=64MB", "-c", "max_connections=200",
)  # fmt: skip
REDIS_ARGS = (
    "redis-server", "--port", str(REDIS_PORT), "--bind", "*", "-::*", "--protected-mode", "no",
    "--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--dir", "/tmp",  # noqa: S108 - inside its own container
)  # fmt: skip


def installed(image: dagger.Container) -> dagger.Container:
    """`image` (Debian bookworm) with both servers; from the engine's cache after the first time."""
    return image.with_exec(["sh", "-c", _INSTALL])


def with_cluster(image: dagger.Container) -> dagger.Container:
    """`installed` with an empty PostgreSQL cluster."""
    return installed(image).with_exec(["sh", "-c", _INITDB])


def postgres(image: dagger.Container) -> dagger.Service:
    """PostgreSQL 15 with an empty cluster, new in every run; user `postgres`, no password."""
    return (
        with_cluster(image)
        .with_user("postgres")
        .with_workdir(DATA)
        .with_exposed_port(POSTGRES_PORT)
        .as_service(args=list(POSTGRES_ARGS))
    )


def redis(image: dagger.Container) -> dagger.Service:
    """Redis 7.0 without persistence, new in every run."""
    return (
        installed(image)
        .with_user("redis")
        .with_exposed_port(REDIS_PORT)
        .as_service(args=list(REDIS_ARGS))
    )  # fmt: skip


async def prepare(image: dagger.Container, names: tuple[ServiceName, ...]) -> None:
    """Have the engine make what the services are started from."""
    if "postgres" in names:
        await with_cluster(image).sync()
    elif names:
        await installed(image).sync()


def bound(container: dagger.Container, image: dagger.Container, names: tuple[ServiceName, ...]) -> dagger.Container:
    """`container` with the services under their names, each also under the one that compose files give it."""
    if "postgres" in names:
        server = postgres(image)
        container = container.with_service_binding("postgres", server).with_service_binding("db", server)
    if "redis" in names:
        container = container.with_service_binding("redis", redis(image))
    return container


def addresses(names: tuple[ServiceName, ...]) -> dict[str, str]:
    """The variables by which tests find the services."""
    found: dict[str, str] = {}
    if "postgres" in names:
        url = f"postgresql://postgres@postgres:{POSTGRES_PORT}/{DATABASE}"
        found |= {
            "DATABASE_URL": url, "POSTGRES_URL": url, "PGHOST": "postgres", "PGPORT": str(POSTGRES_PORT),
            "PGUSER": "postgres", "PGDATABASE": DATABASE,
            "POSTGRES_HOST": "postgres", "POSTGRES_PORT": str(POSTGRES_PORT),
            "POSTGRES_USER": "postgres", "POSTGRES_PASSWORD": "postgres", "POSTGRES_DB": DATABASE,
        }  # fmt: skip
    if "redis" in names:
        found |= {
            "REDIS_URL": f"redis://redis:{REDIS_PORT}/0", "REDIS_HOST": "redis", "REDIS_PORT": str(REDIS_PORT),
        }  # fmt: skip
    return found
