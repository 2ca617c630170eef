"""The fields of Container that read and change its config."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gauntlet_engine.api.container.state import ContainerState, SecretVariable, ServiceBinding
from gauntlet_engine.api.errors import ApiError
from gauntlet_engine.api.image_config import with_pair, without_pair
from gauntlet_engine.api.values import EnvVariable, Label, Port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from gauntlet_engine.api.secret import Secret
    from gauntlet_engine.api.service import Service


class Configuring(ContainerState):
    """Environment, working directory, user, commands, labels, ports, bindings: nothing here runs anything."""

    def env_variable(self, name: str) -> str | None:
        """Value of a variable; secret ones have none here."""
        return self.config.variable(name)

    def env_variables(self) -> list[EnvVariable]:
        """All but the secret ones, in order."""
        return [EnvVariable(name, value) for name, value in self.config.env]

    def with_env_variable(self, name: str, value: str, expand: bool = False) -> Self:
        """With a variable."""
        return self.configured(env=with_pair(self.config.env, name, self.expanded(value, expand)))

    def without_env_variable(self, name: str) -> Self:
        """Without a variable."""
        return self.configured(env=without_pair(self.config.env, name))

    def with_secret_variable(self, name: str, secret: Secret) -> Self:
        """With a variable whose value only the processes see."""
        variable = SecretVariable(name, secret)
        if any(old.name == name for old in self.secret_variables):
            kept = tuple(variable if old.name == name else old for old in self.secret_variables)
            return self.changed(secret_variables=kept)
        return self.changed(secret_variables=(*self.secret_variables, variable))

    def without_secret_variable(self, name: str) -> Self:
        """Without a secret variable."""
        return self.changed(secret_variables=tuple(old for old in self.secret_variables if old.name != name))

    def workdir(self) -> str:
        """Working directory, empty where none is set."""
        return self.config.workdir

    def with_workdir(self, path: str, expand: bool = False) -> Self:
        """With another working directory, relative to the current one."""
        return self.configured(workdir=self.absolute(self.expanded(path, expand)))

    def without_workdir(self) -> Self:
        """With `/` as the working directory."""
        return self.configured(workdir="")

    def user(self) -> str:
        """User of processes, empty for root."""
        return self.config.user

    def with_user(self, name: str) -> Self:
        """With processes of another user: `name|uid[:group|gid]`."""
        return self.configured(user=name)

    def without_user(self) -> Self:
        """With processes of root."""
        return self.configured(user="")

    def entrypoint(self) -> list[str]:
        """What `useEntrypoint` puts before the args."""
        return list(self.config.entrypoint)

    def with_entrypoint(self, args: Sequence[str], keep_default_args: bool = False) -> Self:
        """With another entrypoint; the default args go with the old one unless kept."""
        kept = self.config.cmd if keep_default_args else ()
        return self.configured(entrypoint=tuple(args), cmd=kept)

    def without_entrypoint(self, keep_default_args: bool = False) -> Self:
        """Without an entrypoint."""
        return self.with_entrypoint((), keep_default_args=keep_default_args)

    def default_args(self) -> list[str]:
        """What runs where an exec has no args."""
        return list(self.config.cmd)

    def with_default_args(self, args: Sequence[str]) -> Self:
        """With other default args."""
        return replace(self.configured(cmd=tuple(args)), default_args_set=True)

    def without_default_args(self) -> Self:
        """Without default args."""
        return replace(self.configured(cmd=()), default_args_set=False)

    def label(self, name: str) -> str | None:
        """Value of a label."""
        return dict(self.config.labels).get(name)

    def labels(self) -> list[Label]:
        """All labels, in no promised order."""
        return [Label(name, value) for name, value in self.config.labels]

    def with_label(self, name: str, value: str) -> Self:
        """With a label."""
        return self.configured(labels=with_pair(self.config.labels, name, value))

    def without_label(self, name: str) -> Self:
        """Without a label."""
        return self.configured(labels=without_pair(self.config.labels, name))

    def with_annotation(self, name: str, value: str) -> Self:
        """With an annotation of the image's manifest."""
        return self.changed(annotations=with_pair(self.annotations, name, value))

    def without_annotation(self, name: str) -> Self:
        """Without an annotation."""
        return self.changed(annotations=without_pair(self.annotations, name))

    def exposed_ports(self) -> list[Port]:
        """Ports of the image and those exposed since."""
        described = {port.oci: port for port in self.ports}
        return [described.get(oci) or Port.of_oci(oci) for oci in self.config.ports]

    def with_exposed_port(
        self,
        port: int,
        protocol: str = "TCP",
        description: str | None = None,
        experimental_skip_healthcheck: bool = False,
    ) -> Self:
        """With a port that a service made of it is waited for."""
        new = Port(port, protocol, description, experimental_skip_healthcheck)
        kept = tuple(old for old in self.ports if old.oci != new.oci)
        oci = tuple(dict.fromkeys((*self.config.ports, new.oci)))
        return replace(self.configured(ports=oci), ports=(*kept, new))

    def without_exposed_port(self, port: int, protocol: str = "TCP") -> Self:
        """Without that port of that protocol."""
        gone = Port(port, protocol).oci
        kept = tuple(old for old in self.ports if old.oci != gone)
        return replace(self.configured(ports=tuple(old for old in self.config.ports if old != gone)), ports=kept)

    def with_service_binding(self, alias: str, service: Service) -> Self:
        """With a service that runs beside every later exec, under the name `alias`."""
        return replace(self, services=(*self.services, ServiceBinding(alias, service)))

    def with_error(self, err: str) -> Self:
        """Raise an error where `err` is not empty."""
        if err:
            raise ApiError(err)
        return self
