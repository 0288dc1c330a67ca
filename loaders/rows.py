"""A row of Parquet → the line of JSON that it stands for, so that one set of rules judges both."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal

import orjson
import pyarrow as pa
import pyarrow.types as kinds

from loaders.files import FileRejected
from loaders.sources import Stream


def check_types(schema: pa.Schema, stream: Stream) -> None:
    """Types may not drift: a user id that became a double has lost digits before it came here."""
    _check_names(schema)
    wrong = []
    for path, wanted in _wanted(stream):
        found = _type_at(schema, path)
        if found is not None and not _fits(found, wanted):
            # A struct's own text would show the names of its fields, which are the file's.
            shown = "a struct" if kinds.is_nested(found) else found
            wrong.append(f"{'.'.join(path)} is {shown}, but {wanted} is due")
    if wrong:
        raise FileRejected("type_drift", "; ".join(wrong))


def _check_names(fields: pa.Schema | pa.StructType) -> None:
    names = [field.name for field in fields]
    if len(set(names)) != len(names):
        raise FileRejected("duplicate_column", "two columns have one name; which one is meant?")
    for field in fields:
        if kinds.is_struct(field.type):
            _check_names(field.type)


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
    columns = [_with_times_as_text(column) for column in batch.columns]
    texts = pa.record_batch(columns, names=batch.schema.names)
    try:
        rows = texts.to_pylist()
    except (ValueError, OverflowError, KeyError, TypeError, pa.ArrowException) as error:
        # Text that is no UTF-8 and the like: the file says of itself what is not true.
        raise FileRejected(
            "damaged_parquet", f"a value cannot be read ({type(error).__name__})"
        ) from None
    return [_line(row) for row in rows]


def _with_times_as_text(column: pa.Array) -> pa.Array:
    """Arrow holds times of the year 294247 or of zones that nobody knows; Python does not."""
    if kinds.is_timestamp(column.type):
        if column.type.tz is not None:
            column = column.cast(pa.timestamp(column.type.unit, "UTC"))
        return column.cast(pa.string())
    if kinds.is_struct(column.type) and column.type.num_fields:
        fields = [_with_times_as_text(column.field(at)) for at in range(column.type.num_fields)]
        names = [column.type.field(at).name for at in range(column.type.num_fields)]
        return pa.StructArray.from_arrays(fields, names=names, mask=column.is_null())
    return column


def _line(row: dict) -> bytes:
    try:
        return orjson.dumps(_plain(row))
    except (_NotJson, TypeError):
        # Written all the same, as NaN or as bytes that are no UTF-8: the check will say so.
        text = json.dumps(row, default=_as_text, ensure_ascii=False)
        return text.encode("utf-8", "surrogateescape")


class _NotJson(Exception):
    pass


def _plain(value: object) -> object:
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is dict:
        return {key: _plain(entry) for key, entry in value.items() if entry is not None}
    if kind is list:
        if value and all(type(entry) is tuple and len(entry) == 2 for entry in value):
            return {str(key): _plain(entry) for key, entry in value}  # an Arrow map
        return [_plain(entry) for entry in value]
    if kind is float:
        if not math.isfinite(value):
            raise _NotJson
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    text = _as_text(value)
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise _NotJson
    return text


def _as_text(value: object) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)
