"""The Dagger API's types: immutable objects whose methods are named as the fields (snake_case)."""

from __future__ import annotations

from gauntlet_engine.api.cache_volume import CacheVolume
from gauntlet_engine.api.container import Container
from gauntlet_engine.api.directory import Directory
from gauntlet_engine.api.file import File
from gauntlet_engine.api.function_call import Error, ErrorValue, FunctionCall, FunctionCallArgValue
from gauntlet_engine.api.host import Host
from gauntlet_engine.api.module import Module
from gauntlet_engine.api.query import Query
from gauntlet_engine.api.secret import Secret
from gauntlet_engine.api.service import Service
from gauntlet_engine.api.type_def import Function, SourceMap, TypeDef
from gauntlet_engine.api.values import EnvVariable, Label, Port, Stat

OBJECT_TYPES: tuple[type, ...] = (
    CacheVolume,
    Container,
    Directory,
    EnvVariable,
    Error,
    ErrorValue,
    File,
    Function,
    FunctionCall,
    FunctionCallArgValue,
    Host,
    Label,
    Module,
    Port,
    Query,
    Secret,
    Service,
    SourceMap,
    Stat,
    TypeDef,
)
"""A class for each object type of schema.graphql, of the same name."""

__all__ = ["OBJECT_TYPES", "Query"]
