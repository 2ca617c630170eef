"""The fields of Container that run its processes and tell what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gauntlet_engine.api.container.command import Command, exec_op
from gauntlet_engine.api.container.state import ContainerState, DirectoryMount, FileMount
from gauntlet_engine.api.errors import ApiError, NoCommandError
from gauntlet_engine.api.service import Service
from gauntlet_engine.buildkit import META_MOUNT, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from gauntlet_engine.api.container import Container
    from gauntlet_engine.api.container.state import Mount
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.graph import Exec


class Running(ContainerState):
    """Execs only describe what is to run; the leaves make it run."""

    async def with_exec(
        self,
        session: EngineSession,
        args: Sequence[str],
        use_entrypoint: bool = False,
        stdin: str = "",
        redirect_stdin: str = "",
        redirect_stdout: str = "",
        redirect_stderr: str = "",
        expect: str = "SUCCESS",
        experimental_privileged_nesting: bool = False,
        insecure_root_capabilities: bool = False,
        expand: bool = False,
        no_init: bool = False,
    ) -> Self:
        """After a process has run; its output is what stdout, stderr and exitCode then tell."""
        if stdin and redirect_stdin:
            raise ApiError("cannot set both stdin and redirectStdin")
        command = Command(
            args=self._command(args, use_entrypoint=use_entrypoint, expand=expand),
            stdin=stdin,
            redirect_stdin=self.expanded(redirect_stdin, expand),
            redirect_stdout=self.expanded(redirect_stdout, expand),
            redirect_stderr=self.expanded(redirect_stderr, expand),
            expect=expect,
            nested=experimental_privileged_nesting,
            privileged=insecure_root_capabilities,
            no_init=no_init,
        )
        op = await exec_op(session, self, command)
        return self.changed(
            tree=op.root_output,
            output=op.output_of(META_MOUNT),
            attached=tuple(_after(op, mount) for mount in self.attached),
        )

    async def stdout(self, session: EngineSession) -> str:
        """Standard output of the last exec, secrets scrubbed."""
        return await self._output(session, "stdout")

    async def stderr(self, session: EngineSession) -> str:
        """Standard error of the last exec, secrets scrubbed."""
        return await self._output(session, "stderr")

    async def combined_output(self, session: EngineSession) -> str:
        """Both, as they came."""
        return await self._output(session, "combined")

    async def exit_code(self, session: EngineSession) -> int:
        """Exit code of the last exec."""
        return int(await self._output(session, "exit-code"))

    async def sync(self, session: EngineSession) -> str:
        """Run everything that it is made of."""
        # Nearly always one op's two outputs: whichever is asked for, the op runs.
        if self.output is not None and (self.tree is None or self.tree.op is not self.output.op):
            await session.solve(self.output)
        if self.tree is not None:
            await session.solve(self.tree)
        return session.ids.id_of(self)

    def as_service(
        self,
        args: Sequence[str] = (),
        use_entrypoint: bool = False,
        experimental_privileged_nesting: bool = False,
        insecure_root_capabilities: bool = False,
        expand: bool = False,
        no_init: bool = False,
    ) -> Service:
        """Its command as something that others bind to."""
        config = self.config
        if not args and not config.cmd and not config.entrypoint:
            raise ApiError("no service command has been set")
        with_entrypoint = use_entrypoint or (bool(config.entrypoint) and not self.default_args_set and not args)
        command = tuple(self.expanded(arg, expand) for arg in args) or config.cmd
        if with_entrypoint:
            command = config.entrypoint + command
        return Service(
            container=cast("Container", self),
            args=command,
            nested=experimental_privileged_nesting,
            privileged=insecure_root_capabilities,
            no_init=no_init,
        )

    def _command(self, args: Sequence[str], *, use_entrypoint: bool, expand: bool) -> tuple[str, ...]:
        command = tuple(self.expanded(arg, expand) for arg in args) or self.config.cmd
        if use_entrypoint:
            command = self.config.entrypoint + command
        if not command:
            raise NoCommandError
        return command

    async def _output(self, session: EngineSession, name: str) -> str:
        if self.output is None:
            raise NoCommandError
        try:
            data = await session.read_file(self.output, f"/{name}")
        except NotFound:
            raise NoCommandError from None
        return data.decode(errors="replace")


def _after(op: Exec, mount: Mount) -> Mount:
    """The mount with what the process wrote there."""
    match mount:
        case DirectoryMount(target=target, path=path, readonly=False):
            return DirectoryMount(target, op.output_of(target), path)
        case FileMount(target=target, path=path):
            return FileMount(target, op.output_of(target), path)
        case _:
            return mount
