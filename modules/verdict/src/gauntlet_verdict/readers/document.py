"""Report text to typed data; the one place that turns a parser's complaint into a `ReportError`."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from gauntlet_verdict.errors import ReportError
from gauntlet_verdict.text import visible

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


T = TypeVar("T")


class Shape(BaseModel):
    """Base of the shapes that readers expect: what a reader doesn't use may be there, absent or changed."""

    # Built at first use: stages import readers that most runs don't need.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


def from_json(report: str | bytes, tool: str, shape: type[T]) -> T:
    """Parse a JSON report and check that it has the shape.

    Raises:
        ReportError: with the line and column, or the path into the document, and never a value of it.
    """
    text = _text(report, tool)
    try:
        document: object = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ReportError(tool, f"line {error.lineno} column {error.colno}", f"no JSON: {error.msg}") from None
    except (RecursionError, ValueError) as error:
        # ValueError: NaN and Infinity (not JSON), or an integer of more digits than Python converts.
        raise ReportError(tool, "", f"no JSON: {type(error).__name__}") from None
    try:
        return _adapter(shape).validate_python(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise ReportError(tool, _path(first["loc"]), first["msg"]) from None


def from_xml(report: str | bytes, tool: str) -> Element:
    """Parse an XML report without entities, which a hostile one could blow up.

    Raises:
        ReportError: with the line and column.
    """
    from xml.etree.ElementTree import ParseError  # noqa: PLC0415 - costs time to import; few runs read XML

    from defusedxml.common import DefusedXmlException  # noqa: PLC0415
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415

    _text(report, tool)
    source = visible(report) if isinstance(report, str) else report
    try:
        return fromstring(source)
    except ParseError as error:
        line, column = error.position
        why = str(error).partition(":")[0]
        raise ReportError(tool, f"line {line} column {column + 1}", f"no XML: {why}") from None
    except DefusedXmlException as error:
        raise ReportError(tool, "", f"XML that could do harm ({type(error).__name__})") from None
    except (ValueError, LookupError) as error:  # an encoding declaration that Python does not know
        raise ReportError(tool, "line 1", f"no XML: {error}") from None


@functools.cache
def _adapter(shape: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(shape)


def _text(report: str | bytes, tool: str) -> str:
    text = report.decode("utf-8-sig", "surrogateescape") if isinstance(report, bytes) else report
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ReportError(tool, "", "it is empty")
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _path(steps: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
