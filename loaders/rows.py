"""A row of Parquet → the line of JSON that it stands for, so that one set of rules judges both."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.types as kinds

from loaders.sources import Stream


class RowProblem(Exception):
    """The file's columns are of other types than its stream promises."""


def check_types(schema: pa.Schema, stream: Stream) -> None:
    """Types may not drift: a user id that became a double has lost digits before it came here."""
    wrong = []
    for path, wanted in _wanted(stream):
        found = _type_at(schema, path)
        if found is not None and not _fits(found, wanted):
            wrong.append(f"{'.'.join(path)} is {found}, but {wanted} is due")
    if wrong:
        raise RowProblem("; ".join(wrong))


def _wanted(stream: Stream) -> Iterable[tuple[tuple[str, ...], str]]:
    if stream.event_id is not None:
        yield stream.event_id, "text"
    for role, paths in stream.roles.items():
        wanted = {"occurred_at": "a time", "received_at": "a time", "authenticated": "a boolean"}
        for path in paths:
            yield path, wanted.get(role, "text")
    names = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "a boolean",
        "timestamp": "a time",
    }
    for column in stream.columns:
        if column.type not in ("json", "user_keys"):
            for path in column.paths:
                yield path, names.get(column.type, "text")


def _type_at(schema: pa.Schema, path: tuple[str, ...]) -> pa.DataType | None:
    fields = schema
    for depth, name in enumerate(path):
        index = fields.get_field_index(name)
        if index < 0:
            return None
        found = fields.field(index).type
        if depth == len(path) - 1:
            return found
        if not kinds.is_struct(found):
            return None  # a bag as JSON text, or none: the records themselves will tell
        fields = found
    return None


def _fits(found: pa.DataType, wanted: str) -> bool:
    if kinds.is_dictionary(found):
        found = found.value_type
    is_text = kinds.is_string(found) or kinds.is_large_string(found)
    is_whole = kinds.is_integer(found)
    fits = {
        "text": is_text or is_whole or found == pa.uuid() or kinds.is_string_view(found),
        "a time": is_text or is_whole or kinds.is_timestamp(found),
        "a boolean": kinds.is_boolean(found) or is_text,
        "a whole number": is_whole,
        "a number": is_whole or kinds.is_floating(found) or kinds.is_decimal(found),
    }
    return kinds.is_null(found) or fits[wanted]


def rows_as_lines(batch: pa.RecordBatch) -> list[bytes]:
    """One JSON object a row. A column that is null is a field that was not sent."""
    return [_line(row) for row in batch.to_pylist()]


def _line(row: dict) -> bytes:
    try:
        return orjson.dumps(_plain(row), option=orjson.OPT_UTC_Z)
    except _NotFinite:  # written as NaN, which the check then finds
        return json.dumps(row, default=str).encode()
    except (TypeError, UnicodeEncodeError):
        return json.dumps(row, default=str).encode()


class _NotFinite(Exception):
    pass


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        if value and all(isinstance(entry, tuple) and len(entry) == 2 for entry in value):
            return {str(key): _plain(entry) for key, entry in value}  # an Arrow map
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise _NotFinite
    if isinstance(value, datetime):
        text = value.isoformat()
        return text.replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value
