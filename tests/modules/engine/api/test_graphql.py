from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from graphql import build_client_schema, get_introspection_query

if TYPE_CHECKING:
    from gauntlet_engine.session import EngineHandle

    from .conftest import Endpoint

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


async def test_a_wrong_token_is_401(engine: EngineHandle) -> None:
    url = f"http://127.0.0.1:{engine.port}/query"
    async with httpx.AsyncClient() as client:
        for credentials in (("wrong", ""), ("", engine.token)):
            answer = await client.post(url, json={"query": "{version}"}, auth=credentials)
            assert answer.status_code == 401
        assert (await client.post(url, json={"query": "{version}"})).status_code == 401
        right = await client.post(url, json={"query": "{version}"}, auth=(engine.token, ""))
        assert right.json()["data"]["version"].startswith("v0.21.")


@pytest.mark.parametrize(
    "query",
    [
        "{ nonsense }",
        "{ version ",
        "{ container }",
        "{ version { a } }",
        "{ host { directory { id } } }",
        '{ container { withExec(args: "a b", nope: 1) { id } } }',
        "query($x: Nope) { version }",
        "subscription { version }",
    ],
)
async def test_what_does_not_fit_the_schema_is_422(endpoint: Endpoint, query: str) -> None:
    answer = await endpoint.post(query)
    assert answer.status_code == 422
    assert answer.json()["data"] is None
    assert answer.json()["errors"][0]["message"]


async def test_validation_errors_point_into_the_text_as_it_was_sent(endpoint: Endpoint) -> None:
    (error,) = await endpoint.errors('{ container { withEnvVariable(name: "a", value: "b") { nope } } }')
    assert error["locations"] == [{"line": 1, "column": 56}]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('{ llm { withPrompt(prompt: "x") { lastReply } } }', ["Query.llm"]),
        ("{ container { terminal { id } } }", ["Container.terminal"]),
        ('{ container { withMountedVolume(path: "/", volume: "x") { id } } }', ["Container.withMountedVolume"]),
        ("{ engine { name } container { terminal { id } } }", ["Query.engine", "Container.terminal"]),
    ],
)
async def test_what_only_a_dagger_engine_has_is_named(endpoint: Endpoint, query: str, names: list[str]) -> None:
    answer = await endpoint.post(query)
    assert answer.status_code == 422
    message = answer.json()["errors"][0]["message"]
    assert all(name in message for name in names)
    assert "A Dagger engine has it" in message


async def test_a_runtime_error_is_200_without_data_also_of_siblings(endpoint: Endpoint) -> None:
    answer = await endpoint.post('{ version directory { file(path: "none") { contents } } }')
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    (error,) = answer.json()["errors"]
    assert error["path"] == ["directory", "file", "contents"]


async def test_a_bad_value_is_200(endpoint: Endpoint) -> None:
    answer = await endpoint.post("query($id: ID!) { loadContainerFromID(id: $id) { id } }", {"id": "nonsense"})
    assert answer.status_code == 200
    assert "no object has the id 'nonsense'" in answer.json()["errors"][0]["message"]


async def test_the_id_of_another_type_is_refused(endpoint: Endpoint) -> None:
    directory = (await endpoint.data("{ directory { id } }"))["directory"]["id"]
    (error,) = await endpoint.errors("query($id: ID!) { loadContainerFromID(id: $id) { id } }", {"id": directory})
    assert error["message"] == "expected the id of a Container, got that of a Directory"


async def test_objects_are_loaded_by_id_and_as_nodes(endpoint: Endpoint) -> None:
    container = (await endpoint.data('{ container { withEnvVariable(name: "A", value: "1") { id } } }'))["container"]
    variables = {"id": container["withEnvVariable"]["id"]}
    loaded = await endpoint.data(
        'query($id: ID!) { loadContainerFromID(id: $id) { envVariable(name: "A") } }', variables
    )
    assert loaded["loadContainerFromID"]["envVariable"] == "1"
    node = 'query($id: ID!) { node(id: $id) { __typename id ... on Container { envVariable(name: "A") } } }'
    assert (await endpoint.data(node, variables))["node"] == {
        "__typename": "Container",
        "id": variables["id"],
        "envVariable": "1",
    }


async def test_variables_of_the_older_id_types_are_taken(endpoint: Endpoint) -> None:
    container = (await endpoint.data("{ container { id } }"))["container"]["id"]
    query = "query Load($id: ContainerID!) { loadContainerFromID(id: $id) { id } }"
    assert (await endpoint.data(query, {"id": container}))["loadContainerFromID"]["id"] == container


async def test_equal_values_have_equal_ids(endpoint: Endpoint) -> None:
    query = '{{ directory {{ withNewFile(path: "a", contents: "{}") {{ id }} }} }}'
    one, same, other = [await endpoint.data(query.format(text)) for text in ("1", "1", "2")]
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    "text", ["plain", "", 'q"uote', "back\\slash", "new\nline", "tab\t", "é €", "𝄞", "{ } # $x", "\x7f", "_text_0"]
)
async def test_strings_arrive_as_they_are_written(endpoint: Endpoint, text: str) -> None:
    for _ in range(2):  # the second is served from the known shape
        query = (
            f'{{ container {{ withEnvVariable(name: "A", value: {json.dumps(text)}) {{ envVariable(name: "A") }} }} }}'
        )
        assert (await endpoint.data(query))["container"]["withEnvVariable"]["envVariable"] == text


