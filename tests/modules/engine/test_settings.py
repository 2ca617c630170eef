import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine.package_settings import (
    from_cargo,
    from_environment,
    from_go,
    from_npm,
    from_pip,
    from_uv,
    share_python_index,
)
from gauntlet_engine.settings import CA_LIMIT, HostSettings, fit_bundle, read_host_settings


def certificate(text: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"


def test_pips_own_section_wins_over_the_global_one() -> None:
    text = """
[global]
index-url = https://a.example/simple
extra_index_url =
    https://b.example/simple
    https://c.example/simple
timeout = 60
[install]
index-url = https://d.example/simple
find-links = /only/on/this/host
"""
    assert from_pip(text) == {
        "PIP_INDEX_URL": "https://d.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://b.example/simple https://c.example/simple",
        "PIP_DEFAULT_TIMEOUT": "60",
    }


def test_uv_indexes_keep_their_names_and_explicit_ones_stay_the_projects() -> None:
    text = """
[[index]]
name = "main"
url = "https://a.example/simple"
default = true
[[index]]
url = "https://b.example/simple"
[[index]]
name = "pytorch"
url = "https://c.example"
explicit = true
"""
    assert from_uv(text) == {
        "UV_DEFAULT_INDEX": "main=https://a.example/simple",
        "UV_INDEX": "https://b.example/simple",
    }
    assert from_uv('index-url = "https://x.example"\nextra-index-url = ["https://y.example"]') == {
        "UV_DEFAULT_INDEX": "https://x.example",
        "UV_INDEX": "https://y.example",
    }


def test_npm_registries_come_with_their_tokens() -> None:
    text = """
; comment
registry=https://r.example/
@acme:registry = "https://acme.example/"
//acme.example/:_authToken=${TOKEN}
cafile=/only/on/this/host
fund=false
"""
    assert from_npm(text, {"TOKEN": "t0ken"}) == {
        "npm_config_registry": "https://r.example/",
        "npm_config_@acme:registry": "https://acme.example/",
        "npm_config_//acme.example/:_authToken": "t0ken",
    }


def test_go_and_cargo_say_where_modules_come_from_and_nothing_else() -> None:
    assert from_go("GOPROXY=https://p.example\nGOFLAGS=-mod=mod\nGOBIN=/x\n") == {"GOPROXY": "https://p.example"}
    text = (
        '[registries.my-reg]\nindex = "sparse+https://i.example/"\ntoken = "t"\n[http]\nproxy = "p:1"\n[build]\nx = 1'
    )
    assert from_cargo(text) == {
        "CARGO_REGISTRIES_MY_REG_INDEX": "sparse+https://i.example/",
        "CARGO_REGISTRIES_MY_REG_TOKEN": "t",
        "CARGO_HTTP_PROXY": "p:1",
    }


def test_only_package_and_proxy_variables_are_taken_from_the_environment() -> None:
    environ = {
        "PIP_INDEX_URL": "https://a.example",
        "UV_INDEX_ACME_PASSWORD": "p",
        "https_proxy": "http://proxy.example:1",
        "NPM_CONFIG_REGISTRY": "https://r.example",
        "AWS_SECRET_ACCESS_KEY": "no",
        "PIP_FIND_LINKS": "/local",
        "PIP_CERT": "/local.pem",
        "GOPROXY": "",
    }
    assert from_environment(environ).keys() == {
        "PIP_INDEX_URL",
        "UV_INDEX_ACME_PASSWORD",
        "https_proxy",
        "NPM_CONFIG_REGISTRY",
    }


def test_uv_and_pip_share_the_index_that_only_one_of_them_knows() -> None:
    pip = {"PIP_INDEX_URL": "https://a.example", "PIP_EXTRA_INDEX_URL": "https://b.example"}
    assert share_python_index(pip) == {
        **pip,
        "UV_DEFAULT_INDEX": "https://a.example",
        "UV_INDEX": "https://b.example",
    }
    assert share_python_index({"UV_DEFAULT_INDEX": "main=https://a.example"})["PIP_INDEX_URL"] == "https://a.example"
    both = {"UV_DEFAULT_INDEX": "https://a.example", "PIP_INDEX_URL": "https://b.example"}
    assert share_python_index(both) == both


@given(st.text())
def test_broken_files_count_as_absent(text: str) -> None:
    for found in (from_pip(text), from_uv(text), from_npm(text, {}), from_go(text), from_cargo(text)):
        assert all(isinstance(value, str) for value in found.values())


@pytest.mark.parametrize("text", ["index = 3", "index = [3]", "[pip]\nindex-url = 3", "pip = 3", "[[index]]\nname = 3"])
def test_toml_of_another_shape_counts_as_absent(text: str) -> None:
    assert from_uv(text) == {}


@pytest.mark.parametrize("text", ["registries = 3", "[registries]\na = 3", "http = 3", "[http]\nproxy = 3"])
def test_cargo_toml_of_another_shape_counts_as_absent(text: str) -> None:
    assert from_cargo(text) == {}


def host(tmp_path: Path, **files: str) -> tuple[dict[str, str], Path]:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"HOME": str(tmp_path / "home")}, tmp_path


