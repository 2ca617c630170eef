"""A module that does a little of everything."""

import enum
import os
import sys
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, dag, enum_type, field, function, object_type

COUNT = [0]


@enum_type
class Mood(enum.Enum):
    """How it is said."""

    CALM = "calm"
    LOUD = "loud"


@object_type
class Greeting:
    """What was said."""

    text: str = field()
    length: int = field()

    @function
    def loud(self) -> str:
        """Say it louder."""
        return self.text.upper()


@object_type
class Greeter:
    """Greets."""

    source: Annotated[dagger.Directory, DefaultPath("/"), Ignore(["*.secret"])]
    greeting: str = "hello"

    @function
    def greet(self, name: Annotated[str, Doc("Who")] = "world", mood: Mood = Mood.CALM) -> Greeting:
        """Greet somebody."""
        text = f"{self.greeting} {name}"
        print("greeting", name)
        print("to the side", file=sys.stderr)
        return Greeting(text=text.upper() if mood is Mood.LOUD else text, length=len(text))

    @function
    async def files(self) -> list[str]:
        """Name the source's files."""
        return await self.source.entries()

    @function
    def tree(self) -> dagger.Directory:
        """Make a directory."""
        return dag.directory().with_new_file("a.txt", "A").with_new_file("b/c.txt", "C")

    @function
    def total(self, numbers: list[int], half: bool = False) -> float:
        """Add numbers."""
        return sum(numbers) / 2 if half else sum(numbers)

    @function
    async def reveal(self, secret: dagger.Secret) -> int:
        """Count a secret's characters."""
        return len(await secret.plaintext())

    @function
    def boom(self) -> str:
        """Raise."""
        raise ValueError("this went wrong")

    @function
    async def refuse(self) -> str:
        """Let a failed exec through."""
        return await dag.container().from_("gauntlet/base:trixie").with_exec(["sh", "-c", "exit 7"]).stdout()

    @function
    def leave(self) -> str:
        """End the process without an answer."""
        os._exit(0)

    @function
    def counted(self) -> int:
        """Count the calls that this process has seen."""
        COUNT[0] += 1
        return COUNT[0]
