"""Runs an invocation: the constructor, then function after function, each on what the one before returned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from gauntlet_engine.buildkit import EngineError
from gauntlet_engine.execution import Executor
from gauntlet_engine.module.core import field_query
from gauntlet_engine.module.values import argument_value, default_value

if TYPE_CHECKING:
    from pathlib import Path

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.module.invocation import Call, Invocation
    from gauntlet_engine.module.process import ModuleRuntime


class CallFailedError(EngineError):
    """A field of the API failed in a chain; `exit_code` is that of the failed exec, 1 otherwise."""

    def __init__(self, message: str, extensions: dict[str, Any]) -> None:
        super().__init__(message)
        self.exit_code: int = extensions.get("exitCode", 1)
        self.stdout: str = extensions.get("stdout", "")
        self.stderr: str = extensions.get("stderr", "")


async def run_chain(
    session: EngineSession, runtime: ModuleRuntime, invocation: Invocation, introspection: Path
) -> object:
    """The last call's value as JSON data.

    Raises:
        FunctionFailedError: a function raised.
        CallFailedError: a field of the API failed.
        UsageError: a value does not fit its argument.
        EngineError: it could not be run.
    """
    value: object = {}
    for call in invocation.calls:
        value = await _step(session, runtime, call, value, introspection)
    return value


async def _step(
    session: EngineSession, runtime: ModuleRuntime, call: Call, state: object, introspection: Path
) -> object:
    arguments = await _arguments(session, runtime, call)
    owner, function = call.owner, call.function
    if runtime.module.object(owner.name) is None:
        return await _core(session, owner.name, str(state), call, arguments, introspection)
    if any(field.name == function.name for field in owner.fields):
        return cast("dict[str, object]", state).get(function.name)
    if not function.name and owner.constructor is None:
        return {}
    return await runtime.process.call(owner.name, function.name, state=state, arguments=arguments)


async def _arguments(session: EngineSession, runtime: ModuleRuntime, call: Call) -> dict[str, object]:
    ours = runtime.module.object(call.owner.name) is not None
    values: dict[str, object] = {}
    for argument in call.function.args:
        given = call.values.get(argument.name)
        if given is not None:
            values[argument.name] = await argument_value(session, runtime.module, argument, given)
        elif ours:
            default = await default_value(session, runtime.source, argument)
            if default is not None:
                values[argument.name] = default
    return values


async def _core(
    session: EngineSession,
    owner: str,
    object_id: str,
    call: Call,
    arguments: dict[str, object],
    introspection: Path,
) -> object:
    text = field_query(owner, object_id, call.function, arguments)
    answer = json.loads((await Executor(session, introspection).answer(text, {})).body)
    if errors := answer.get("errors"):
        raise CallFailedError(errors[0]["message"], errors[0].get("extensions", {}))
    value: Any = answer["data"][f"load{owner}FromID"][call.function.name]
    return _ids(value)


def _ids(value: Any) -> object:
    if isinstance(value, dict):
        return cast("dict[str, object]", value)["id"]
    if isinstance(value, list):
        return [_ids(item) for item in cast("list[Any]", value)]
    return value