def test_the_environment_wins_over_the_user_and_the_user_over_the_machine(tmp_path: Path) -> None:
    environ, root = host(
        tmp_path,
        etc__pip_DOT_conf="[global]\nindex-url=https://machine.example\ntimeout=1\nretries=1",
        home___DOT_config__pip__pip_DOT_conf="[global]\nindex-url=https://user.example\ntimeout=2",
    )
    found = read_host_settings(environ | {"PIP_DEFAULT_TIMEOUT": "3"}, root=root).environment
    assert found["PIP_INDEX_URL"] == "https://user.example"
    assert (found["PIP_RETRIES"], found["PIP_DEFAULT_TIMEOUT"]) == ("1", "3")


def test_a_host_without_certificates_of_its_own_gives_none(tmp_path: Path) -> None:
    environ, root = host(tmp_path, etc__ssl__certs__ca_DOT_x="")
    (root / "etc/ssl/certs/ca-certificates.crt").write_text(certificate("AAAA"))
    assert read_host_settings(environ, root=root).ca_bundle == b""


def test_a_certificate_that_an_administrator_added_brings_the_whole_bundle(tmp_path: Path) -> None:
    environ, root = host(tmp_path, usr__local__share__x="")
    own = root / "usr/local/share/ca-certificates/corp"
    own.mkdir(parents=True)
    (own / "corp.crt").write_text(certificate("CORP"))
    (root / "etc/ssl/certs").mkdir(parents=True)
    (root / "etc/ssl/certs/ca-certificates.crt").write_text(f"{certificate('AAAA')}\n{certificate('CORP')}\n")
    bundle = read_host_settings(environ, root=root).ca_bundle.decode()
    assert bundle == f"{certificate('CORP')}\n{certificate('AAAA')}\n"


def test_a_bundle_that_a_variable_names_is_taken(tmp_path: Path) -> None:
    environ, root = host(tmp_path, mine_DOT_pem=f"comment\n{certificate('MINE')}")
    environ["REQUESTS_CA_BUNDLE"] = str(root / "mine.pem")
    assert read_host_settings(environ, root=root).ca_bundle.decode() == certificate("MINE") + "\n"


def test_a_bundle_that_is_too_big_is_cut_between_certificates() -> None:
    parts = [certificate(f"{i:06d}" + "A" * 2000).encode() for i in range(400)]
    fitted = fit_bundle(parts, CA_LIMIT)
    assert len(fitted) <= CA_LIMIT
    assert fitted.startswith(parts[0])
    assert fitted.endswith(b"-----END CERTIFICATE-----\n")
    assert fitted.count(b"BEGIN") == fitted.count(b"END") > 200


def test_values_do_not_show_in_a_representation() -> None:
    settings = HostSettings({"PIP_INDEX_URL": "https://user:pass@a.example"}, b"PEM")
    assert "pass" not in repr(settings)
    assert json.loads(settings.settings_json()) == {"env": settings.environment}
