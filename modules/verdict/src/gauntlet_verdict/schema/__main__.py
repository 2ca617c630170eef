"""`python -m gauntlet_verdict.schema`: write the schema files beside this one."""

from pathlib import Path

from gauntlet_verdict.schema import documents

for name, text in documents().items():
    Path(__file__).with_name(name).write_text(text, encoding="utf-8")
