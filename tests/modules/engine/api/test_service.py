from __future__ import annotations

import anyio
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


# -- started on their own ----------------------------------------------------------------------------------------------

COUNTER = (
    "import http.server, itertools, os\n"
    "numbers = itertools.count()\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "  def do_GET(self):\n"
    "    self.send_response(200); self.end_headers()\n"
    "    self.wfile.write(f'{next(numbers)} of {os.environ[\"RUN\"]}'.encode())\n"
    "os.environ['RUN'] = open('/proc/sys/kernel/random/uuid').read()[:8]\n"
    "http.server.HTTPServer(('', 8000), H).serve_forever()\n"
)


@pytest.fixture
def counter(base: dagger.Container) -> dagger.Service:
    """Answers how often it was asked before, and which process it is."""
    return base.with_new_file("/c.py", COUNTER).with_exposed_port(8000).as_service(args=["python3", "/c.py"])


def ask(base: dagger.Container, service: dagger.Service, unique: str, number: int) -> dagger.Container:
    bound = base.with_env_variable("ASK", f"{unique}-{number}").with_service_binding("counter", service)
    return fetch(bound, "http://counter:8000/")


async def test_a_started_service_is_one_instance_for_all(
    base: dagger.Container, counter: dagger.Service, unique: str
) -> None:
    await counter.start()
    await counter.start()
    answers = [await ask(base, counter, unique, number).stdout() for number in range(3)]
    assert [answer.split()[0] for answer in answers] == ["0", "1", "2"]
    assert len({answer.split()[2] for answer in answers}) == 1
    await counter.stop()


async def test_stop_then_start_is_a_new_process(base: dagger.Container, counter: dagger.Service, unique: str) -> None:
    await counter.start()
    first = await ask(base, counter, unique, 0).stdout()
    await counter.stop()
    await counter.start()
    second = await ask(base, counter, unique, 1).stdout()
    assert (first.split()[0], second.split()[0]) == ("0", "0")
    assert first != second


async def test_stopping_one_that_never_started_is_fine(counter: dagger.Service) -> None:
    await counter.stop()
    await counter.stop(kill=True)


async def test_a_chosen_hostname_resolves_in_the_whole_session(
    base: dagger.Container, counter: dagger.Service, unique: str
) -> None:
    await counter.with_hostname("the-counter").start()
    unbound = base.with_env_variable("ASK", unique)
    assert (await fetch(unbound, "http://the-counter:8000/").stdout()).startswith("0 of ")


async def test_a_service_that_dies_at_start_is_an_exec_error_with_its_output(base: dagger.Container) -> None:
    dying = base.with_exposed_port(8000).as_service(args=["sh", "-c", "echo out; echo err >&2; exit 3"])
    with pytest.raises(dagger.ExecError) as caught:
        await dying.start()
    assert caught.value.exit_code == 3
    assert (caught.value.stdout, caught.value.stderr) == ("out\n", "err\n")
    assert caught.value.command[:2] == ["sh", "-c"]


async def test_a_started_service_has_its_secrets(dag: dagger.Client, base: dagger.Container, unique: str) -> None:
    served = (
        base.with_secret_variable("TOKEN", dag.set_secret("t", "hunter2"))
        .with_mounted_secret("/run/s", dag.set_secret("f", "from-file"))
        .with_mounted_directory("/m", dag.directory().with_new_file("a", "mounted"))
        .with_exposed_port(8000)
        .as_service(
            args=["sh", "-c", f"mkdir -p /srv; (echo $TOKEN; cat /run/s /m/a) > /srv/all; exec {' '.join(SERVE)}"]
        )
    )
    await served.start()
    bound = base.with_env_variable("ASK", unique).with_service_binding("www", served)
    assert (await fetch(bound, "http://www:8000/all").stdout()).split() == ["hunter2", "from-filemounted"]
    await served.stop(kill=True)


async def test_a_service_that_ends_well_before_it_listens_failed_too(base: dagger.Container) -> None:
    ending = base.with_exposed_port(8000).as_service(args=["echo", "done already"])
    with pytest.raises(dagger.ExecError) as caught:
        await ending.start()
    assert (caught.value.exit_code, caught.value.stdout) == (0, "done already\n")


async def test_a_service_that_dies_later_can_be_started_again(base: dagger.Container, unique: str) -> None:
    script = "import http.server as h\nh.HTTPServer(('', 8000), h.BaseHTTPRequestHandler).handle_request()"
    once = base.with_exposed_port(8000).as_service(args=["python3", "-c", script])
    for number in range(2):
        await once.start()
        bound = base.with_env_variable("ASK", f"{unique}-{number}").with_service_binding("www", once)
        with pytest.raises(dagger.ExecError, match="exit code: 1"):
            await fetch(bound, "http://www:8000/").sync()  # it answers 501, and ends
        await anyio.sleep(0.5)
