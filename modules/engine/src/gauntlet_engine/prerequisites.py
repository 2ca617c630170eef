"""What the daemon needs from the machine, and how to get what is missing."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CNI_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
_CNI_PLUGINS = ("bridge", "loopback", "host-local", "firewall")


@dataclass(frozen=True)
class Missing:
    """One thing that is not there: `what`, `why` it is needed, and the `remedy`."""

    what: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Machine:
    """What was found. Empty strings are what was not."""

    root: bool
    runc: str
    cni: str
    iptables: str
    rootlesskit: str
    newuidmap: str
    path: str

    def missing(self, network: str) -> list[Missing]:
        """What stands in the way of a daemon with this network mode (`bridge` or `host`)."""
        lacks: list[Missing] = []
        if not self.runc:
            lacks.append(Missing("runc", "it starts every container", "apt-get install runc"))
        if network == "bridge" and not self.cni:
            why = "they give every container an address of its own"
            lacks.append(Missing("the CNI plugins", why, "apt-get install containernetworking-plugins"))
        if network == "bridge" and not self.iptables:
            lacks.append(Missing("iptables", "it lets containers reach the network", "apt-get install iptables"))
        if not self.root and not self.rootlesskit:
            why = "it starts the daemon without root"
            lacks.append(Missing("rootlesskit", why, "apt-get install rootlesskit (or run as root)"))
        if not self.root and not self.newuidmap:
            why = "it maps this user's range of user ids into the containers"
            lacks.append(Missing("newuidmap", why, "apt-get install uidmap, and lines for you in /etc/sub{u,g}id"))
        return lacks


def look(environ: Mapping[str, str]) -> Machine:
    """Search this machine. System folders count although a user's PATH often lacks them."""
    path = os.pathsep.join(dict.fromkeys([*environ.get("PATH", "").split(os.pathsep), *_SYSTEM_PATH.split(":")]))

    def find(program: str) -> str:
        return shutil.which(program, path=path) or ""

    cni = next((f for f in _CNI_FOLDERS if all((Path(f) / plugin).exists() for plugin in _CNI_PLUGINS)), "")
    return Machine(
        root=os.geteuid() == 0,
        runc=find("runc"),
        cni=cni,
        iptables=find("iptables"),
        rootlesskit=find("rootlesskit"),
        newuidmap=find("newuidmap"),
        path=path.strip(os.pathsep),
    )
