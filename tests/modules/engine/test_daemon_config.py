import ipaddress
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gauntlet_engine import keeper
from gauntlet_engine.buildkit import DaemonGone
from gauntlet_engine.daemon_config import (
    Network,
    buildkitd_toml,
    choose_network,
    daemon_environment,
    network_mode,
    routed_networks,
    runc_wrapper,
)
from gauntlet_engine.prerequisites import Machine

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
own0\t0001010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def machine(**more: object) -> Machine:
    found = {
        "root": True,
        "runc": "/r",
        "cni": "/c",
        "iptables": "/i",
        "rootlesskit": "",
        "newuidmap": "",
        "path": "/bin",
    }
    return Machine(**{**found, **more})  # type: ignore[arg-type]


def test_routes_are_read_and_our_own_bridge_is_not_in_the_way() -> None:
    assert routed_networks(ROUTES, "own0") == [ipaddress.IPv4Network("10.0.0.0/16")]


def test_two_states_get_two_bridges_and_the_same_state_the_same() -> None:
    first, second = choose_network(Path("/a"), []), choose_network(Path("/b"), [])
    assert first == choose_network(Path("/a"), [])
    assert first.bridge != second.bridge
    assert first.subnet != second.subnet
    assert len(first.bridge) <= 15


def test_a_subnet_that_the_host_routes_is_left_alone() -> None:
    own = ipaddress.IPv4Network(choose_network(Path("/a"), []).subnet)
    other = ipaddress.IPv4Network(choose_network(Path("/a"), [own.supernet(new_prefix=12)]).subnet)
    assert not other.overlaps(own.supernet(new_prefix=12))
    with pytest.raises(DaemonGone, match="no address range"):
        choose_network(Path("/a"), [ipaddress.IPv4Network("10.0.0.0/8")])


@pytest.mark.parametrize("network", [Network(), Network("gnt1", "10.1.2.0/24")])
def test_the_configuration_is_toml_whatever_the_paths_hold(network: Network) -> None:
    odd = Path('/sp ace/"quo\\te')
    text = buildkitd_toml(
        root=odd, socket=odd / "s", machine=machine(), runc=odd / "runc", network=network, cache=1 << 30
    )
    parsed = tomllib.loads(text)
    assert parsed["root"] == str(odd)
    assert parsed["grpc"]["address"] == [f"unix://{odd}/s"]
    worker = parsed["worker"]["oci"]
    assert worker["binary"] == str(odd / "runc")
    assert worker["networkMode"] == ("bridge" if network.bridge else "host")
    assert worker["gcpolicy"][0]["maxUsedSpace"] == 1 << 30


def test_the_daemon_gets_none_of_the_callers_credentials() -> None:
    environ = {"HOME": "/h", "HTTPS_PROXY": "p", "AWS_SECRET_ACCESS_KEY": "x", "DAGGER_SESSION_TOKEN": "y"}
    passed = daemon_environment(environ, "/bin", Path("/t"))
    assert passed.keys() >= {"HOME", "HTTPS_PROXY", "PATH", "TMPDIR"}
    assert not {"AWS_SECRET_ACCESS_KEY", "DAGGER_SESSION_TOKEN"} & passed.keys()


def test_an_unknown_network_mode_is_refused() -> None:
    assert network_mode({"GAUNTLET_ENGINE_NETWORK": "host"}) == "host"
    with pytest.raises(DaemonGone, match="bridge or host"):
        network_mode({"GAUNTLET_ENGINE_NETWORK": "vpn"})


@pytest.mark.parametrize(
    ("lacking", "network", "what"),
    [
        ({"runc": ""}, "host", ["runc"]),
        ({"cni": "", "iptables": ""}, "bridge", ["the CNI plugins", "iptables"]),
        ({"cni": "", "iptables": ""}, "host", []),
        ({"root": False}, "host", ["rootlesskit", "newuidmap"]),
    ],
)
def test_what_a_machine_lacks_depends_on_how_the_daemon_runs(
    lacking: dict[str, object], network: str, what: list[str]
) -> None:
    missing = machine(**lacking).missing(network)
    assert [lack.what for lack in missing] == what
    assert all(lack.remedy.startswith("apt-get install ") for lack in missing)


def test_a_firewall_rule_is_split_as_iptables_quotes_it() -> None:
    rule = r'-A POSTROUTING -s 10.1.2.3/32 -m comment --comment "name: \"buildkit\" id: \"x\"" -j CNI-abc'
    assert keeper.split_rule(rule)[1:] == [
        "POSTROUTING", "-s", "10.1.2.3/32", "-m", "comment", "--comment", 'name: "buildkit" id: "x"', "-j", "CNI-abc",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "ours"),
    [
        ("-A X -i gnt1 ! -o gnt1 -j Y", True),
        ("-A X -s 10.1.2.7/32 -j Y", True),
        ("-A X -i gnt12 -j Y", False),
        ("-A X -s 10.1.20.7/32 -j Y", False),
        ("-A X -s 110.1.2.7/32 -j Y", False),
    ],
)
def test_only_rules_of_our_bridge_and_subnet_are_ours(rule: str, ours: bool) -> None:
    assert keeper.concerns(rule, "gnt1", "10.1.2.") is ours


def bundle(folder: Path, args: list[str], resources: dict[str, object], env: tuple[str, ...] = ()) -> Path:
    config = {"process": {"args": args, "env": env}, "linux": {"resources": resources, "cgroupsPath": "/b/x"}}
    folder.joinpath("config.json").write_text(json.dumps(config, separators=(",", ":")) + "\n")
    return folder


def limited(folder: Path, tmp_path: Path, *, root: bool = True) -> dict[str, Any]:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(runc_wrapper(machine(root=root, runc="/bin/echo"), Path("/own root")))
    command = ["sh", wrapper, "--log", "/l", "run", "--bundle", folder, "id"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said == f"--root /own root --log /l run --bundle {folder} id\n"
    return json.loads(folder.joinpath("config.json").read_text())["linux"]


@pytest.mark.parametrize("resources", [{}, {"devices": [{"allow": False}]}])
def test_the_kernel_is_told_the_limit_of_processes_that_the_shim_has(
    tmp_path: Path, resources: dict[str, object]
) -> None:
    # What people write into a command or a variable is no limit.
    spec = {"args": ["sh", '"processes":9999'], "limits": {"processes": 100, "timeoutSeconds": 5}}
    text = json.dumps(spec, separators=(",", ":"))
    folder = bundle(tmp_path, ["/shim", "exec", text], resources, ('A="processes":7777',))
    found = limited(folder, tmp_path)
    assert 164 < found["resources"].pop("pids")["limit"] < 7777
    assert found == {"resources": resources, "cgroupsPath": "/b/x"}


def test_a_container_without_a_limit_stays_as_it_is(tmp_path: Path) -> None:
    folder = bundle(tmp_path, ["/shim", "exec", '{"args":["true"]}'], {"devices": []})
    assert limited(folder, tmp_path)["resources"] == {"devices": []}


def test_without_root_there_is_no_cgroup_to_limit(tmp_path: Path) -> None:
    folder = bundle(tmp_path, ["/shim", "exec", '{"limits":{"processes":100}}'], {})
    assert limited(folder, tmp_path, root=False)["resources"] == {}
