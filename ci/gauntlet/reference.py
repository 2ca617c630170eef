"""docs/configuration.md, written from the models that read gauntlet.yaml, so that it can't say anything else."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gauntlet.stage import Stage

_HEAD = """# Configuration

<!-- Generated: python -m gauntlet.reference > docs/configuration.md -->

`gauntlet.yaml` in the project's root is optional; without it detection decides, and `gauntlet plan` says what and why.
What is wrong with it is reported at once: file, line, column, what to write instead; the exit code is 2.
It is read from the *base* of a change: a change that edits it can't judge itself by it. For editors,
`gauntlet init --schema` prints the same as a JSON schema. Durations are `90`, `90s`, `10m`, `1h`; sizes `512M`, `2G`.
"""


COMMON = frozenset({"enabled", "block", "timeout", "memory"})


def markdown(schema: Mapping[str, Any]) -> str:
    """The reference as Markdown: the top level, then each section, then each stage's own options."""
    sections: dict[str, Any] = schema["$defs"]
    top: dict[str, Any] = schema["properties"]
    parts = [_HEAD, "## Top level", *_table(top, leave_out={"stages"})]
    for key, definition in top.items():
        name = str(definition.get("$ref", "")).rpartition("/")[2]
        if name in sections:
            parts += [f"\n## `{key}`", sections[name]["description"], *_table(sections[name]["properties"])]
    stages: dict[str, Any] = top["stages"]["properties"]
    one: dict[str, Any] = next(iter(stages.values()))["properties"]
    common = {key: definition for key, definition in one.items() if key in COMMON}
    parts += ["\n## `stages`", "By stage id; each takes these, and its own beside them:", *_table(common)]
    for stage_id, definition in stages.items():
        options = {key: value for key, value in definition["properties"].items() if key not in COMMON}
        parts += [f"\n### `{stage_id}`", *(_table(options) if options else ["No options of its own."])]
    return "\n".join(parts) + "\n"


def _table(properties: Mapping[str, Any], leave_out: frozenset[str] | set[str] = frozenset()) -> Iterator[str]:
    yield "\n| key | default | meaning |\n| --- | --- | --- |"
    for key, definition in properties.items():
        if key in leave_out:
            continue
        if "$ref" in definition:
            yield f"| `{key}` | - | see below |"
            continue
        default = json.dumps(definition["default"]) if definition.get("default") is not None else "-"
        meaning = " ".join(str(definition.get("description", "")).split()).replace("|", "\\|")
        yield f"| `{key}` | `{default}` | {meaning} |".replace("| `-` |", "| - |")


def main() -> None:
    """Print the reference."""
    from gauntlet.config_schema import json_schema  # noqa: PLC0415 - only this command needs them
    from gauntlet.stage import registered  # noqa: PLC0415 - as above
    from gauntlet.stages import load_stages  # noqa: PLC0415 - as above

    load_stages()
    stages: dict[str, Stage] = registered()
    sys.stdout.write(markdown(json_schema(stages)))


if __name__ == "__main__":
    main()
