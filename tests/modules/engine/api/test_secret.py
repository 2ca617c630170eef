from __future__ import annotations

from typing import TYPE_CHECKING

import dagger
import pytest

from gauntlet_engine.session import open_session

from .conftest import BASE, connected

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Endpoint

pytestmark = [pytest.mark.anyio, pytest.mark.engine]

VALUE = "hunter2-and-more"
UUID = "cat /proc/sys/kernel/random/uuid"


async def test_a_secret_variable_reaches_the_process_and_is_scrubbed(
    dag: dagger.Client, base: dagger.Container
) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("token", VALUE))
    ran = container.with_exec(["sh", "-c", 'echo "got $TOKEN"; echo "err $TOKEN" >&2; printf %s "$TOKEN" | wc -c'])
    assert await ran.stdout() == f"got ***\n{len(VALUE)}\n"
    assert await ran.stderr() == "err ***\n"
    assert await container.env_variable("TOKEN") is None
    assert "TOKEN" not in [await variable.name() for variable in await container.env_variables()]


async def test_a_secret_written_in_pieces_is_scrubbed(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("token", VALUE))
    script = f"printf {VALUE[:5]}; sleep 0.3; printf {VALUE[5:]}"
    assert await container.with_exec(["sh", "-c", script]).stdout() == "***"


async def test_a_one_letter_secret_is_scrubbed(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("token", "z"))
    assert await container.with_exec(["echo", "azb"]).stdout() == "a***b\n"


async def test_a_failed_execs_output_is_scrubbed(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("token", VALUE))
    with pytest.raises(dagger.ExecError) as caught:
        await container.with_exec(["sh", "-c", "echo $TOKEN; echo $TOKEN >&2; exit 1"]).sync()
    assert (caught.value.stdout, caught.value.stderr) == ("***", "***")


async def test_files_are_not_scrubbed_nor_anything_after_the_variable_is_gone(
    dag: dagger.Client, base: dagger.Container
) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("token", VALUE))
    written = container.with_exec(["sh", "-c", "printf %s $TOKEN > /file"])
    assert await written.file("/file").contents() == VALUE
    assert await written.without_secret_variable("TOKEN").with_exec(["cat", "/file"]).stdout() == VALUE
    assert await written.without_secret_variable("TOKEN").with_exec(["sh", "-c", "echo [$TOKEN]"]).stdout() == "[]\n"


async def test_a_mounted_secret_is_a_file_with_mode_and_owner(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_mounted_secret("/run/s", dag.set_secret("token", VALUE), owner="1000:1001", mode=0o440)
    ran = container.with_exec(["sh", "-c", "cat /run/s; echo; stat -c '%a %u:%g' /run/s"])
    assert await ran.stdout() == "***\n440 1000:1001\n"
    gone = ran.without_mount("/run/s").with_exec(["sh", "-c", "test -e /run/s && echo there || echo gone"])
    assert await gone.stdout() == "gone\n"


async def test_a_new_value_under_the_same_name_does_not_run_again(
    dag: dagger.Client, base: dagger.Container, unique: str
) -> None:
    first = base.with_secret_variable("TOKEN", dag.set_secret(unique, "one")).with_exec(["sh", "-c", UUID])
    second = base.with_secret_variable("TOKEN", dag.set_secret(unique, "two")).with_exec(["sh", "-c", UUID])
    assert await first.stdout() == await second.stdout()


async def test_a_new_value_does_not_run_again_in_another_session(unique: str) -> None:
    seen: list[str] = []
    for value in ("one", "two"):
        async with open_session() as engine, connected(engine) as connection:
            dag = dagger.Client.from_connection(connection)
            container = dag.container().from_(BASE).with_secret_variable("TOKEN", dag.set_secret(unique, value))
            seen.append(await container.with_exec(["sh", "-c", UUID]).stdout())
    assert seen[0] == seen[1]


async def test_another_name_with_the_same_value_runs_again(
    dag: dagger.Client, base: dagger.Container, unique: str
) -> None:
    first = base.with_secret_variable("TOKEN", dag.set_secret(f"{unique}-1", "v")).with_exec(["sh", "-c", UUID])
    second = base.with_secret_variable("TOKEN", dag.set_secret(f"{unique}-2", "v")).with_exec(["sh", "-c", UUID])
    assert await first.stdout() != await second.stdout()


async def test_a_cache_key_makes_different_uris_equal(
    dag: dagger.Client, base: dagger.Container, tmp_path: Path, unique: str
) -> None:
    outputs: set[str] = set()
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        secret = dag.secret(f"file://{tmp_path / name}", cache_key=unique)
        outputs.add(await base.with_secret_variable("TOKEN", secret).with_exec(["sh", "-c", UUID]).stdout())
    assert len(outputs) == 1


async def test_secrets_come_from_environment_file_and_command(
    dag: dagger.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s").write_text("from file\n")
    assert await dag.secret(f"file://{tmp_path / 's'}").plaintext() == "from file\n"
    assert await dag.secret("cmd://echo from command").plaintext() == "from command\n"
    assert await dag.secret("env://PATH").plaintext()
    assert await dag.secret("env://PATH").uri() == "env://PATH"


async def test_errors_shorten_a_secret_variables_name(dag: dagger.Client) -> None:
    with pytest.raises(dagger.QueryError, match=r'secret env var not found: "hun\.\.\."') as caught:
        await dag.secret("env://hunter2").plaintext()
    assert "hunter2" not in str(caught.value)


async def test_an_unknown_provider_is_refused(dag: dagger.Client) -> None:
    with pytest.raises(dagger.QueryError, match="unsupported secret provider"):
        await dag.secret("vault://x").plaintext()


async def test_name_and_plaintext_are_told(dag: dagger.Client) -> None:
    secret = dag.set_secret("token", VALUE)
    assert await secret.name() == "token"
    assert await secret.plaintext() == VALUE


async def test_an_id_holds_nothing_of_the_value(endpoint: Endpoint) -> None:
    query = 'query($v: String!) {{ setSecret(name: "{}", plaintext: $v) {{ id }} }}'
    one = await endpoint.data(query.format("a"), {"v": "one"})
    two = await endpoint.data(query.format("a"), {"v": "two"})
    assert one == two


async def test_a_secret_variable_cannot_be_expanded(dag: dagger.Client, base: dagger.Container) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("token", VALUE))
    with pytest.raises(dagger.QueryError, match='expand cannot be used with secret env variable "TOKEN"'):
        await container.with_exec(["echo", "$TOKEN"], expand=True).sync()
