"""What a manifest asks for by itself, for where no lock says more."""

from __future__ import annotations

from gauntlet_checks.locks.facts import Tree, table
from gauntlet_checks.locks.node import SECTIONS, asked_for, json_of
from gauntlet_checks.locks.python import manifest_requirements, poetry_names, requirement_lines, toml_of
from gauntlet_checks.locks.requirement import canonical


def declared(tree: Tree, path: str) -> dict[str, str]:
    """What is asked for by name: the version specifier, maybe empty.

    Empty for a file that is missing and for formats that only their own tool can read (setup.py, setup.cfg).

    Raises:
        UnreadableError: it is not in its own format.
    """
    if not tree.has(path):
        return {}
    if path.endswith("package.json"):
        return asked_for(json_of(tree, path), SECTIONS)
    if path.endswith(".toml"):
        data = toml_of(tree, path)
        own = canonical(str(table(data, "project").get("name")))
        asked = {canonical(wanted.name): str(wanted.specifier) for _, wanted in manifest_requirements(path, data)}
        asked |= {canonical(name): "" for name in poetry_names(table(data, "tool", "poetry"))}
        return {name: version for name, version in asked.items() if name != own}
    if path.endswith((".txt", ".in")):
        return {canonical(wanted.name): str(wanted.specifier) for _, _, wanted in requirement_lines(tree, path, set())}
    return {}