async def test_the_same_shape_with_other_values_is_another_request(endpoint: Endpoint) -> None:
    query = (
        "{{ container {{ withExposedPort(port: {}) {{ exposedPorts {{ port }} }} "
        'withWorkdir(path: "{}") {{ workdir }} }} }}'
    )
    for port, path in ((80, "/a"), (81, "/b"), (80, "/b")):
        data = (await endpoint.data(query.format(port, path)))["container"]
        assert data == {"withExposedPort": {"exposedPorts": [{"port": port}]}, "withWorkdir": {"workdir": path}}


async def test_block_strings_comments_fragments_and_aliases_work(endpoint: Endpoint) -> None:
    query = '''
    # a "comment"
    query Q($name: String = "N") {
      one: container { ...f }
      two: container { withEnvVariable(name: $name, value: """block "text" """) { envVariable(name: "N") } }
    }
    fragment f on Container { withLabel(name: "l", value: "v") { label(name: "l") } }
    '''
    data = await endpoint.data(query)
    assert data["one"]["withLabel"]["label"] == "v"
    assert data["two"]["withEnvVariable"]["envVariable"] == 'block "text" '


def deep(depth: int, last: str) -> str:
    fields = ["container", *[f'withEnvVariable(name: "A{number}", value: "1")' for number in range(depth)]]
    return "{" + "{".join(fields) + "{" + last + "}" * (len(fields) + 1)


@pytest.mark.parametrize("depth", [10, 79, 80, 81, 500])
async def test_chains_of_any_length_are_answered(endpoint: Endpoint, depth: int) -> None:
    answer = await endpoint.data(deep(depth, f'one: envVariable(name: "A0") two: envVariable(name: "A{depth - 1}")'))
    for key in ("container", *["withEnvVariable"] * depth):
        answer = answer[key]
    assert answer == {"one": "1", "two": "1"}


async def test_an_error_at_the_end_of_a_long_chain_has_its_whole_path(endpoint: Endpoint) -> None:
    (error,) = await endpoint.errors(deep(200, 'withError(err: "x") { id }'))
    assert error["message"] == "x"
    assert error["path"] == ["container", *["withEnvVariable"] * 200, "withError"]


async def test_a_long_chain_that_does_not_fit_the_schema_is_422(endpoint: Endpoint) -> None:
    answer = await endpoint.post(deep(200, "nonsense"))
    assert answer.status_code == 422
    assert "nonsense" in answer.json()["errors"][0]["message"]


async def test_what_nests_without_end_is_refused(endpoint: Endpoint) -> None:
    answer = await endpoint.post("{" + "a b {" * 5000 + "}" * 5001)
    assert answer.status_code == 422
    assert "nest" in answer.json()["errors"][0]["message"]


async def test_introspection_shows_the_whole_api(endpoint: Endpoint) -> None:
    schema = build_client_schema(await endpoint.data(get_introspection_query()))
    query: Any = schema.query_type
    assert {"container", "llm", "loadContainerFromID", "node"} <= set(query.fields)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"query": 1}', 400), (b'{"query": "{version}", "variables": 1}', 422)],
)
async def test_bodies_that_are_no_request_are_refused(endpoint: Endpoint, body: bytes, status: int) -> None:
    assert (await endpoint.client.post(endpoint.url, content=body)).status_code == status


async def test_other_paths_and_methods_are_refused(endpoint: Endpoint) -> None:
    assert (await endpoint.client.get(endpoint.url)).status_code == 405
    assert (await endpoint.client.post(endpoint.url.replace("/query", "/other"), json={})).status_code == 404


async def test_many_requests_at_once_are_answered(endpoint: Endpoint) -> None:
    answers: list[str] = []

    async def ask(number: int) -> None:
        query = (
            f'{{ directory {{ withNewFile(path: "f", contents: "{number}") {{ file(path: "f") {{ contents }} }} }} }}'
        )
        answers.append((await endpoint.data(query))["directory"]["withNewFile"]["file"]["contents"])

    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(ask, number)
    assert sorted(answers, key=int) == [str(number) for number in range(30)]


async def test_half_a_request_keeps_nobody_else_waiting(engine: EngineHandle, endpoint: Endpoint) -> None:
    async with await anyio.connect_tcp("127.0.0.1", engine.port) as half:
        await half.send(b"POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert await endpoint.data("{ version }")


async def test_garbage_on_the_wire_harms_nobody(engine: EngineHandle, endpoint: Endpoint) -> None:
    async with await anyio.connect_tcp("127.0.0.1", engine.port) as garbage:
        await garbage.send(b"\x00\xff not http\r\n\r\n")
    assert await endpoint.data("{ version }")
