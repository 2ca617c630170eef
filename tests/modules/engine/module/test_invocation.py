from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine.api.module import Module
from gauntlet_engine.api.type_def import (
    EnumValueTypeDef,
    FieldTypeDef,
    Function,
    FunctionArg,
    TypeDef,
)
from gauntlet_engine.module.core import CoreSchema
from gauntlet_engine.module.invocation import UsageError, parse_invocation, plain_value, split_list

STRING, INTEGER = TypeDef("STRING_KIND"), TypeDef("INTEGER_KIND")
FLAG = TypeDef("BOOLEAN_KIND", optional=True)
REPORT = TypeDef(
    "OBJECT_KIND",
    name="CiReport",
    fields=(FieldTypeDef("exitCode", INTEGER),),
    functions=(Function("text", STRING),),
)
MAIN = TypeDef(
    "OBJECT_KIND",
    name="Ci",
    constructor=Function(
        "",
        TypeDef("OBJECT_KIND", name="Ci"),
        args=(FunctionArg("source", TypeDef("OBJECT_KIND", name="Directory"), default_path="/"),),
    ),
    functions=(
        Function(
            "runTests",
            TypeDef("OBJECT_KIND", name="CiReport"),
            args=(FunctionArg("tier", STRING), FunctionArg("failFast", FLAG, default_value="false")),
        ),
        Function("tree", TypeDef("OBJECT_KIND", name="Directory")),
    ),
)
MOODS = TypeDef("ENUM_KIND", name="Mood", members=(EnumValueTypeDef("CALM", "calm"), EnumValueTypeDef("LOUD", "loud")))
MODULE = Module("ci", objects=(MAIN, REPORT), enums=(MOODS,))


def chain(*words: str) -> list[tuple[str, dict[str, tuple[str, ...]]]]:
    calls = parse_invocation(words, MAIN, MODULE, CoreSchema()).calls
    return [(call.function.name, dict(call.values)) for call in calls]


def test_the_constructor_s_flags_come_before_the_first_function() -> None:
    assert chain("--source=.", "run-tests", "--tier", "fast", "text") == [
        ("", {"source": (".",)}),
        ("runTests", {"tier": ("fast",)}),
        ("text", {}),
    ]


def test_a_boolean_flag_takes_no_separate_word() -> None:
    assert chain("run-tests", "--tier=fast", "--fail-fast", "text")[1][1]["failFast"] == ("true",)
    assert chain("run-tests", "--tier=fast", "--fail-fast=false")[1][1]["failFast"] == ("false",)


def test_a_chain_goes_on_in_the_api_s_own_types() -> None:
    assert chain("tree", "file", "--path=a", "contents") == [
        ("", {}),
        ("tree", {}),
        ("file", {"path": ("a",)}),
        ("contents", {}),
    ]


def test_a_field_ends_a_chain() -> None:
    assert chain("run-tests", "--tier=fast", "exit-code")[-1] == ("exitCode", {})


def test_repeated_flags_keep_every_value() -> None:
    assert chain("run-tests", "--tier=a", "--tier=b")[1][1]["tier"] == ("a", "b")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nope"], "unknown command 'nope' of Ci; it has: run-tests, tree"),
        (["run-tests"], "function 'run-tests' needs --tier"),
        (["run-tests", "--tire=x"], "unknown flag '--tire=x' of function 'run-tests'; it has: --tier, --fail-fast"),
        (["--nope", "tree"], "unknown flag '--nope' of the constructor; it has: --source"),
        (["run-tests", "--tier"], "--tier needs a value"),
        (["run-tests", "-tier=x"], "unknown flag '-tier=x'"),
        (["run-tests", "--tier=x", "text", "more"], "unknown command 'more': String is a plain value"),
    ],
)
def test_a_command_line_that_does_not_fit_says_what_there_is(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as raised:
        chain(*words)
    assert told in str(raised.value)


@given(
    st.lists(
        st.sampled_from(
            ["run-tests", "tree", "text", "--tier", "--tier=x", "--fail-fast", "--", "-", "", "=", "entries"]
        )
    )
)
def test_any_words_are_a_chain_from_the_constructor_or_a_usage_error(words: list[str]) -> None:
    try:
        calls = parse_invocation(words, MAIN, MODULE, CoreSchema()).calls
    except UsageError:
        return
    assert calls[0].owner is MAIN
    assert all(argument.name in call.values for call in calls for argument in call.function.args if argument.required)


def value(type_: TypeDef, text: str) -> object:
    return plain_value(FunctionArg("maxAge", type_), type_, text, MODULE)


def test_values_are_of_the_declared_type() -> None:
    assert value(INTEGER, "3") == 3
    assert value(TypeDef("FLOAT_KIND"), "1.5") == 1.5
    assert value(FLAG, "F") is False
    assert value(STRING, "3") == "3"
    assert value(MOODS, "loud") == "LOUD"
    assert value(TypeDef("SCALAR_KIND", name="JSON"), '{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("type_", "text", "told"),
    [
        (INTEGER, "x", "--max-age: 'x' is not Integer"),
        (FLAG, "perhaps", "'perhaps' is not Boolean"),
        (MOODS, "angry", "'angry' is none of CALM, LOUD"),
    ],
)
def test_a_value_of_another_type_is_a_usage_error(type_: TypeDef, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        value(type_, text)


def test_a_list_is_separated_by_commas_and_by_repetition() -> None:
    assert split_list(("a,b", "c", "")) == ["a", "b", "c"]
