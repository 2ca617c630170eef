from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import dagger
import graphql
import pytest
from dagger import dag
from dagger.client._session import SharedConnection

from gauntlet.cli.quick_client import in_process
from gauntlet_engine.schema import whole_sdl


def test_the_client_loads_without_its_type_checks() -> None:
    code = (
        "from gauntlet.cli.quick_client import load_client; load_client()\n"
        "import beartype, dagger\n"
        "print(hasattr(dagger.Container.with_exec, '__wrapped__'), beartype.beartype.__name__)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "beartype"]


def test_what_only_modules_need_is_imported_when_it_is_asked_for() -> None:
    code = (
        "from gauntlet.cli.quick_client import load_client; load_client()\n"
        "import sys, dagger\n"
        "assert 'dagger.mod' not in sys.modules\n"
        "assert not hasattr(dagger, 'no_such_thing')\n"
        "from dagger import function, object_type\n"
        "import dagger.mod\n"
        "assert dagger.mod.function is function and dagger.DefaultPath is dagger.mod.DefaultPath\n"
        "@object_type\n"
        "class Shop:\n"
        "    @function\n"
        "    def name(self) -> str: return 'shop'\n"
        "print(Shop().name())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert said.stdout == "shop\n", said.stderr


@pytest.mark.anyio
async def test_queries_in_this_process_need_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = graphql.build_schema(whole_sdl())
    asked: list[str] = []

    async def answer(text: str, variables: dict[str, Any], operation: str | None) -> Any:
        asked.append(text)
        if "__schema" in text:
            found = graphql.graphql_sync(schema, text, operation_name=operation)  # pyright: ignore[reportUnknownMemberType]
            return SimpleNamespace(status=200, body=json.dumps(found.formatted).encode())
        if "defaultPlatform" in text:
            return SimpleNamespace(status=422, body=b'{"errors": [{"message": "no such thing"}], "data": null}')
        return SimpleNamespace(status=200, body=b'{"data": {"version": "v0"}}')

    # dagger-io has one connection in a process, and other tests of this one may be using it.
    shared = SharedConnection()
    monkeypatch.setattr(shared, "_session", None)
    monkeypatch.setattr(shared, "_params", None)
    monkeypatch.setenv("DAGGER_SESSION_PORT", "1")
    monkeypatch.setenv("DAGGER_SESSION_TOKEN", "none")
    with in_process(answer):
        context = dagger.connection(dagger.Config())
        await context.__aenter__()
    try:
        assert await dag.version() == "v0"
        with pytest.raises(dagger.DaggerError):
            await dag.default_platform()
    finally:
        await context.__aexit__(None, None, None)
    assert any("version" in text for text in asked)
