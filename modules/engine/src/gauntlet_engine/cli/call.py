"""`gauntlet-engine call|functions`, and the `dagger` that stands in where no Dagger is installed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import anyio

from gauntlet_engine.buildkit import EngineError, ExecFailed
from gauntlet_engine.module.chain import CallFailedError, run_chain
from gauntlet_engine.module.core import CoreSchema
from gauntlet_engine.module.invocation import Invocation, UsageError, parse_invocation
from gauntlet_engine.module.names import kebab_case
from gauntlet_engine.module.process import FunctionFailedError, ModuleRuntime, running_module
from gauntlet_engine.module.progress import Follower
from gauntlet_engine.module.source import ModuleSource, ModuleSourceError, find_module
from gauntlet_engine.session import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gauntlet_engine.api.type_def import TypeDef
    from gauntlet_engine.session import EngineHandle

_USAGE = 1  # what the real `dagger` exits with


def dagger_main() -> NoReturn:
    """`dagger`: a real one elsewhere on PATH comes first; ours has call and functions."""
    real = _another_dagger(Path(sys.argv[0]), os.environ.get("PATH", ""))
    if real is not None:
        os.execv(real, [real, *sys.argv[1:]])  # noqa: S606  # becoming the real one is the point
    sys.exit(main(sys.argv[1:], program="dagger"))


def call(arguments: Sequence[str]) -> int:
    """`gauntlet-engine call`; the arguments are those of `dagger call`."""
    return main(["call", *arguments])


def main(words: Sequence[str], *, program: str = "gauntlet-engine") -> int:
    """Run `call` or `functions`; the exit code is Dagger's: 0, 1, or that of the exec that failed."""
    parser = _parser(program)
    options, rest = parser.parse_known_args(words)
    if options.command == "call":
        rest = _after_globals(list(words), options)
    elif rest:
        parser.error(f"unknown words: {' '.join(rest)}")
    try:
        return anyio.run(_run, options, rest)
    except (UsageError, ModuleSourceError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return _USAGE
    except BaseExceptionGroup as group:
        return _explain(_only(group))
    except EngineError as error:
        return _explain(error)
    except KeyboardInterrupt:
        return 130


def _parser(program: str) -> ArgumentParser:
    parser = ArgumentParser(prog=program, allow_abbrev=False, add_help=True)
    commands = parser.add_subparsers(dest="command", required=True, metavar="call|functions")
    call = commands.add_parser("call", help="call functions of a module", add_help=False, allow_abbrev=False)
    functions = commands.add_parser("functions", help="list a module's functions", allow_abbrev=False)
    for each in (call, functions):
        each.add_argument("-m", "--mod", default=".", metavar="PATH", help="the module's folder (default: this one)")
        each.add_argument("-q", "--quiet", action="store_true", help="no progress")
        each.add_argument("-s", "--silent", action="store_true", help="no progress")
        each.add_argument("--progress", default="auto", help="accepted; progress is plain lines")
    call.add_argument("-j", "--json", action="store_true", help="the result as JSON")
    call.add_argument("-o", "--output", metavar="PATH", help="the result into a file or folder")
    return parser


def _after_globals(words: list[str], options: Namespace) -> list[str]:
    """The words after `call` and its own flags: what is for the module's functions."""
    rest = words[words.index(options.command) + 1 :]
    with_value = {"-m", "--mod", "-o", "--output", "--progress"}
    alone = {"-q", "--quiet", "-s", "--silent", "-j", "--json"}
    while rest:
        flag = rest[0].partition("=")[0]
        if flag in alone or (flag in with_value and "=" in rest[0]):
            rest = rest[1:]
        elif flag in with_value:
            rest = rest[2:]
        else:
            break
    # Dagger takes its global flags at the end as well.
    return [word for word in rest if word not in {"--json", "-j", "--quiet", "--silent"}]


async def _run(options: Namespace, rest: list[str]) -> int:
    source = find_module(Path(options.mod))
    quiet = options.quiet or options.silent
    follower = None if quiet else Follower(_progress)
    code = _USAGE
    async with open_session(log=None if quiet else _progress) as engine, anyio.create_task_group() as group:
        if follower is not None:
            group.start_soon(follower.follow, engine.events())
        code = await _answer(engine, source, options, rest, follower)
        group.cancel_scope.cancel()
    return code


async def _answer(
    engine: EngineHandle, source: ModuleSource, options: Namespace, rest: list[str], follower: Follower | None
) -> int:
    async with running_module(
        engine.engine,
        source,
        engine.introspection,
        started=lambda op: follower.expect(op.digest) if follower else None,
    ) as runtime:
        main_object = runtime.module.object(runtime.main_name)
        if main_object is None:
            raise ModuleSourceError(f"{source.root}: the module declares no object {runtime.main_name!r}")
        invocation = parse_invocation(rest, main_object, runtime.module, CoreSchema())
        if options.command == "functions" or len(invocation.calls) == 1:
            _list_functions(main_object)
            return 0
        try:
            value = await run_chain(engine.engine, runtime, invocation, engine.introspection)
        finally:
            if follower is not None:
                with anyio.CancelScope(shield=True):
                    await follower.settled(runtime.process.answers)
        return await _deliver(engine, runtime, invocation, value, options)


async def _deliver(
    engine: EngineHandle, runtime: ModuleRuntime, invocation: Invocation, value: object, options: Namespace
) -> int:
    result = invocation.result
    core = CoreSchema().object(result.name) if result.kind == "OBJECT_KIND" else None
    if core is not None and runtime.module.object(result.name) is None:
        exportable = any(function.name == "export" for function in core.functions)
        if options.output and exportable:
            chained = parse_invocation(
                ["export", f"--path={options.output}"], _as_main(result), runtime.module, CoreSchema()
            )
            await run_chain(engine.engine, runtime, Invocation(chained.calls[1:]), engine.introspection)
            print(f'Saved to "{options.output}".', file=sys.stderr)
            return 0
    text = _rendered(value, result, runtime, as_json=options.json)
    if options.output:
        await anyio.Path(options.output).write_text(text)
        print(f'Saved output to "{options.output}".', file=sys.stderr)
    elif text:
        print(text, end="" if text.endswith("\n") else "\n")
    return 0


def _as_main(result: TypeDef) -> TypeDef:
    return CoreSchema().object(result.name) or result


def _rendered(value: object, result: TypeDef, runtime: ModuleRuntime, *, as_json: bool) -> str:
    """A result as text: plain values as they are, a list a line an item, an object its type and scalar fields."""
    if result.kind == "VOID_KIND" or value is None:
        return ""
    declared = runtime.module.object(result.name)
    if declared is not None and isinstance(value, dict):
        state = cast("dict[str, object]", value)
        scalars = {
            field.name: state.get(field.name)
            for field in declared.fields
            if field.type_def.kind not in {"OBJECT_KIND", "LIST_KIND", "INTERFACE_KIND"}
        }
        shown = {"_type": _public_name(declared.name, runtime.main_name), **scalars}
        if not as_json:
            return "\n".join(f"{name}: {item}" for name, item in shown.items())
        value = shown
    if as_json:
        return json.dumps(value, indent=4, ensure_ascii=False)
    if isinstance(value, list):
        return "\n".join(str(item) for item in cast("list[object]", value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _public_name(name: str, main_name: str) -> str:
    """A type's name outside of its module: Dagger puts the module's before it."""
    return name if name.startswith(main_name) else main_name + name


def _list_functions(main_object: TypeDef) -> None:
    rows = [(kebab_case(function.name), function.description.split("\n")[0]) for function in main_object.functions]
    rows += [(kebab_case(field.name), field.description.split("\n")[0]) for field in main_object.fields]
    width = max((len(name) for name, _ in rows), default=4)
    print(f"{'Name':<{width}}   Description")
    for name, description in sorted(rows):
        print(f"{name:<{width}}   {description or '-'}")


def _progress(line: str) -> None:
    print(line, file=sys.stderr)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _only(cast("BaseExceptionGroup[BaseException]", first)) if isinstance(first, BaseExceptionGroup) else first


def _explain(error: BaseException) -> int:
    """Say what went wrong and return Dagger's exit code for it."""
    match error:
        case UsageError() | ModuleSourceError():
            print(f"Error: {error}", file=sys.stderr)
            return _USAGE
        case FunctionFailedError():
            print(f"Error: {error}", file=sys.stderr)
            return error.exit_code or 1
        case CallFailedError():
            print(f"Error: {error}\nStdout:\n{error.stdout}\nStderr:\n{error.stderr}", file=sys.stderr)
            return error.exit_code or 1
        case ExecFailed():
            print(f"Error: the module's process failed: {error}", file=sys.stderr)
            print(error.stderr.decode(errors="replace"), file=sys.stderr)
            return 1
        case EngineError():
            print(f"Error: {error.diagnostics()}", file=sys.stderr)
            return 1
        case _:
            raise error


def _another_dagger(ours: Path, path: str) -> str | None:
    """A `dagger` on PATH that is not this program."""
    mine = ours.resolve()
    for folder in path.split(os.pathsep):
        found = shutil.which("dagger", path=folder) if folder else None
        if found is not None and Path(found).resolve() != mine:
            return found
    return None
