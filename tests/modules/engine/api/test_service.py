from __future__ import annotations

import dagger
import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.engine]

SERVE = ["python3", "-m", "http.server", "--directory", "/srv", "8000"]
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"


def fetch(container: dagger.Container, url: str) -> dagger.Container:
    return container.with_exec(["python3", "-c", FETCH, url])


@pytest.fixture
def web(base: dagger.Container) -> dagger.Service:
    served = base.with_new_file("/srv/index.html", "hello").with_exposed_port(8000)
    return served.as_service(args=SERVE)


async def test_a_bound_service_is_ready_and_found_by_its_alias(base: dagger.Container, web: dagger.Service) -> None:
    assert await fetch(base.with_service_binding("www", web), "http://www:8000/").stdout() == "hello\n"


async def test_an_alias_exists_only_in_the_bound_container(base: dagger.Container, web: dagger.Service) -> None:
    await fetch(base.with_service_binding("www", web), "http://www:8000/").sync()
    with pytest.raises(dagger.ExecError, match="exit code: 1"):
        await fetch(base, "http://www:8000/").sync()


async def test_a_service_works_without_any_network(base: dagger.Container, web: dagger.Service) -> None:
    confined = base.with_env_variable("_GAUNTLET_CONFINEMENT", '{"network":"none"}').with_service_binding("www", web)
    assert await fetch(confined, "http://www:8000/").stdout() == "hello\n"


async def test_services_of_services_run_too(base: dagger.Container, web: dagger.Service) -> None:
    script = (
        "import http.server, urllib.request\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "  def do_GET(self):\n"
        "    body = b'via ' + urllib.request.urlopen('http://www:8000/').read()\n"
        "    self.send_response(200); self.end_headers(); self.wfile.write(body)\n"
        "http.server.HTTPServer(('', 9000), H).serve_forever()\n"
    )
    proxy = (
        base.with_new_file("/proxy.py", script)
        .with_service_binding("www", web)
        .with_exposed_port(9000)
        .as_service(args=["python3", "/proxy.py"])
    )
    assert await fetch(base.with_service_binding("front", proxy), "http://front:9000/").stdout() == "via hello\n"


async def test_a_service_that_dies_fails_the_exec_and_says_why(base: dagger.Container) -> None:
    dying = base.with_exposed_port(8000).as_service(args=["sh", "-c", "echo broken >&2; exit 3"])
    with pytest.raises(dagger.ExecError) as caught:
        await base.with_service_binding("www", dying).with_exec(["true"]).sync()
    assert caught.value.exit_code == 1
    assert "exited with code 3" in caught.value.stderr
    assert "broken" in caught.value.stderr


async def test_hostname_ports_and_endpoint_are_told(web: dagger.Service) -> None:
    hostname = await web.hostname()
    assert hostname
    assert await web.endpoint() == f"{hostname}:8000"
    assert await web.endpoint(port=1, scheme="http") == f"http://{hostname}:1"
    assert [await port.port() for port in await web.ports()] == [8000]
    assert await web.with_hostname("site").hostname() == "site"


async def test_an_endpoint_needs_a_port(base: dagger.Container) -> None:
    with pytest.raises(dagger.QueryError, match="no ports exposed"):
        await base.as_service(args=["sleep", "1"]).endpoint()


async def test_the_entrypoint_runs_unless_args_are_given(base: dagger.Container) -> None:
    served = base.with_new_file("/srv/index.html", "entry").with_exposed_port(8000).with_entrypoint(SERVE)
    assert await fetch(base.with_service_binding("www", served.as_service()), "http://www:8000/").stdout() == "entry\n"


async def test_a_container_without_a_command_is_no_service(dag: dagger.Client) -> None:
    with pytest.raises(dagger.QueryError, match="no service command has been set"):
        await dag.container().as_service().hostname()


async def test_a_services_mounts_variables_and_secrets_are_there(dag: dagger.Client, base: dagger.Container) -> None:
    served = (
        base.with_mounted_directory("/data", dag.directory().with_new_file("a", "mounted"))
        .with_mounted_secret("/run/s", dag.set_secret("file", "file-secret"))
        .with_secret_variable("TOKEN", dag.set_secret("variable", "variable-secret"))
        .with_env_variable("PLAIN", "1")
        .with_exposed_port(8000)
        .as_service(
            args=[
                "sh",
                "-c",
                f"mkdir -p /srv; cp /data/a /srv/; cp /run/s /srv/; env > /srv/env; exec {' '.join(SERVE)}",
            ]
        )
    )
    bound = base.with_service_binding("www", served)
    assert await fetch(bound, "http://www:8000/a").stdout() == "mounted\n"
    assert await fetch(bound, "http://www:8000/s").stdout() == "***\n"
    served_env = (await fetch(bound, "http://www:8000/env").stdout()).splitlines()
    assert {"PLAIN=1", "TOKEN=***"} <= set(served_env)
    assert not [line for line in served_env if "_GAUNTLET" in line]


async def test_a_services_log_is_scrubbed_where_it_is_quoted(dag: dagger.Client, base: dagger.Container) -> None:
    served = (
        base.with_secret_variable("TOKEN", dag.set_secret("t", "hunter2"))
        .with_exposed_port(8000)
        .as_service(args=["sh", "-c", "echo my token is $TOKEN; exit 3"])
    )
    with pytest.raises(dagger.ExecError) as caught:
        await base.with_service_binding("www", served).with_exec(["true"]).sync()
    assert "my token is ***" in caught.value.stderr
