"""What the doctor looks at: the source, its configuration, the reports' folder, and an engine that really answers."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from gauntlet.cli.checkout import Checkout, look_at
from gauntlet.cli.engine import check_engine, engine
from gauntlet.cli.language import read_language
from gauntlet.config import FILENAME
from gauntlet.errors import GauntletError, unwrapped
from gauntlet.reports import prepare, report_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet.cli.options import Options


@dataclass(frozen=True, slots=True)
class Symptom:
    """One examined thing: fine, fine with something to improve (`remedy`), or not; `code` is the exit code then."""

    what: str
    fine: bool
    said: str
    remedy: str = ""
    code: int = 3


def examine(options: Options) -> int:
    """Examine everything, print it, and return 0, or the code of the worst."""
    check_engine(options.engine)
    symptoms = [_python(), _git()]
    found: list[Checkout] = []

    def source() -> str:
        found.append(look_at(options.source, options.base))
        where = found[0].repository
        return f"{found[0].root}{'' if where else ', in no git repository: no history, no base'}"

    symptoms.append(_tried("source", source))
    if found:
        checkout = found[0]
        symptoms.append(_tried("configuration", lambda: _language(checkout)))
        symptoms.append(_tried("reports", lambda: _reports(checkout)))
    symptoms += _machine(options.engine)
    symptoms.append(_tried("engine", lambda: _engine(options.engine)))
    for symptom in symptoms:
        mark = "ok  " if symptom.fine and not symptom.remedy else "warn" if symptom.fine else "NOT "
        print(f"{mark}  {symptom.what}: {symptom.said}")
        if symptom.remedy:
            print(f"      what now: {symptom.remedy}")
    return max((symptom.code for symptom in symptoms if not symptom.fine), default=0)


def _tried(what: str, look: Callable[[], str]) -> Symptom:
    try:
        with unwrapped():
            return Symptom(what, fine=True, said=look())
    except GauntletError as error:
        return Symptom(what, fine=False, said=error.message, remedy=error.diagnostics(), code=error.exit_code)


def _python() -> Symptom:
    return Symptom("python", fine=True, said=f"{platform.python_version()} at {sys.executable}")


def _git() -> Symptom:
    path = shutil.which("git")
    if path is None:
        return Symptom("git", fine=False, said="not on PATH", remedy="install git; without it there is no --base")
    return Symptom("git", fine=True, said=path)


def _language(checkout: Checkout) -> str:
    language = read_language(checkout)
    own = [stage.id for stage in language.stages.values() if stage.origin]
    custom = f", {len(own)} custom ({', '.join(own)})" if own else ""
    source = FILENAME if (checkout.root / FILENAME).exists() else f"no {FILENAME}, defaults"
    return f"{source}, {len(language.stages)} stages{custom}"


def _reports(checkout: Checkout) -> str:
    folder = report_folder(checkout.root, None)
    prepare(folder)
    return f"{folder} can be written"


def _machine(choice: str) -> list[Symptom]:
    """What the embedded engine finds missing on this machine; another engine's machine is not ours to look at."""
    if choice == "dagger":
        return []
    try:
        from gauntlet_engine.checkup import FAIL, check_machine  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return []  # the look at the engine itself says so
    address = {} if choice == "embedded" else {"BUILDKIT_HOST": choice}
    checks = anyio.run(check_machine, dict(os.environ) | address)
    return [Symptom(check.name, check.level != FAIL, check.finding, check.remedy) for check in checks]


def _engine(choice: str) -> str:
    async def answer() -> str:
        from dagger import dag  # noqa: PLC0415 - only this look needs it

        async with engine(choice, lambda line: print(f"      {line}")) as found:
            version = await dag.version()
            kind = ", ".join(f"{name} {value}" for name, value in found.facts.items())
            return f"{version} answers ({kind})"

    return anyio.run(answer)
