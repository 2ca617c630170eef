"""A tool's report file, read with the suspicion that hostile code wrote it."""

from __future__ import annotations

import json
import os
import stat
from typing import Literal, get_args
from xml.parsers import expat

ReportKind = Literal["json", "junit", "text", "xml"]
KINDS: tuple[str, ...] = get_args(ReportKind)
MAX_BYTES = 64 << 20


class ReportError(Exception):
    """A report that is missing, empty, too large or not what it should be; the message says which."""


def read_report(path: str, kind: str) -> str:
    """Text of the report at `path`, checked to be non-empty and well-formed for its `kind`.

    Raises:
        ReportError: the tool did not deliver; its result must not be believed.
    """
    text = _read(path)
    if not text.strip():
        raise ReportError("is empty")
    if kind == "json":
        _check_json(text)
    elif kind in {"xml", "junit"}:
        root = _root_element(text)
        if kind == "junit" and root not in {"testsuites", "testsuite"}:
            raise ReportError(f"is no JUnit report: its root element is <{root}>")
    return text


def _read(path: str) -> str:
    try:
        # O_NONBLOCK: a FIFO in the report's place must not make us wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise ReportError(f"cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ReportError("is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ReportError(f"is larger than {MAX_BYTES >> 20} MiB")
    return data.decode("utf-8", "replace")


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"is no JSON: {error}") from error


def _root_element(text: str) -> str:
    roots: list[str] = []
    parser = expat.ParserCreate()

    def start(name: str, _attributes: dict[str, str]) -> None:
        if not roots:
            roots.append(name.rpartition("}")[2])

    def refuse(*_: object) -> None:
        # Entities expand without bound; no report format that we read has a document type.
        raise ReportError("declares a document type, which no report needs")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.encode("utf-8"), True)
    except expat.ExpatError as error:
        raise ReportError(f"is no XML: {error}") from error
    return roots[0]
