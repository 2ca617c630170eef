"""A module's own container: a clean environment from its lock, with nothing of ours or of the caller's.

Built as Dagger's Python runtime builds it (dagger/dagger sdk/python/runtime/main.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_engine.api import Query
from gauntlet_engine.module.names import pascal_case

if TYPE_CHECKING:
    from gauntlet_engine.api.container import Container
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.directory import Directory
    from gauntlet_engine.module.source import ModuleSource

BASE_IMAGE = "gauntlet/base:trixie"
_UV = "uv==0.13.9"
_SOURCE = "/src"
ENVIRONMENT = "/opt/venv"
_MANIFESTS = ("**/pyproject.toml", "**/uv.lock", "**/.python-version")
_NEVER_SENT = ("**/.git", "**/.venv", "**/node_modules", "**/__pycache__", "**/.gauntlet", "**/.pytest_cache")


async def module_container(session: EngineSession, source: ModuleSource) -> Container:
    """The container in which the module's functions run; nothing is built before something asks for it.

    Raises:
        EngineError: the base image can't be resolved.
    """
    query = Query()
    base = await query.container(session).from_(session, BASE_IMAGE)
    base = await base.with_exec(session, ["python3", "-m", "venv", "/opt/uv"])
    base = await base.with_exec(session, ["/opt/uv/bin/pip", "install", "--quiet", _UV])
    base = (
        base.with_mounted_cache("/root/.cache/uv", query.cache_volume("modpython-uv"))
        .with_env_variable("UV_PROJECT_ENVIRONMENT", ENVIRONMENT)
        .with_env_variable("UV_LINK_MODE", "copy")
        .with_env_variable("UV_COMPILE_BYTECODE", "1")
        .with_env_variable("UV_PYTHON_DOWNLOADS", "never")
        .with_env_variable("PYTHONUNBUFFERED", "1")
        # Tells Gauntlet's own module which engine serves it: the base image's name means something only here.
        .with_env_variable("GAUNTLET_ENGINE", "embedded")
        .with_workdir(f"{_SOURCE}/{source.source}")
    )
    everything = await _upload(session, source)
    if (source.project / "uv.lock").is_file():
        # First what the locks name, so that an edit of the source does not install it again.
        manifests = await everything.filter(session, include=_MANIFESTS)
        base = await base.with_mounted_directory(session, _SOURCE, manifests)
        base = await base.with_exec(
            session, ["/opt/uv/bin/uv", "sync", "--quiet", "--frozen", "--no-dev", "--no-install-workspace"]
        )
        install = ["/opt/uv/bin/uv", "sync", "--quiet", "--frozen", "--no-dev"]
    else:
        install = ["/opt/uv/bin/uv", "sync", "--quiet", "--no-dev"]
    base = await base.with_mounted_directory(session, _SOURCE, everything)
    base = await base.with_exec(session, install)
    # uv has compiled what it installed; the module's own files are used where they are.
    base = await base.with_exec(session, [f"{ENVIRONMENT}/bin/python", "-m", "compileall", "-q", "."], expect="ANY")
    name = pascal_case(source.name)
    return base.with_env_variable("DAGGER_MODULE", source.name).with_env_variable("DAGGER_MAIN_OBJECT", name)


async def _upload(session: EngineSession, source: ModuleSource) -> Directory:
    include = [pattern for pattern in source.include if not pattern.startswith("!")]
    exclude = [pattern[1:] for pattern in source.include if pattern.startswith("!")]
    return Query().host().directory(
        session, str(source.root), exclude=(*_NEVER_SENT, *exclude), include=tuple(include), gitignore=True
    )  # fmt: skip
